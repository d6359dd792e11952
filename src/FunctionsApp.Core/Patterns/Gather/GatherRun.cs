using FunctionsApp.Core.Json;
using FunctionsApp.Core.Limits;
using FunctionsApp.Core.Operations;
using FunctionsApp.Core.Problems;

namespace FunctionsApp.Core.Patterns.Gather;

/// <summary>
/// One running gather. It has as many slots as calls may run at once; each slot takes the next call in order. A slot that
/// publishes a result waits until the reader takes it. This back-pressure delays the calls that have not started yet.
/// </summary>
internal sealed class GatherRun : IDisposable
{
    private readonly Lock _gate = new();
    private readonly GatherRequest _request;
    private readonly PatternRun _run;
    private readonly Func<int, CancellationToken, ValueTask<RawJson>> _call;
    private readonly Func<GatherResult, RequestMemory, ValueTask>? _publish;
    private readonly ProgressReporter? _progress = ProgressReporter.Take();
    private readonly StartPace? _pace;
    private readonly CancellationTokenSource _stop;
    private readonly CancellationToken _stopped;
    private readonly GatherResult?[] _results;
    private readonly List<int> _completionOrder;
    private Task _stopping = Task.CompletedTask;
    private int _next;
    private bool _isDecided;
    private GatherResult? _failure;

    /// <param name="request">The calls.</param>
    /// <param name="run">The run.</param>
    /// <param name="call">Runs the call at an index.</param>
    /// <param name="publish">Takes each result, whose memory it then releases; null if the response has the results.</param>
    public GatherRun(
        GatherRequest request, PatternRun run, Func<int, CancellationToken, ValueTask<RawJson>> call,
        Func<GatherResult, RequestMemory, ValueTask>? publish)
    {
        (_request, _run, _call, _publish) = (request, run, call, publish);
        _results = new GatherResult?[request.Calls.Count];
        _completionOrder = new List<int>(request.Calls.Count);
        _pace = request.MaxPerSecond is { } rate ? new StartPace(rate, run.Time) : null;
        _stop = CancellationTokenSource.CreateLinkedTokenSource(run.Limit.Token);
        _stopped = _stop.Token;
    }

    private bool ReturnsExceptions => _request.ReturnExceptions == true;

    private ReturnWhen ReturnWhen => _request.ReturnWhen ?? ReturnWhen.AllCompleted;

    /// <summary>Runs the calls until the response is decided and every started call has stopped.</summary>
    public async Task<GatherResponse> RunAsync()
    {
        var slots = Math.Min(_request.MaxConcurrency ?? int.MaxValue, _results.Length);
        await Task.WhenAll(Enumerable.Range(0, slots).Select(_ => RunSlotAsync()));
        await _stopping;
        return await GetResponseAsync();
    }

    public void Dispose()
    {
        _stop.Dispose();
        _pace?.Dispose();
    }

    /// <summary>Runs one call after the other. Each call waits in this method alone: 10,000 of them wait at once.</summary>
    private async Task RunSlotAsync()
    {
        while (await MayStartAsync() && TryTake(out var index, out var started))
        {
            RawJson? result = null;
            Problem? error = null;
            try
            {
                var value = await _call(index, _stopped);
                _run.Memory.HoldResult(value.Utf8.Length);
                result = value;
            }
#pragma warning disable CA1031 // A failure is one of the results; the describer logs unexpected exceptions.
            catch (Exception exception)
#pragma warning restore CA1031
            {
                // A call that was cancelled has neither a result nor an error.
                var isCancelled = exception is OperationCanceledException && _stopped.IsCancellationRequested;
                error = isCancelled ? null : _run.Describer.Describe(exception, _request.Calls[index].Operation);
            }

            if (Settle(index, result, error, started, out var end))
            {
                await PublishAsync(end);
            }
        }
    }

    /// <summary>Waits for the turn of the next call; returns false when no more may start.</summary>
    private async ValueTask<bool> MayStartAsync()
    {
        if (_pace is not null && Volatile.Read(ref _next) < _results.Length)
        {
            await _pace.WaitAsync(_stopped).AsTask().ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        return !_stopped.IsCancellationRequested;
    }

    /// <summary>Takes the next call and its start time under one lock; otherwise a later call could have an earlier start.</summary>
    private bool TryTake(out int index, out double started)
    {
        lock (_gate)
        {
            (index, started) = (_next, _run.Clock.ElapsedMs);
            _next++;
            return index < _results.Length;
        }
    }

    private GatherResult End(int index, RawJson? result, Problem? error, double started) => new(
        index, _request.Calls[index].Id, _request.Calls[index].Operation,
        result is not null ? CallStatus.Succeeded : error is not null ? CallStatus.Failed : CallStatus.Cancelled,
        result, error, started, _run.Clock.ElapsedMs);

    /// <summary>Records how a call ended, and whether that decides the gather.</summary>
    /// <returns>Whether to publish the result: the call was not cancelled, and is not the failure that ends the gather.</returns>
    private bool Settle(int index, RawJson? result, Problem? error, double started, out GatherResult end)
    {
        lock (_gate)
        {
            // Reads the end time under the lock, so that the order of completion matches the times.
            end = End(index, result, error, started);
            _results[index] = Keep(end);
            if (end.Status == CallStatus.Cancelled)
            {
                return false;
            }

            _completionOrder.Add(index);
            _progress?.Report(_completionOrder.Count, _results.Length);
            var fails = end.Status == CallStatus.Failed && !ReturnsExceptions;
            if (fails && !_isDecided)
            {
                _failure ??= end;
            }

            var decides = ReturnWhen switch
            {
                ReturnWhen.FirstCompleted => true,
                ReturnWhen.FirstSucceeded => end.Status == CallStatus.Succeeded,
                _ => fails,
            };
            if (decides && !_stop.IsCancellationRequested)
            {
                // A later failure or timeout no longer changes the outcome.
                _isDecided = true;

                // Not Cancel(): it would run the end of every other call here, under this lock.
                _stopping = _stop.CancelAsync();
            }

            return !fails || _failure is null || ReturnWhen == ReturnWhen.FirstSucceeded;
        }
    }

    private ValueTask PublishAsync(GatherResult result) =>
        _publish is null ? ValueTask.CompletedTask : _publish(result, _run.Memory);

    /// <summary>Drops the contents of a result that is published.</summary>
    private GatherResult Keep(GatherResult result) => _publish is null ? result : result with { Result = null, Error = null };

    private async ValueTask<GatherResponse> GetResponseAsync()
    {
        if (!_isDecided && _run.Limit.RanOut)
        {
            await FailUnfinishedAsync();
        }

        var succeeded = _results.Count(static result => result?.Status == CallStatus.Succeeded);
        if (_failure is not null && (ReturnWhen != ReturnWhen.FirstSucceeded || succeeded == 0))
        {
            throw new ProblemException(_failure.Error! with { Index = _failure.Index, Id = _failure.Id });
        }

        var results = new GatherResult[_results.Length];
        for (var i = 0; i < results.Length; i++)
        {
            results[i] = _results[i] ?? End(i, null, null, _run.Clock.ElapsedMs);
            if (results[i].Status == CallStatus.Cancelled)
            {
                await PublishAsync(results[i]);
            }
        }

        var failed = results.Count(static result => result.Status == CallStatus.Failed);
        return new GatherResponse(results, _completionOrder, succeeded, failed, results.Length - succeeded - failed, _run.Clock.ElapsedMs);
    }

    /// <summary>Fails the unfinished calls after the gather has timed out.</summary>
    private async ValueTask FailUnfinishedAsync()
    {
        var timeout = _run.Limit.TimedOut("The gather");
        for (var i = 0; i < _results.Length; i++)
        {
            if (_results[i] is { Status: not CallStatus.Cancelled })
            {
                continue;
            }

            if (!ReturnsExceptions)
            {
                throw timeout;
            }

            var result = End(i, null, timeout.Problem, _results[i]?.StartedMs ?? _run.Clock.ElapsedMs);
            _results[i] = Keep(result);
            _completionOrder.Add(i);
            await PublishAsync(result);
        }
    }
}
