using System.Text.Json;
using FunctionsApp.Core.Operations;
using FunctionsApp.Core.Problems;
using FunctionsApp.Core.Tests;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace FunctionsApp.LocalHost.Tests;

/// <summary>An error that no operation should have: the log names the work that has failed.</summary>
public sealed class InternalErrorTests
{
    private readonly LogBook<ProblemDescriber> _log = new();

    [Theory]
    [InlineData("await/broken", "{}", "/api/await/broken")]
    [InlineData("stream/broken.stream", "{}", "/api/stream/broken.stream")]
    [InlineData("gather", """{"calls":[{"operation":"broken"}]}""", "broken")]
    [InlineData("sequence", """{"steps":[{"operation":"broken"}]}""", "broken")]
    [InlineData("callback/broken", """{"input":{},"onSuccess":{"operation":"echo"}}""", "broken")]
    [InlineData("map/broken.cpu", """{"items":[{}]}""", "broken.cpu")]
    public async Task The_log_names_the_operation(string path, string request, string work)
    {
        await using var host = await StartAsync();

        var (_, body) = await host.PostAsync(path, request);

        Assert.Contains("/problems/internal-error", body, StringComparison.Ordinal);
        Assert.DoesNotContain("inside", body, StringComparison.Ordinal);
        var (level, exception, message) = Assert.Single(_log.Entries);
        Assert.Equal((LogLevel.Error, "inside"), (level, exception?.Message));
        Assert.StartsWith($"Unexpected failure of {work}; the problem has trace id ", message, StringComparison.Ordinal);
        Assert.Contains(message.Split(' ')[^1], body, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("tasks/broken", """{"input":{}}""", "broken")]
    [InlineData("tasks", """{"pattern":"gather","request":{"calls":[{"operation":"broken"}]}}""", "broken")]
    [InlineData("tasks", """{"pattern":"map","operation":"broken.cpu","request":{"items":[{}]}}""", "broken.cpu")]
    public async Task In_a_task_it_names_the_task_too(string path, string request, string work)
    {
        await using var host = await StartAsync();

        var (_, body) = await host.PostAsync(path, request);
        var id = JsonDocument.Parse(body).RootElement.GetProperty("id").GetString();
        var ended = await host.Http.GetStringAsync(new Uri($"tasks/{id}?waitSeconds=60", UriKind.Relative));

        Assert.Contains("/problems/internal-error", ended, StringComparison.Ordinal);
        Assert.StartsWith($"Unexpected failure of {work} in task {id}; ", Assert.Single(_log.Entries).Message, StringComparison.Ordinal);
    }

    private Task<OwnHost> StartAsync() => OwnHost.StartAsync(services => services
        .AddSingleton<ILogger<ProblemDescriber>>(_log)
        .AddOperation<Broken>().AddOperation<BrokenCpu>().AddOperation<BrokenStream>());

    internal sealed record Nothing;

    [Operation("broken", "Breaks.", Example = "{}")]
    internal sealed class Broken : IOperation<Nothing, int>
    {
        public ValueTask<int> RunAsync(Nothing input, CancellationToken cancellationToken) => throw new InvalidOperationException("inside");
    }

    [Operation("broken.cpu", "Breaks.", Example = "{}")]
    internal sealed class BrokenCpu : ICpuOperation<Nothing, int>
    {
        public int Compute(Nothing input, CancellationToken cancellationToken) => throw new InvalidOperationException("inside");
    }

    [Operation("broken.stream", "Breaks.", Example = "{}")]
    internal sealed class BrokenStream : IStreamOperation<Nothing, int>
    {
        public async IAsyncEnumerable<int> StreamAsync(Nothing input, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
        {
            await Task.Yield();
            yield return 1;
            throw new InvalidOperationException("inside");
        }
    }
}
