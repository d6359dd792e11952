using System.Text.Json;
using FunctionsApp.Core.Json;
using FunctionsApp.Core.Limits;
using FunctionsApp.Core.Operations;
using FunctionsApp.Core.Problems;
using FunctionsApp.Core.Sequence;
using Microsoft.Extensions.Options;

namespace FunctionsApp.Core.Callback;

/// <summary>Receives the outcome of <see cref="CallbackService.Start"/>: the answer, or what went wrong.</summary>
/// <param name="answer">The answer; null when there is an error.</param>
/// <param name="error">Why there is no answer; null when there is one.</param>
public delegate void CallbackCompleted(CallbackAnswer? answer, Exception? error);

/// <summary>
/// <c>async_task(callback)</c>: starts work and returns; when the work is done, its continuation runs; when that is done
/// too, a delegate is called with the outcome.
/// </summary>
public sealed class CallbackService(
    OperationCatalog catalog, TimeLimits timeLimits, ProblemDescriber describer, IOptions<LimitsOptions> limits, TimeProvider time)
{
    /// <summary>Starts the work.</summary>
    /// <param name="operation">The operation's name; io or cpu.</param>
    /// <param name="request">Its input and continuations.</param>
    /// <param name="completed">
    /// Called exactly once, on whatever thread the last of the work ended, which may be this one. It is to return
    /// soon and must not throw.
    /// </param>
    /// <param name="cancellationToken">Stops what runs; <paramref name="completed"/> is called all the same.</param>
    /// <exception cref="ProblemException">The request is at fault; nothing has started.</exception>
    public void Start(string operation, CallbackRequest request, CallbackCompleted completed, CancellationToken cancellationToken)
    {
        // All that can be checked is checked before the work starts.
        var clock = new RequestClock(time);
        var onSuccess = new Next(ContinuationKind.OnSuccess, catalog, request.OnSuccess);
        var onError = request.OnError is null ? null : new Next(ContinuationKind.OnError, catalog, request.OnError);
        var work = new Work(operation, catalog.FindCallable(operation).Bind((request.Input ?? RawJson.EmptyObject).Utf8.Span, "/input"), clock, cancellationToken);
        var limit = timeLimits.Start(request.TimeoutSeconds, "/timeoutSeconds", cancellationToken);
        _ = CompleteAsync();

        async Task CompleteAsync()
        {
            CallbackAnswer? answer = null;
            Exception? error = null;
            try
            {
                var (result, problem) = await RunAsync(work, limit);
                answer = problem is null
                    ? await ContinueAsync(work, onSuccess, result)
                    : onError is null
                        ? throw new ProblemException(problem)
                        : await ContinueAsync(work, onError, RawJson.From(problem, CoreJson.TypeInfo<Problem>()));
            }
#pragma warning disable CA1031 // Nothing is swallowed: the delegate is told.
            catch (Exception exception)
#pragma warning restore CA1031
            {
                error = exception;
            }
            finally
            {
                limit.Dispose();
            }

            completed(answer, error);
        }
    }

    private async Task<(RawJson Result, Problem? Problem)> RunAsync(Work work, TimeLimit limit)
    {
        try
        {
            return (await work.Call.RunAsync(limit.Token), null);
        }
        catch (OperationCanceledException) when (limit.RanOut)
        {
            return (default, limit.Problem($"'{work.Operation}'"));
        }
        catch (Exception exception) when (!work.CancellationToken.IsCancellationRequested)
        {
            return (default, describer.Describe(exception));
        }
    }

    private async Task<CallbackAnswer> ContinueAsync(Work work, Next next, RawJson outcome)
    {
        var worked = work.Clock.ElapsedMs;
        var call = next.Bind(outcome, limits.Value, work.CancellationToken);
        var result = await timeLimits.RunAsync(call.RunAsync, $"'{next.Operation}'", seconds: null, "", work.CancellationToken);
        var finished = work.Clock.ElapsedMs;
        return new CallbackAnswer(next.Kind, result,
            [new TimelineEntry(0, work.Operation, 0, worked), new TimelineEntry(1, next.Operation, worked, finished)], finished);
    }

    private sealed record Work(string Operation, OperationCall Call, RequestClock Clock, CancellationToken CancellationToken);

    /// <summary>A continuation; an input that does not wait for the outcome is read at once.</summary>
    private sealed class Next
    {
        private readonly CallableOperation _operation;
        private readonly RawJson? _input;
        private readonly OperationCall? _call;

        public Next(ContinuationKind kind, OperationCatalog catalog, Continuation continuation)
        {
            Kind = kind;
            _operation = catalog.FindCallable(continuation.Operation!);
            _input = continuation.Input;
            if (_input is { } input && !JsonReferences.MayOccur(input.Utf8.Span))
            {
                _call = _operation.Bind(input.Utf8.Span, Pointer);
            }
        }

        public ContinuationKind Kind { get; }

        public string Operation => _operation.Name;

        private string Pointer => Kind == ContinuationKind.OnSuccess ? "/onSuccess/input" : "/onError/input";

        public OperationCall Bind(RawJson outcome, LimitsOptions limits, CancellationToken cancellationToken)
        {
            if (_call is not null)
            {
                return _call;
            }

            if (_input is not { } input)
            {
                return _operation.Bind(outcome.Utf8.Span, Pointer, bareValues: true);
            }

            var root = Kind == ContinuationKind.OnSuccess ? "result" : "error";
            var element = outcome.ToElement();
            var resolved = JsonReferences.Resolve(input, Pointer, new ReferenceScope(Find, limits, cancellationToken));
            return _operation.Bind(resolved.Utf8.Span, Pointer);

            JsonElement? Find(string[] tokens) =>
                tokens.Length > 0 && string.Equals(tokens[0], root, StringComparison.Ordinal) ? JsonPointer.Follow(element, tokens.AsSpan(1)) : null;
        }
    }
}
