using FunctionsApp.Core.Json;
using FunctionsApp.Core.Operations;
using FunctionsApp.Core.Problems;

namespace FunctionsApp.Core.Patterns.Await;

/// <summary><c>await f(x)</c>, with <c>asyncio.wait_for</c> around it: runs one operation and returns its result.</summary>
public sealed class AwaitService(OperationCatalog catalog, PatternRuns runs) : ITaskPattern
{
    /// <summary>The pattern's name.</summary>
    public const string Name = "await";

    string ITaskPattern.Name => Name;

    /// <summary>False: callers create a task of one operation by the operation's name.</summary>
    bool ITaskPattern.IsNamedByCallers => false;

    /// <summary>Runs an operation.</summary>
    /// <param name="operation">The operation's name; io or cpu.</param>
    /// <param name="input">The operation's input.</param>
    /// <param name="timeoutSeconds">The time limit, in seconds; null means <c>Limits:MaxTimeoutSeconds</c>.</param>
    /// <param name="cancellationToken">Stops the operation.</param>
    /// <exception cref="ProblemException">
    /// <c>unknown-operation</c>, <c>wrong-kind</c>, <c>invalid-request</c>, <c>timeout</c>, <c>saturated</c>, <c>too-large</c>.
    /// </exception>
    /// <exception cref="OperationException">The operation's own error.</exception>
    public async Task<AwaitResponse> RunAsync(string operation, RawJson input, double? timeoutSeconds, CancellationToken cancellationToken)
    {
        var call = catalog.Find<CallableOperation>(operation).Bind(input.Utf8, pointer: "");
        using var run = runs.Start(timeoutSeconds, cancellationToken);
        var result = await run.Limit.RunAsync(token => call.InvokeAsync(Name, token), $"'{operation}'");
        run.Memory.HoldResult(result.Utf8.Length);
        return new AwaitResponse(operation, result, run.Clock.ElapsedMs);
    }

    string? ITaskPattern.Check(string? operation, RawJson request)
    {
        catalog.Find<CallableOperation>(operation!).Bind(request.Utf8, pointer: "");
        return operation;
    }

    async Task<TaskOutcome> ITaskPattern.RunAsync(string? operation, RawJson request, CancellationToken cancellationToken) =>
        TaskOutcome.Succeeded((await RunAsync(operation!, request, timeoutSeconds: null, cancellationToken)).Result);
}
