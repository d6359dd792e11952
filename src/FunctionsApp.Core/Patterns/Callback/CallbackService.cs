using System.Text.Json;
using FunctionsApp.Core.Json;
using FunctionsApp.Core.Json.Schema;
using FunctionsApp.Core.Limits;
using FunctionsApp.Core.Operations;
using FunctionsApp.Core.Patterns.Sequence;
using FunctionsApp.Core.Problems;
using FunctionsApp.Core.Telemetry;
using Microsoft.Extensions.Options;

namespace FunctionsApp.Core.Patterns.Callback;

/// <summary>
/// <c>async_task(callback)</c>: runs work; when it is done, runs the continuation for its outcome.
/// </summary>
public sealed class CallbackService(
    OperationCatalog catalog, RequestReader reader, TimeLimits timeLimits, MemoryBudget memory, ProblemDescriber describer,
    IOptions<LimitsOptions> limits, TimeProvider time) : ITaskPattern
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
        var work = Read(operation, request, cancellationToken);
        return await AppTelemetry.WatchAsync(Name, operation, () => RunWorkAsync(work));
    }

    string? ITaskPattern.Check(string? operation, RawJson request)
    {
        Read(operation!, reader.Read<CallbackRequest>(request.Utf8), CancellationToken.None);
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
    private Work Read(string operation, CallbackRequest request, CancellationToken cancellationToken)
    {
        var call = catalog.FindCallable(operation).Bind((request.Input ?? RawJson.EmptyObject).Utf8, "/input");
        var onSuccess = Next.Of(ContinuationKind.OnSuccess, catalog, request.OnSuccess);
        var onError = Next.Of(ContinuationKind.OnError, catalog, request.OnError);
        timeLimits.Check(request.TimeoutSeconds, "/timeoutSeconds");
        return new Work(operation, call, onSuccess, onError, request.TimeoutSeconds, new RequestClock(time), cancellationToken);
    }

    private async Task<CallbackOutcome> RunWorkAsync(Work work)
    {
        var (result, problem) = await TryAsync(work);
        var next = problem is null ? work.OnSuccess : work.OnError;
        if (next is null)
        {
            return problem is null ? new CallbackOutcome(result, Response: null) : throw new ProblemException(problem);
        }

        var outcome = problem is null ? result : RawJson.From(problem, CoreJson.TypeInfo<Problem>());
        return new CallbackOutcome(result, await ContinueAsync(work, next, outcome));
    }

    private async Task<(RawJson Result, Problem? Problem)> TryAsync(Work work)
    {
        try
        {
            var result = await timeLimits.RunAsync(
                token => work.Call.InvokeAsync(Name, token), $"'{work.Operation}'",
                work.TimeoutSeconds, "/timeoutSeconds", work.CancellationToken);
            return (result, null);
        }
        catch (Exception exception) when (!work.CancellationToken.IsCancellationRequested)
        {
            return (default, describer.Describe(exception));
        }
    }

    private async Task<CallbackResponse> ContinueAsync(Work work, Next next, RawJson outcome)
    {
        var worked = work.Clock.ElapsedMs;
        var held = memory.ForRequest();
        held.HoldResult(outcome.Utf8.Length);
        var call = next.Bind(outcome, limits.Value, held, work.CancellationToken);
        var result = await timeLimits.RunAsync(
            token => call.InvokeAsync(Name, token), $"'{next.Operation}'", seconds: null, "", work.CancellationToken);
        held.HoldResult(result.Utf8.Length);
        var finished = work.Clock.ElapsedMs;
        return new CallbackResponse(next.Kind, result,
            [new TimelineEntry(0, work.Operation, 0, worked), new TimelineEntry(1, next.Operation, worked, finished)], finished);
    }

    private sealed record Work(
        string Operation, OperationCall Call, Next? OnSuccess, Next? OnError,
        double? TimeoutSeconds, RequestClock Clock, CancellationToken CancellationToken);

    /// <summary>A continuation. An input without references is bound at once.</summary>
    private sealed class Next
    {
        private readonly CallableOperation _operation;
        private readonly RawJson? _input;
        private readonly OperationCall? _call;

        private Next(ContinuationKind kind, OperationCatalog catalog, string operation, RawJson? given)
        {
            Kind = kind;
            _operation = catalog.FindCallable(operation);
            _input = given;
            if (_input is { } input && !JsonReferences.MayOccur(input.Utf8.Span))
            {
                _call = _operation.Bind(input.Utf8, Pointer);
            }
        }

        /// <summary>Creates the continuation by an operation; returns null when there is none.</summary>
        public static Next? Of(ContinuationKind kind, OperationCatalog catalog, Continuation? continuation) =>
            continuation?.Operation is { } operation ? new Next(kind, catalog, operation, continuation.Input) : null;

        public ContinuationKind Kind { get; }

        public string Operation => _operation.Name;

        private string Pointer => Kind == ContinuationKind.OnSuccess ? "/onSuccess/input" : "/onError/input";

        public OperationCall Bind(RawJson outcome, LimitsOptions limits, RequestMemory held, CancellationToken cancellationToken)
        {
            if (_call is not null)
            {
                return _call;
            }

            if (_input is not { } input)
            {
                return _operation.Bind(outcome.Utf8, Pointer, bareValues: true);
            }

            var root = Kind == ContinuationKind.OnSuccess ? "result" : "error";
            var element = outcome.ToElement();
            var resolved = new JsonReferences(Find, limits, held, cancellationToken).Resolve(input, Pointer);
            return _operation.Bind(resolved.Utf8, Pointer);

            JsonElement? Find(string[] tokens) => tokens.Length > 0 && string.Equals(tokens[0], root, StringComparison.Ordinal)
                ? JsonPointer.Follow(element, tokens.AsSpan(1))
                : null;
        }
    }
}
