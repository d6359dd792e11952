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
    private static readonly TimeSpan StorePause = TimeSpan.FromSeconds(0.5), MaxStorePause = TimeSpan.FromSeconds(2);

    /// <summary>Of so many tries the first is logged.</summary>
    private const int LoggedTries = 15;

    /// <summary>How much of the time that the host allows is left when the end of an attempt is given up.</summary>
    private static readonly TimeSpan StoreMargin = TimeSpan.FromSeconds(5);

    /// <summary>
    /// How long an execution waits before it takes an attempt from another: after an outage of storage that one stores its end,
    /// which took longer than its message was invisible.
    /// </summary>
    private static readonly TimeSpan TakeOverPause = TimeSpan.FromSeconds(5);

    /// <summary>How long after its time limit an attempt counts as lost, although nobody has taken it over.</summary>
    private static readonly TimeSpan LostAfter = TimeSpan.FromMinutes(10);

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
        using var storing = CancellationTokenSource.CreateLinkedTokenSource(stop.Token);
        if (hosting.Value.MaxActivityTime is { } max)
        {
            storing.CancelAfter(max > 2 * StoreMargin ? max - StoreMargin : max / 2);
        }
        try
        {
            return (order.IsRunning ? null : await EnterAndRunAsync(order, stop.Token, storing.Token)) ?? await FollowAsync(order, started, stop.Token);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            return await NotBegunAsync(order, TimeSpan.Zero);
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

    /// <summary>The result of an execution that has not begun. An earlier one of the same call may have begun, or ended, before its process died.</summary>
    private async Task<AttemptResult> NotBegunAsync(AttemptOrder order, TimeSpan pause)
    {
        var (state, _) = await hub.Blobs.ReadStateAsync(order.Id, CancellationToken.None);
        return EndOf(state, order) ?? ResultOf(state, order.IsRunning ? AttemptEnd.Running : AttemptEnd.NotBegun) with { PauseSeconds = pause.TotalSeconds };
    }

    /// <summary>How a call has ended, if it has; also if a later call has taken its place.</summary>
    private static AttemptResult? EndOf(AttemptState state, AttemptOrder order) =>
        state.IsDone || (state.Call == order.Call && state.Result is not null) ? state.Result
        : state.Call > order.Call ? ResultOf(state, AttemptEnd.Cancelled)
        : null;

    /// <summary>Makes the attempt when it is its turn; returns null if another execution has taken it.</summary>
    private async Task<AttemptResult?> EnterAndRunAsync(AttemptOrder order, CancellationToken stopping, CancellationToken storing)
    {
        using var account = RequestMemory.Current = memory.Open();
        using var slot = await EnterAsync(account, order, stopping);
        return slot is not null ? await RunWithinAsync(order, stopping, storing) : await NotBegunAsync(order, BusyPause);
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
                var end = tag is null ? ResultOf(state, AttemptEnd.Cancelled) : EndOf(state, order);
                if (end is null && time.GetUtcNow() - state.TakenAt > TimeSpan.FromSeconds(order.Definition.TimeoutSeconds ?? limits.Value.MaxTimeoutSeconds) + LostAfter)
                {
                    // It will never end. A later call may take its place.
                    end = ResultOf(state, AttemptEnd.Retried);
                }

                if (end is not null)
                {
                    return end;
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

    private async Task<AttemptResult?> RunWithinAsync(AttemptOrder order, CancellationToken stopping, CancellationToken storing)
    {
        // Before the attempt is counted: a call that comes after the removal of its task must not begin.
        if (await hub.Blobs.ReadInputAsync(order.Id, stopping) is not { } input)
        {
            return Failed(Problem.StorageFailed("The input of the task is missing."));
        }

        var self = Guid.NewGuid();

        // Most tasks are new, and have no state to read.
        var seen = await hub.Blobs.ChangeStateAsync(
            order.Id, order.Call == 1 ? new SeenState(new AttemptState(), Tag: null) : null, state => TryStart(state, order, self, takeOver: false), stopping);
        if (seen.State.Runner is not null && seen.State.Runner != self && EndOf(seen.State, order) is null)
        {
            await Task.Delay(TakeOverPause, time, stopping);
            seen = await hub.Blobs.ChangeStateAsync(order.Id, known: null, state => TryStart(state, order, self, takeOver: true), stopping);
        }

        if (seen.State.Runner != self)
        {
            return EndOf(seen.State, order);
        }

        var attempt = seen.State.Started;
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        Progress? progress = null;
        var watching = WatchAsync(order.Id, self, seen, () => Volatile.Read(ref progress), stop);
        var outcome = await MakeAsync(order, input, new ProgressReporter(value => Volatile.Write(ref progress, value)), stop.Token);
        await stop.CancelAsync();
        seen = await watching;
        return seen.State.Runner == self ? await EndAsync(order, self, attempt, seen, outcome, progress, storing) : EndOf(seen.State, order);
    }

    /// <summary>
    /// Takes the attempt, or stores why it must not start, so that an earlier execution of the call that still runs learns of that;
    /// returns null when the call has ended, a later one has taken its place, or another execution has the attempt.
    /// </summary>
    private AttemptState? TryStart(AttemptState state, AttemptOrder order, Guid self, bool takeOver)
    {
        // It may be taken already: the response to the request that did so was lost.
        var isTaken = state.Runner is not null && state.Call == order.Call && !takeOver;
        if (state.Runner == self || isTaken || EndOf(state, order) is not null)
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
            TakenAt = time.GetUtcNow(),
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
        AttemptOrder order, Guid self, int attempt, SeenState seen, TaskOutcome? outcome, Progress? progress, CancellationToken storing)
    {
        var pause = outcome?.Problem is { } problem ? order.Definition.PauseAfter(problem, attempt) : null;
        if (outcome is not null && pause is null)
        {
            if (outcome.Problem is null && !await StoreAsync(() => use.HasRoomAsync(outcome.Value.Utf8.Length), storing))
            {
                outcome = TaskOutcome.Failed(Problem.TooLarge(StorageUse.NoRoomFor(outcome.Value.Utf8.Length)));
            }

            await StoreAsync(() => WriteOutcomeAsync(order.Id, attempt, outcome.Value), storing);
        }

        AttemptResult ResultAfter(AttemptState state) => ResultOf(state, state.CancelledAt is not null ? AttemptEnd.Cancelled
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
                order.Id, seen, state => state.Runner != self ? null : state with { Runner = null, Progress = progress, Result = ResultAfter(state) }, CancellationToken.None),
            storing);
        return EndOf(state, order);
    }

    private async Task<bool> WriteOutcomeAsync(string id, int attempt, RawJson outcome)
    {
        await hub.Blobs.WriteOutcomeAsync(id, attempt, outcome, CancellationToken.None);
        return true;
    }

    /// <summary>
    /// Stores something, and repeats that while storage fails: the work must not be repeated for it. Only the end of the process, or
    /// of the time that the host allows, ends this.
    /// </summary>
    private async Task<T> StoreAsync<T>(Func<Task<T>> store, CancellationToken storing)
    {
        for (var (tries, pause) = (1, StorePause); ; tries++)
        {
            try
            {
                return await store();
            }
            catch (Exception exception) when (exception.IsOfStorage() && !storing.IsCancellationRequested)
            {
                if (tries % LoggedTries == 1)
                {
                    LogNotStored(logger, exception.GetBaseException().Message);
                }

                await Task.Delay(pause, time, storing).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                pause = pause * 2 < MaxStorePause ? pause * 2 : MaxStorePause;
            }
        }
    }

    [LoggerMessage(EventId = 34, Level = LogLevel.Error, Message = "The state of the attempts of task {Id} cannot be read, so the task has failed")]
    private static partial void LogUnreadable(ILogger logger, Exception exception, string id);

    [LoggerMessage(EventId = 35, Level = LogLevel.Warning, Message = "The end of an attempt cannot be stored; the app retries: {Reason}")]
    private static partial void LogNotStored(ILogger logger, string reason);
}
