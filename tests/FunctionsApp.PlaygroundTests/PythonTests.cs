using System.Diagnostics;
using FunctionsApp.IntegrationTests.Hosting;

namespace FunctionsApp.PlaygroundTests;

/// <summary>The Python that the page writes beside a request are two programs that do the same: with the client, and without the app.</summary>
[Collection(PlaygroundCollection.Name)]
public sealed class PythonTests(PlaygroundFixture playground, PythonTests.SharedPage shared) : IClassFixture<PythonTests.SharedPage>
{
    [PythonTheory]
    [InlineData("await", "Wait a second", "done")]
    [InlineData("await", "Timeout", "TimeoutError")]
    [InlineData("sequence", "Each step uses the one before", "The median factor is")]
    [InlineData("sequence", "A step that fails", "RuntimeError: out of paper")]
    [InlineData("callback", "Work, then a sentence", "The result is 42.")]
    [InlineData("callback", "Error, then a continuation", "out of paper")]
    [InlineData("gather", "Six waits, a computation", "5761455]")]
    [InlineData("gather", "At most two at a time", "5761455]")]
    [InlineData("gather", "The first one wins", "None")]
    [InlineData("gather", "Some fail, the others continue", "RuntimeError('out of paper')")]
    [InlineData("gather", "One fails, all are cancelled", "RuntimeError: out of paper")]
    [InlineData("map", "Powers, by starmap", "[1024, 81, 1000, 49]")]
    [InlineData("map", "Ten thousand squares", "99980001]")]
    [InlineData("stream", "Count to twelve", "12")]
    [InlineData("stream", "Hello and goodbye", "Goodbye, Ada!")]
    [InlineData("tasks", "A gather, with its progress", "[None, None, None, None, None, None]")]
    [InlineData("tasks", "With a webhook", "done")]
    [InlineData("tasks", "Three attempts", "RuntimeError: out of paper")]
    public async Task The_program_runs(string tab, string example, string output)
    {
        var program = await shared.ReadAsync(tab, example, "python");
        Assert.DoesNotContain("asyncio_http", program, StringComparison.Ordinal);
        Assert.Contains(output, await RunAsync(program), StringComparison.Ordinal);
    }

    [PythonTheory]
    [InlineData("await", "Wait a second", "done")]
    [InlineData("await", "Timeout", "TimeoutError")]
    [InlineData("await", "Count primes", "3562115")]
    [InlineData("await", "Request with two errors", "/seconds must be a number")]
    [InlineData("sequence", "Six waits, a computation", "5761455]")]
    [InlineData("sequence", "Each step uses the one before", "The median factor is")]
    [InlineData("sequence", "A step that fails", "out of paper")]
    [InlineData("callback", "Work, then a sentence", "The result is 42.")]
    [InlineData("callback", "Error, then a continuation", "out of paper")]
    [InlineData("gather", "Six waits, a computation", "5761455]")]
    [InlineData("gather", "At most two at a time", "5761455]")]
    [InlineData("gather", "The first one wins", "None")]
    [InlineData("gather", "Some fail, the others continue", "[1, ProblemError(")]
    [InlineData("gather", "One fails, all are cancelled", "out of paper")]
    [InlineData("map", "Primes, four million at a time", "5544201")]
    [InlineData("map", "Powers, by starmap", "[1024, 81, 1000, 49]")]
    [InlineData("map", "Fractal: the whole set", "'iterations':")]
    [InlineData("stream", "Count to twelve", "12")]
    [InlineData("stream", "Stopped by its timeout", "TimeoutError")]
    [InlineData("tasks", "A map, with its progress", "'result': 13989537")]
    [InlineData("tasks", "A gather, with its progress", "'succeeded': 6")]
    [InlineData("tasks", "Three attempts", "out of paper")]
    public async Task The_program_with_the_client_runs(string tab, string example, string output)
    {
        var program = await shared.ReadAsync(tab, example, "client");
        Assert.Contains("import asyncio_http", program, StringComparison.Ordinal);
        Assert.Contains(output, await RunAsync(program), StringComparison.Ordinal);
    }

    [PythonTheory]
    [InlineData("python.await(program, 'echo', { value: [true, null] })", "[True, None]")]
    [InlineData("python.gather(program, { calls: [{ operation: 'delay', input: { seconds: 9 }, timeoutSeconds: 0.2 }], maxConcurrency: 1, returnExceptions: true })", "ProblemTimeoutError")]
    [InlineData("python.callback(program, 'delay', { input: { seconds: 0.1, result: 'done' }, timeoutSeconds: 5, onSuccess: { url: 'WEBHOOK' } })", "done")]
    [InlineData("python.task(program, 'delay', { input: { seconds: 0.1, result: 'done' }, ttlSeconds: 60, onError: { url: 'WEBHOOK' } })", "done")]
    [InlineData("python.sequence(program, { steps: [{ operation: 'delay', input: { seconds: 9 } }], timeoutSeconds: 0.2 })", "ProblemTimeoutError")]
    public async Task The_program_with_the_client_has_the_options_of_the_request(string request, string output)
    {
        await using var page = await playground.OpenAsync();
        request = request.Replace("WEBHOOK", new Uri(playground.Receiver.Origin, "webhook").ToString(), StringComparison.Ordinal);
        var program = await page.Page.EvaluateAsync<string>($"() => {{ const program = new ClientProgram(); return {request}; }}");
        Assert.Contains(output, await RunAsync(program), StringComparison.Ordinal);
    }

    [BrowserFact]
    public async Task The_program_with_the_client_comes_before_the_plain_one()
    {
        await using var page = await playground.OpenAsync();
        Assert.Equal(["Python, with the client", "Plain Python, without this app"], await page.Panel("gather").Locator(".twins h3").AllTextContentsAsync());
    }

    [PythonTheory]
    [InlineData("await")]
    [InlineData("callback")]
    [InlineData("map")]
    [InlineData("stream")]
    public async Task Every_built_in_operation_has_a_program_that_compiles(string tab)
    {
        await using var page = await playground.OpenAsync(tab);
        var programs = new List<string>();
        foreach (var operation in BuiltIn.Operations.Intersect(await page.Part(tab, "operation").Locator("option").AllTextContentsAsync()))
        {
            await page.Part(tab, "operation").SelectOptionAsync(operation);
            foreach (var part in new[] { "client", "python" })
            {
                var program = (await page.Part(tab, part).TextContentAsync())!;
                Assert.DoesNotContain("NotImplementedError", program, StringComparison.Ordinal);
                Assert.DoesNotContain("no Python program", program, StringComparison.Ordinal);
                programs.Add(program);
            }
        }

        Assert.NotEmpty(programs);
        Assert.Equal("", await RunAsync(string.Join('\n', programs.Select(static program => $"compile({System.Text.Json.JsonSerializer.Serialize(program)}, 'twin', 'exec')"))));
    }

    [PythonTheory]
    [InlineData("await", "python.await(new PythonProgram(), 'math.square', { x: 12 })", "144")]
    [InlineData("sequence", "python.sequence(new PythonProgram(), { steps: [{ operation: 'math.square', input: { x: 3 } }, { operation: 'math.pow', input: { x: { $ref: '#/results/0' }, y: 2 } }] })", "[9, 81]")]
    [InlineData("map", "python.map(new PythonProgram(), 'math.square', { items: [1, 2, 3], workers: 2 })", "[1, 4, 9]")]
    [InlineData("stream", "python.stream(new PythonProgram(), 'count', { count: 2, intervalSeconds: 0.1 })", "1")]
    [InlineData("tasks", "python.task(new PythonProgram(), 'math.square', { input: { x: 12 } })", "144")]
    public async Task An_unknown_operation_is_called_at_the_server(string tab, string request, string output)
    {
        await using var page = await playground.OpenAsync(tab);

        var program = await page.Page.EvaluateAsync<string>($"() => {{ for (const name of Object.keys(PYTHON)) delete PYTHON[name]; return {request}; }}");

        Assert.Contains("asyncio_http", program, StringComparison.Ordinal);
        Assert.Contains(output, await RunAsync(program), StringComparison.Ordinal);
    }

    private static async Task<string> RunAsync(string? program)
    {
        var file = Path.GetTempFileName();
        try
        {
            await File.WriteAllTextAsync(file, program);
            var start = new ProcessStartInfo(Machine.Python!, [file]) { RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false };
            start.Environment["PYTHONPATH"] = Path.Combine(Repository.Root, "clients", "python", "src");
            using var process = Process.Start(start)!;
            var (output, error) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
            await process.WaitForExitAsync().WaitAsync(TimeSpan.FromSeconds(60));
            return await output + await error;
        }
        finally
        {
            File.Delete(file);
        }
    }

    /// <summary>One page for all programs: a page of its own for each would also run a first example for each.</summary>
    public sealed class SharedPage(PlaygroundFixture playground) : IAsyncLifetime
    {
        private PlaygroundPage? _page;

        public Task InitializeAsync() => Task.CompletedTask;

        /// <summary>Returns a program of an example.</summary>
        public async Task<string> ReadAsync(string tab, string example, string part)
        {
            _page ??= await playground.OpenAsync(tab);
            await _page.Page.ClickAsync($"#tab-{tab}");
            await _page.ChooseAsync(tab, example);
            return (await _page.Part(tab, part).TextContentAsync())!;
        }

        public async Task DisposeAsync() => await (_page?.DisposeAsync() ?? ValueTask.CompletedTask);
    }
}
