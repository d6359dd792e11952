using System.Diagnostics;
using FunctionsApp.IntegrationTests.Hosting;

namespace FunctionsApp.PlaygroundTests;

/// <summary>The Python that the page writes beside a request are two programs that do the same: with the client, and without the app.</summary>
[Collection(PlaygroundCollection.Name)]
public sealed class PythonTests(PlaygroundFixture playground, PythonTests.Programs programs) : IClassFixture<PythonTests.Programs>
{
    /// <summary>Tab, example, and what its plain program prints.</summary>
    public static TheoryData<string, string, string> Plain => new()
    {
        { "await", "Wait a second", "done" },
        { "await", "Timeout", "TimeoutError" },
        { "sequence", "Each step uses the one before", "The median factor is" },
        { "sequence", "A step that fails", "RuntimeError: out of paper" },
        { "callback", "Work, then a sentence", "The result is 42." },
        { "callback", "Error, then a continuation", "out of paper" },
        { "gather", "Six waits, a computation", "5761455]" },
        { "gather", "At most two at a time", "5761455]" },
        { "gather", "The first one wins", "None" },
        { "gather", "Some fail, the others continue", "RuntimeError('out of paper')" },
        { "gather", "One fails, all are cancelled", "RuntimeError: out of paper" },
        { "map", "Powers, by starmap", "[1024, 81, 1000, 49]" },
        { "map", "Ten thousand squares", "99980001]" },
        { "map", "Waits, three at a time", "['0.9 s', '0.3 s', '0.6 s', '0.3 s', '0.6 s', '0.3 s']" },
        { "stream", "Count to twelve", "12" },
        { "stream", "Hello and goodbye", "Goodbye, Ada!" },
        { "tasks", "A gather, with its progress", "[None, None, None, None, None, None]" },
        { "tasks", "With a webhook", "done" },
        { "tasks", "Three attempts", "RuntimeError: out of paper" },
    };

    /// <summary>Tab, example, and what its program with the client prints.</summary>
    public static TheoryData<string, string, string> WithTheClient => new()
    {
        { "await", "Wait a second", "done" },
        { "await", "Timeout", "TimeoutError" },
        { "await", "Count primes", "3562115" },
        { "await", "Request with two errors", "/seconds must be a number" },
        { "sequence", "Six waits, a computation", "5761455]" },
        { "sequence", "Each step uses the one before", "The median factor is" },
        { "sequence", "A step that fails", "out of paper" },
        { "callback", "Work, then a sentence", "The result is 42." },
        { "callback", "Error, then a continuation", "out of paper" },
        { "gather", "Six waits, a computation", "5761455]" },
        { "gather", "At most two at a time", "5761455]" },
        { "gather", "The first one wins", "None" },
        { "gather", "Some fail, the others continue", "[1, ProblemError(" },
        { "gather", "One fails, all are cancelled", "out of paper" },
        { "map", "Primes, four million at a time", "5544201" },
        { "map", "Powers, by starmap", "[1024, 81, 1000, 49]" },
        { "map", "Waits, three at a time", "['0.9 s', '0.3 s', '0.6 s', '0.3 s', '0.6 s', '0.3 s']" },
        { "map", "Fractal: the whole set", "'iterations':" },
        { "stream", "Count to twelve", "12" },
        { "stream", "Stopped by its timeout", "TimeoutError" },
        { "tasks", "A map, with its progress", "'result': 13989537" },
        { "tasks", "A gather, with its progress", "'succeeded': 6" },
        { "tasks", "Three attempts", "out of paper" },
    };

    /// <summary>The page's script for a program with the client, and what that prints.</summary>
    public static TheoryData<string, string> Options => new()
    {
        { "python.await(program, 'echo', { value: [true, null] })", "[True, None]" },
        { "python.gather(program, { calls: [{ operation: 'delay', input: { seconds: 9 }, timeoutSeconds: 0.2 }], maxConcurrency: 1, returnExceptions: true })", "TimeoutError" },
        { "python.callback(program, 'delay', { input: { seconds: 0.1, result: 'done' }, timeoutSeconds: 60, onSuccess: { url: 'WEBHOOK' } })", "done" },
        { "python.task(program, 'delay', { input: { seconds: 0.1, result: 'done' }, ttlSeconds: 60, onError: { url: 'WEBHOOK' } })", "done" },
        { "python.sequence(program, { steps: [{ operation: 'delay', input: { seconds: 9 } }], timeoutSeconds: 0.2 })", "TimeoutError" },
    };

    /// <summary>The page's script for a plain program, and what that prints where the page does not know the operation.</summary>
    public static TheoryData<string, string> Unknown => new()
    {
        { "python.await(program, 'math.square', { x: 12 })", "144" },
        { "python.sequence(program, { steps: [{ operation: 'math.square', input: { x: 3 } }, { operation: 'math.pow', input: { x: { $ref: '#/results/0' }, y: 2 } }] })", "[9, 81]" },
        { "python.map(program, 'math.square', { items: [1, 2, 3], workers: 2 })", "[1, 4, 9]" },
        { "python.stream(program, 'count', { count: 2, intervalSeconds: 0.1 })", "1" },
        { "python.task(program, 'math.square', { input: { x: 12 } })", "144" },
    };

    [PythonTheory]
    [MemberData(nameof(Plain))]
    public async Task The_program_runs(string tab, string example, string output)
    {
        var (program, printed) = await programs.OutcomeAsync("python", tab, example);
        Assert.DoesNotContain("asyncio_http", program, StringComparison.Ordinal);
        Assert.Contains(output, printed, StringComparison.Ordinal);
    }

    [PythonTheory]
    [MemberData(nameof(WithTheClient))]
    public async Task The_program_with_the_client_runs(string tab, string example, string output)
    {
        var (program, printed) = await programs.OutcomeAsync("client", tab, example);
        Assert.Contains("import asyncio_http", program, StringComparison.Ordinal);
        Assert.Contains(output, printed, StringComparison.Ordinal);
    }

    [PythonTheory]
    [MemberData(nameof(Options))]
    public async Task The_program_with_the_client_has_the_options_of_the_request(string script, string output) =>
        Assert.Contains(output, (await programs.OutcomeAsync("ClientProgram", script)).Printed, StringComparison.Ordinal);

    [PythonTheory]
    [MemberData(nameof(Unknown))]
    public async Task An_unknown_operation_is_called_at_the_server(string script, string output)
    {
        var (program, printed) = await programs.OutcomeAsync("PythonProgram", script);
        Assert.Contains("asyncio_http", program, StringComparison.Ordinal);
        Assert.Contains(output, printed, StringComparison.Ordinal);
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
        var texts = new List<string>();
        foreach (var operation in BuiltIn.Operations.Intersect(await page.Part(tab, "operation").Locator("option").AllTextContentsAsync()))
        {
            await page.Part(tab, "operation").SelectOptionAsync(operation);
            foreach (var part in new[] { "client", "python" })
            {
                var program = (await page.Part(tab, part).TextContentAsync())!;
                Assert.DoesNotContain("NotImplementedError", program, StringComparison.Ordinal);
                Assert.DoesNotContain("no Python program", program, StringComparison.Ordinal);
                texts.Add(program);
            }
        }

        Assert.NotEmpty(texts);
        Assert.Equal("", await Programs.RunAsync(string.Join('\n', texts.Select(static program => $"compile({System.Text.Json.JsonSerializer.Serialize(program)}, 'twin', 'exec')"))));
    }

    /// <summary>Reads all programs from one page and runs four at a time, because most of them wait.</summary>
    public sealed class Programs(PlaygroundFixture playground) : IAsyncLifetime, IDisposable
    {
        private readonly SemaphoreSlim _places = new(4);
        private readonly Dictionary<string, Task<(string Program, string Printed)>> _outcomes = new(StringComparer.Ordinal);

        public async Task InitializeAsync()
        {
            if (Machine.WithoutPython is not null)
            {
                return;
            }

            await using var page = await playground.OpenAsync();
            foreach (var (part, rows) in new[] { ("python", Plain), ("client", WithTheClient) })
            {
                foreach (var (tab, example) in rows.Select(static row => ((string)row[0], (string)row[1])))
                {
                    await page.Page.ClickAsync($"#tab-{tab}");
                    await page.ChooseAsync(tab, example);
                    Start((await page.Part(tab, part).TextContentAsync())!, part, tab, example);
                }
            }

            var webhook = new Uri(playground.Receiver.Origin, "webhook").ToString();
            foreach (var (kind, rows) in new[] { ("ClientProgram", Options), ("PythonProgram", Unknown) })
            {
                foreach (var script in rows.Select(static row => (string)row[0]))
                {
                    Start(await page.Page.EvaluateAsync<string>($"() => {{ const program = new {kind}(); return {script.Replace("WEBHOOK", webhook, StringComparison.Ordinal)}; }}"), kind, script);
                }

                // From here on the page knows no operation.
                await page.Page.EvaluateAsync("() => { for (const name of Object.keys(PYTHON)) delete PYTHON[name]; }");
            }
        }

        /// <summary>Returns a program, and what it has printed.</summary>
        public Task<(string Program, string Printed)> OutcomeAsync(params string[] names) => _outcomes[string.Join(' ', names)];

        /// <summary>Runs a program, and returns what it prints.</summary>
        public static async Task<string> RunAsync(string program)
        {
            var file = Path.GetTempFileName();
            try
            {
                await File.WriteAllTextAsync(file, program);
                var start = new ProcessStartInfo(Machine.Python!, [file]) { RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false };
                start.Environment["PYTHONPATH"] = Path.Combine(Repository.Root, "clients", "python", "src");
                using var process = Process.Start(start)!;
                var (output, error) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
                await process.WaitForExitAsync().WaitAsync(TimeSpan.FromSeconds(180));
                return await output + await error;
            }
            finally
            {
                File.Delete(file);
            }
        }

        public async Task DisposeAsync()
        {
            Task all = Task.WhenAll(_outcomes.Values);
            await all.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        public void Dispose() => _places.Dispose();

        private void Start(string program, params string[] names)
        {
            _outcomes.Add(string.Join(' ', names), RunInTurnAsync());

            async Task<(string Program, string Printed)> RunInTurnAsync()
            {
                await _places.WaitAsync();
                try
                {
                    return (program, await RunAsync(program));
                }
                finally
                {
                    _places.Release();
                }
            }
        }
    }
}
