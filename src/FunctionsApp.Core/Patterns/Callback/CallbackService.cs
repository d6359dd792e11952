using System.Text.Json;
using FunctionsApp.Core.Json;
using FunctionsApp.Core.Json.Schema;
using FunctionsApp.Core.Limits;
using FunctionsApp.Core.Operations;
using FunctionsApp.Core.Patterns.Sequence;
using FunctionsApp.Core.Problems;
using Microsoft.Extensions.Options;

namespace FunctionsApp.Core.Patterns.Callback;

/// <summary>
/// <c>async_task(callback)</c>: runs work; when it is done, runs the continuation for its outcome.
/// </summary>
public sealed class CallbackService(
    OperationCatalog catalog, RequestReader reader, PatternRuns runs, IOptions<LimitsOptions> limits) : ITaskPattern
{
    /// <summary>The pattern's name.</summary>
    public const string Name = "callback";

    string ITaskPattern.Name => Name;

    /// <summary>False: a callback with a URL has its own endpoint.</summary>
    bool ITaskPattern.IsNamedByCallers => false;

    /// <summary>Runs the work and its continuation. An outcome for a URL is returned too; only a task delivers it.</summary>
    /// <param name="operation">The operation's name; io or cpu.</param>
    /// <param name="request">Its input and continuations.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    /// <exception cref="ProblemException">
    /// The request is invalid, and nothing has started; or the problem of failed work that no operation continues with.
    /// </exception>
    public async Task<CallbackOutcome> RunAsync(string operation, CallbackRequest request, CancellationToken cancellationToken)
    {
        // Reports every error that is known in advance before the work starts.
        var work = Read(operation, request);
        return await runs.RunAsync(
            Name, operation, request.TimeoutSeconds, run => RunWorkAsync(work, run, cancellationToken), cancellationToken);
    }

    string? ITaskPattern.Check(string? operation, RawJson request)
    {
        Read(operation!, reader.Read<CallbackRequest>(request.Utf8));
        return operation;
    }

    async Task<TaskOutcome> ITaskPattern.RunAsync(string? operation, RawJson request, CancellationToken cancellationToken)
    {
        var outcome = await RunAsync(operation!, reader.Read<CallbackRequest>(request.Utf8), cancellationToken);
        return outcome.Response is { } response
            ? TaskOutcome.Succeeded(response) with { IsContinued = true }
            : TaskOutcome.Succeeded(outcome.Result);
    }

    /// <summary>Checks a request without running it, whether its outcomes go to operations or to URLs.</summary>
    private Work Read(string operation, CallbackRequest request)
    {
        var call = catalog.Find<CallableOperation>(operation).Bind((request.Input ?? RawJson.EmptyObject).Utf8, "/input");
        var onSuccess = Next(ContinuationKind.OnSuccess, request.OnSuccess, "/onSuccess/input");
        var onError = Next(ContinuationKind.OnError, request.OnError, "/onError/input");
        runs.CheckTimeout(request.TimeoutSeconds);
        return new Work(operation, call, onSuccess, onError);
    }

    private NextCall? Next(ContinuationKind kind, Continuation? continuation, string pointer)
    {
        if (continuation?.Operation is not { } name)
        {
            return null;
        }

        var operation = catalog.Find<CallableOperation>(name);
        return new NextCall(kind, operation, pointer, continuation.Input is { } input ? new PendingCall(operation, input, pointer) : null);
    }

    private async Task<CallbackOutcome> RunWorkAsync(Work work, PatternRun run, CancellationToken cancellationToken)
    {
        RawJson result = default;
        Problem? problem = null;
        try
        {
            result = await work.Call.InvokeAsync(Name, run.Limit.Token);
        }
        catch (Exception exception) when (!cancellationToken.IsCancellationRequested)
        {
            problem = run.Describe(exception, $"'{work.Operation}'", work.Operation);
        }

        var next = problem is null ? work.OnSuccess : work.OnError;
        if (next is null)
        {
            return problem is null ? new CallbackOutcome(result, Response: null) : throw new ProblemException(problem);
        }

        var outcome = problem is null ? result : RawJson.From(problem, CoreJson.TypeInfo<Problem>());
        var worked = run.Clock.ElapsedMs;
        var continued = await ContinueAsync(next, outcome, run.Memory, cancellationToken);
        var finished = run.Clock.ElapsedMs;
        return new CallbackOutcome(result, new CallbackResponse(next.Kind, continued,
            [new TimelineEntry(0, work.Operation, 0, worked), new TimelineEntry(1, next.Operation.Name, worked, finished)], finished));
    }

    private async Task<RawJson> ContinueAsync(NextCall next, RawJson outcome, RequestMemory held, CancellationToken cancellationToken)
    {
        held.HoldResult(outcome.Utf8.Length);
        var root = next.Kind == ContinuationKind.OnSuccess ? "result" : "error";
        var element = new Lazy<JsonElement>(outcome.ToElement);
        var call = next.Call?.Bind(new JsonReferences(Find, limits.Value, held, cancellationToken))
            ?? next.Operation.Bind(outcome.Utf8, next.Pointer, bareValues: true);
        using var run = runs.Start(timeoutSeconds: null, cancellationToken);
        var result = await run.Limit.RunAsync(token => call.InvokeAsync(Name, token), $"'{next.Operation.Name}'");
        held.HoldResult(result.Utf8.Length);
        return result;

        JsonElement? Find(string[] tokens) => tokens is [var first, .. var rest] && string.Equals(first, root, StringComparison.Ordinal)
            ? JsonPointer.Follow(element.Value, rest)
            : null;
    }

    private sealed record Work(string Operation, OperationCall Call, NextCall? OnSuccess, NextCall? OnError);

    /// <summary>A continuation by an operation. Without a call of its own, the outcome is the input.</summary>
    private sealed record NextCall(ContinuationKind Kind, CallableOperation Operation, string Pointer, PendingCall? Call);
}
