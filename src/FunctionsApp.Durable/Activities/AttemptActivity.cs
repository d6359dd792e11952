using FunctionsApp.Core.Json;
using FunctionsApp.Core.Limits;
using FunctionsApp.Core.Operations;
using FunctionsApp.Core.Patterns;
using FunctionsApp.Core.Problems;
using FunctionsApp.Core.Tasks;
using FunctionsApp.Durable.Orchestration;
using FunctionsApp.Durable.Storage;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace FunctionsApp.Durable.Activities;

/// <summary>
/// Makes one attempt at a task. It may be called again while it runs, if its process seems to have died: the attempt then belongs
/// to the last execution that has started. The others stop, and report what that one does.
/// </summary>
internal sealed partial class AttemptActivity(
    TaskHub hub,
    AttemptSlots slots,
    Lazy<TaskRunner> runner,
    MemoryBudget memory,
    StorageUse use,
    ProblemDescriber describer,
    TimeProvider time,
    IOptions<LimitsOptions> limits,
    IOptions<DurableHostingOptions> hosting,
    ILogger<AttemptActivity> logger)
{
    /// <summary>How often an attempt looks whether it has been cancelled. The second is for attempts that run for long.</summary>
    private static readonly TimeSpan WatchPause = TimeSpan.FromMilliseconds(500), LongWatchPause = TimeSpan.FromSeconds(1);

    private static readonly TimeSpan LongRun = TimeSpan.FromMinutes(1);

    /// <summary>How long an attempt waits for its turn at least, whatever the host allows.</summary>
    private static readonly TimeSpan MinWait = TimeSpan.FromMilliseconds(100);

    /// <summary>The pause after an activity has waited as long as the host allows. Other activities, or another process, use the time.</summary>
    private static readonly TimeSpan BusyPause = TimeSpan.FromSeconds(10);

    /// <summary>The pauses between two tries to store the end of an attempt.</summary>
    private static readonly TimeSpan StorePause = TimeSpan.FromSeconds(1), MaxStorePause = TimeSpan.FromSeconds(30);

    /// <summary>Makes the attempt.</summary>
    /// <param name="order">What to do.</param>
    /// <param name="stopping">Is cancelled when the process is ending: the attempt is interrupted, and begins again elsewhere.</param>
    public async Task<AttemptResult> RunAsync(AttemptOrder order, CancellationToken stopping)
    {
        if (order.Definition.TimeoutSeconds > limits.Value.MaxTimeoutSeconds)
        {
            // Another host, with a higher limit, has accepted the task.
            order = order with { Definition = order.Definition with { TimeoutSeconds = null } };
        }

        var started = time.GetTimestamp();
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(stopping, slots.Stopping);
        try
        {
            return (order.IsRunning ? null : await EnterAndRunAsync(order, stop.Token)) ?? await FollowAsync(order, started, stop.Token);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // As one that has not begun.
            var (state, _) = await hub.Blobs.ReadStateAsync(order.Id, CancellationToken.None);
            return ResultOf(state, order.IsRunning ? AttemptEnd.Running : AttemptEnd.Retried);
        }
        catch (UnreadableDataException exception)
        {
            LogUnreadable(logger, exception, order.Id);
            return Failed(TaskRecords.NotReadable("The state of the task's attempts"));
        }
    }

    private static AttemptResult ResultOf(AttemptState state, AttemptEnd end) =>
        new() { End = end, Attempts = state.Started, StartedAt = state.StartedAt, Progress = state.Progress };

    private static AttemptResult Failed(Problem problem) => new() { End = AttemptEnd.Failed, Problem = TaskOutcome.Failed(problem).Value };

    /// <summary>Makes the attempt when it is its turn; returns null if another execution has taken it.</summary>
    private async Task<AttemptResult?> EnterAndRunAsync(AttemptOrder order, CancellationToken stopping)
    {
        using var account = RequestMemory.Current = memory.Open();
        using var slot = await EnterAsync(account, order, stopping);
        return slot is not null
            ? await RunWithinAsync(order, stopping)
            : ResultOf((await hub.Blobs.ReadStateAsync(order.Id, stopping)).State, AttemptEnd.Retried) with { PauseSeconds = BusyPause.TotalSeconds };
    }

    /// <summary>
    /// Waits for the end of an attempt that another execution of the same call makes. Both report that end: whoever lost an attempt
    /// knows nothing else of it.
    /// </summary>
    private async Task<AttemptResult> FollowAsync(AttemptOrder order, long started, CancellationToken stopping)
    {
        while (hosting.Value.MaxActivityTime is not { } max || time.GetElapsedTime(started) < max / 2)
        {
            await Task.Delay(LongWatchPause, time, stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (stopping.IsCancellationRequested)
            {
                return new AttemptResult { End = AttemptEnd.Running };
            }

            try
            {
                var (state, tag) = await hub.Blobs.ReadStateAsync(order.Id, stopping);
                if (tag is null || state.Call > order.Call)
                {
                    return ResultOf(state, AttemptEnd.Cancelled);
                }

                if (state.Result is { } result)
                {
                    return result;
                }
            }
            catch (Exception exception) when (exception.IsOfStorage())
            {
                // The end is stored when storage works again.
            }
        }

        return new AttemptResult { End = AttemptEnd.Running, PauseSeconds = BusyPause.TotalSeconds };
    }

    /// <summary>Waits for a slot, and for the memory of the input; returns null if that takes too long for the host.</summary>
    private async Task<IDisposable?> EnterAsync(RequestMemory account, AttemptOrder order, CancellationToken stopping)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        if (hosting.Value.MaxActivityTime is { } limit)
        {
            var wait = limit - TimeSpan.FromSeconds(order.Definition.TimeoutSeconds ?? limits.Value.MaxTimeoutSeconds);
            patience.CancelAfter(wait > MinWait ? wait : MinWait);
        }

        IDisposable? slot = null;
        try
        {
            slot = await slots.EnterAsync(order.DueAt, patience.Token);
            await account.HoldWhenThereIsRoomAsync(order.InputBytes, patience.Token);
            return slot;
        }
        catch (OperationCanceledException) when (patience.IsCancellationRequested)
        {
            slot?.Dispose();
            return null;
        }
    }

    private async Task<AttemptResult?> RunWithinAsync(AttemptOrder order, CancellationToken stopping)
    {
        // Before the attempt is counted: a call that comes after the removal of its task must not begin.
        if (await hub.Blobs.ReadInputAsync(order.Id, stopping) is not { } input)
        {
            return Failed(Problem.StorageFailed("The input of the task is missing."));
        }

        var self = Guid.NewGuid();

        // Most tasks are new, and have no state to read.
        var seen = await hub.Blobs.ChangeStateAsync(
            order.Id, order.Call == 1 ? new SeenState(new AttemptState(), Tag: null) : null, state => TryStart(state, order, self), stopping);
        if (seen.State.Runner != self)
        {
            return (seen.State.Call == order.Call ? seen.State.Result : null) ?? ResultOf(seen.State, AttemptEnd.Cancelled);
        }

        using var stop = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        Progress? progress = null;
        var watching = WatchAsync(order.Id, self, seen, () => Volatile.Read(ref progress), stop);
        var outcome = await MakeAsync(order, input, new ProgressReporter(value => Volatile.Write(ref progress, value)), stop.Token);
        await stop.CancelAsync();
        return await EndAsync(order, self, await watching, outcome, progress, stopping);
    }

    /// <summary>
    /// Takes the attempt, or stores why it must not start, so that an earlier execution of the call that still runs learns of that;
    /// returns null when the call has ended, or a later one has taken its place.
    /// </summary>
    private AttemptState? TryStart(AttemptState state, AttemptOrder order, Guid self)
    {
        // It may be taken already: the response to the request that did so was lost.
        if (state.Runner == self || state.Call > order.Call || (state.Call == order.Call && state.Result is not null))
        {
            return null;
        }

        if (state.CancelledAt is not null || state.Started >= order.Definition.MaxAttempts)
        {
            var end = state.CancelledAt is not null ? AttemptEnd.Cancelled : AttemptEnd.Interrupted;
            return state with { Call = order.Call, Runner = null, Result = ResultOf(state, end) };
        }

        return state with
        {
            Started = state.Started + 1,
            StartedAt = state.StartedAt ?? time.GetUtcNow(),
            Call = order.Call,
            Runner = self,
            Result = null,
            Progress = null,
        };
    }

    /// <summary>Does the work; returns null when it was stopped.</summary>
    private async Task<TaskOutcome?> MakeAsync(AttemptOrder order, RawJson input, ProgressReporter progress, CancellationToken stop)
    {
        try
        {
            return await runner.Value.RunAsync(order.Definition, input, progress, stop);
        }
        catch (Exception exception)
        {
            return stop.IsCancellationRequested ? null : TaskOutcome.Failed(describer.Describe(exception));
        }
    }

    /// <summary>Stores progress, and stops the attempt when it was cancelled or belongs to another by now; returns the state that it saw last.</summary>
    private async Task<SeenState> WatchAsync(string id, Guid self, SeenState seen, Func<Progress?> progress, CancellationTokenSource stop)
    {
        var started = time.GetTimestamp();
        while (true)
        {
            var pause = time.GetElapsedTime(started) < LongRun ? WatchPause : LongWatchPause;
            await Task.Delay(pause, time, stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (stop.IsCancellationRequested)
            {
                return seen;
            }

            try
            {
                var current = progress();
                seen = await hub.Blobs.ChangeStateAsync(
                    id, known: null, state => !Owns(state, self) || current == state.Progress ? null : state with { Progress = current }, stop.Token);
                if (!Owns(seen.State, self))
                {
                    await stop.CancelAsync();
                }
            }
            catch (UnreadableDataException)
            {
                // Its end could not be stored. To store it is tried nevertheless, which reports why.
                await stop.CancelAsync();
            }
            catch (Exception exception) when (exception.IsOfStorage())
            {
                // The attempt goes on: its end is stored when storage works again.
            }
        }
    }

    private static bool Owns(AttemptState state, Guid self) => state.Runner == self && state.CancelledAt is null;

    /// <summary>
    /// Stores how the attempt ended; returns null if it belongs to another execution by now. A request to cancel the task that comes
    /// later finds that it is done.
    /// </summary>
    private async Task<AttemptResult?> EndAsync(
        AttemptOrder order, Guid self, SeenState seen, TaskOutcome? outcome, Progress? progress, CancellationToken stopping)
    {
        var pause = outcome?.Problem is { } problem ? order.Definition.PauseAfter(problem, seen.State.Started) : null;
        if (outcome is not null && pause is null)
        {
            outcome = await StoreAsync(() => WriteOutcomeAsync(order.Id, seen.State.Started, outcome), stopping);
        }

        AttemptResult EndOf(AttemptState state) => ResultOf(state, state.CancelledAt is not null ? AttemptEnd.Cancelled
            : outcome is null || pause is not null ? AttemptEnd.Retried
            : outcome.Problem is null ? AttemptEnd.Succeeded : AttemptEnd.Failed) with
        {
            Progress = progress,
            OutcomeBytes = pause is null ? outcome?.Value.Utf8.Length ?? 0 : 0,
            PauseSeconds = pause?.TotalSeconds ?? 0,
            IsContinued = outcome?.IsContinued == true,
        };

        var (state, _) = await StoreAsync(
            () => hub.Blobs.ChangeStateAsync(
                order.Id, seen, state => state.Runner != self ? null : state with { Runner = null, Progress = progress, Result = EndOf(state) }, CancellationToken.None),
            stopping);
        return state.Call == order.Call ? state.Result : ResultOf(state, AttemptEnd.Cancelled);
    }

    /// <summary>Stores an outcome, or the problem that there is no room for it; returns what was stored.</summary>
    private async Task<TaskOutcome> WriteOutcomeAsync(string id, int attempt, TaskOutcome outcome)
    {
        if (outcome.Problem is null && !await use.HasRoomAsync(outcome.Value.Utf8.Length))
        {
            outcome = TaskOutcome.Failed(Problem.TooLarge(StorageUse.NoRoomFor(outcome.Value.Utf8.Length)));
        }

        await hub.Blobs.WriteOutcomeAsync(id, attempt, outcome.Value, CancellationToken.None);
        return outcome;
    }

    /// <summary>Stores something, and repeats that while storage fails: the work must not be repeated for it. Only the end of the process ends this.</summary>
    private async Task<T> StoreAsync<T>(Func<Task<T>> store, CancellationToken stopping)
    {
        for (var pause = StorePause; ; pause = pause * 2 < MaxStorePause ? pause * 2 : MaxStorePause)
        {
            try
            {
                return await store();
            }
            catch (Exception exception) when (exception.IsOfStorage() && !stopping.IsCancellationRequested)
            {
                LogNotStored(logger, exception.GetBaseException().Message, pause.TotalSeconds);
                await Task.Delay(pause, time, stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    [LoggerMessage(EventId = 34, Level = LogLevel.Error, Message = "The state of the attempts of task {Id} cannot be read, so the task has failed")]
    private static partial void LogUnreadable(ILogger logger, Exception exception, string id);

    [LoggerMessage(EventId = 35, Level = LogLevel.Warning, Message = "The end of an attempt cannot be stored: {Reason} Next try in {Seconds} s")]
    private static partial void LogNotStored(ILogger logger, string reason, double seconds);
}
