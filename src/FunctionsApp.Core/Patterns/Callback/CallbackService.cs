using System.Text.Json;
using FunctionsApp.Core.Json;
using FunctionsApp.Core.Limits;
using FunctionsApp.Core.Operations;
using FunctionsApp.Core.Patterns.Sequence;
using FunctionsApp.Core.Problems;
using FunctionsApp.Core.Telemetry;
using Microsoft.Extensions.Options;

namespace FunctionsApp.Core.Patterns.Callback;

/// <summary>Receives the outcome of <see cref="CallbackService.Start"/>, or its error.</summary>
/// <param name="outcome">The outcome of the work and its continuation; default when there is an error.</param>
/// <param name="error">The error, such as the problem of failed work that no operation continues with; null when there is an outcome.</param>
public delegate void CallbackCompleted(CallbackOutcome outcome, Exception? error);

/// <summary>
/// <c>async_task(callback)</c>: starts work and returns. When the work is done, the service runs its continuation. Then it
/// calls a delegate with the outcome.
/// </summary>
public sealed class CallbackService(
    OperationCatalog catalog, RequestReader reader, TimeLimits timeLimits, MemoryBudget memory, ProblemDescriber describer, IOptions<LimitsOptions> limits, TimeProvider time) : ITaskPattern
{
    /// <summary>The pattern's name.</summary>
    public const string Name = "callback";

    string ITaskPattern.Name => Name;

    /// <summary>False: a callback with a URL has its own endpoint.</summary>
    bool ITaskPattern.IsNamedByCallers => false;

    /// <summary>Starts the work. The delegate also receives an outcome for a URL; only a task delivers it.</summary>
    /// <param name="operation">The operation's name; io or cpu.</param>
    /// <param name="request">Its input and continuations.</param>
    /// <param name="completed">
    /// Called exactly once, on the thread that ended the last of the work, possibly the calling thread. The delegate
    /// must return soon and must not throw.
    /// </param>
    /// <param name="cancellationToken">Stops the work; <paramref name="completed"/> is still called.</param>
    /// <exception cref="ProblemException">The request is invalid; nothing has started.</exception>
    public void Start(string operation, CallbackRequest request, CallbackCompleted completed, CancellationToken cancellationToken)
    {
        // Reports every error that is known in advance before the work starts.
        var work = Read(operation, request, cancellationToken);
        var limit = timeLimits.Start(request.TimeoutSeconds, "/timeoutSeconds", cancellationToken);
        _ = CompleteAsync();

        async Task CompleteAsync()
        {
            CallbackOutcome outcome = default;
            Exception? error = null;
            try
            {
                outcome = await RunAsync(work, limit);
            }
#pragma warning disable CA1031 // No exception is swallowed: the delegate receives it.
            catch (Exception exception)
#pragma warning restore CA1031
            {
                error = exception;
            }
            finally
            {
                limit.Dispose();
            }

            completed(outcome, error);
        }
    }

    /// <summary>Checks a request without running it, whether its outcomes go to operations or to URLs.</summary>
    /// <inheritdoc cref="Start"/>
    internal void Check(string operation, CallbackRequest request)
    {
        Read(operation, request, CancellationToken.None);
        timeLimits.Check(request.TimeoutSeconds, "/timeoutSeconds");
    }

    string? ITaskPattern.Check(string? operation, RawJson request)
    {
        Check(operation!, reader.Read<CallbackRequest>(request.Utf8));
        return operation;
    }

    async Task<TaskOutcome> ITaskPattern.RunAsync(string? operation, RawJson request, CancellationToken cancellationToken)
    {
        var outcome = await this.RunAsync(operation!, reader.Read<CallbackRequest>(request.Utf8), cancellationToken);
        return outcome.Response is { } response ? TaskOutcome.Succeeded(response) with { IsContinued = true } : TaskOutcome.Succeeded(outcome.Result);
    }

    private Work Read(string operation, CallbackRequest request, CancellationToken cancellationToken) => new(
        operation,
        catalog.FindCallable(operation).Bind((request.Input ?? RawJson.EmptyObject).Utf8, "/input"),
        Next.Of(ContinuationKind.OnSuccess, catalog, request.OnSuccess),
        Next.Of(ContinuationKind.OnError, catalog, request.OnError),
        new RequestClock(time),
        cancellationToken);

    private Task<CallbackOutcome> RunAsync(Work work, TimeLimit limit) =>
        AppTelemetry.RunAsync(Name, work.Operation, () => RunWorkAsync(work, limit));

    private async Task<CallbackOutcome> RunWorkAsync(Work work, TimeLimit limit)
    {
        var (result, problem) = await TryAsync(work, limit);
        var next = problem is null ? work.OnSuccess : work.OnError;
        if (next is null)
        {
            return problem is null ? new CallbackOutcome(result, Response: null) : throw new ProblemException(problem);
        }

        return new CallbackOutcome(result, await ContinueAsync(work, next, problem is null ? result : RawJson.From(problem, CoreJson.TypeInfo<Problem>())));
    }

    private async Task<(RawJson Result, Problem? Problem)> TryAsync(Work work, TimeLimit limit)
    {
        try
        {
            return (await limit.RunAsync(token => work.Call.RunAsync(work.Operation, Name, token), $"'{work.Operation}'"), null);
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
        await held.HoldResultAsync(outcome.Utf8.Length, work.CancellationToken);
        var call = next.Bind(outcome, limits.Value, held, work.CancellationToken);
        var result = await timeLimits.RunAsync(token => call.RunAsync(next.Operation, Name, token), $"'{next.Operation}'", seconds: null, "", work.CancellationToken);
        await held.HoldResultAsync(result.Utf8.Length, work.CancellationToken);
        var finished = work.Clock.ElapsedMs;
        return new CallbackResponse(next.Kind, result,
            [new TimelineEntry(0, work.Operation, 0, worked), new TimelineEntry(1, next.Operation, worked, finished)], finished);
    }

    private sealed record Work(string Operation, OperationCall Call, Next? OnSuccess, Next? OnError, RequestClock Clock, CancellationToken CancellationToken);

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
            var resolved = JsonReferences.Resolve(input, Pointer, new ReferenceScope(Find, limits, held, cancellationToken));
            return _operation.Bind(resolved.Utf8, Pointer);

            JsonElement? Find(string[] tokens) =>
                tokens.Length > 0 && string.Equals(tokens[0], root, StringComparison.Ordinal) ? JsonPointer.Follow(element, tokens.AsSpan(1)) : null;
        }
    }
}
