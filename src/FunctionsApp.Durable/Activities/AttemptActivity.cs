using FunctionsApp.Core.Json;
using FunctionsApp.Core.Limits;
using FunctionsApp.Core.Operations;
using FunctionsApp.Core.Patterns;
using FunctionsApp.Core.Problems;
using FunctionsApp.Core.Tasks;
using FunctionsApp.Durable.Orchestration;
using FunctionsApp.Durable.Storage;
using Microsoft.Extensions.Options;

namespace FunctionsApp.Durable.Activities;

/// <summary>
/// Makes one attempt at a task. It may be called again while it runs, if its process seems to have died: the attempt then belongs
/// to the last one that has started, and the others stop.
/// </summary>
internal sealed class AttemptActivity(
    TaskHub hub,
    AttemptSlots slots,
    Lazy<TaskRunner> runner,
    MemoryBudget memory,
    StorageUse use,
    ProblemDescriber describer,
    TimeProvider time,
    IOptions<LimitsOptions> limits,
    IOptions<DurableHostingOptions> hosting)
{
    /// <summary>How often an attempt looks whether it has been cancelled. The second is for attempts that run for long.</summary>
    private static readonly TimeSpan WatchPause = TimeSpan.FromMilliseconds(500), LongWatchPause = TimeSpan.FromSeconds(1);

    private static readonly TimeSpan LongRun = TimeSpan.FromMinutes(1);

    /// <summary>How long an attempt waits for its turn at least, whatever the host allows.</summary>
    private static readonly TimeSpan MinWait = TimeSpan.FromMilliseconds(100);

    /// <summary>The pause after an attempt has waited for its turn as long as the host allows. Other activities, or another process, use the time.</summary>
    private static readonly TimeSpan BusyPause = TimeSpan.FromSeconds(10);

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

        using var stop = CancellationTokenSource.CreateLinkedTokenSource(stopping, slots.Stopping);
        using var account = RequestMemory.Current = memory.Open();
        try
        {
            using var slot = await EnterAsync(account, order, stop.Token);
            if (slot is not null)
            {
                return await RunWithinAsync(order, stop.Token);
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // As one that has not begun.
        }

        var (state, _) = await hub.Blobs.ReadStateAsync(order.Id, CancellationToken.None);
        return ResultOf(state, AttemptEnd.Retried) with { PauseSeconds = stop.IsCancellationRequested ? 0 : BusyPause.TotalSeconds };
    }

    private static AttemptResult ResultOf(AttemptState state, AttemptEnd end) =>
        new() { End = end, Attempts = state.Started, StartedAt = state.StartedAt, Progress = state.Progress };

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

    private async Task<AttemptResult> RunWithinAsync(AttemptOrder order, CancellationToken stopping)
    {
        // Before the attempt is counted: a call that comes after the removal of its task must not begin.
        var input = await hub.Blobs.ReadInputAsync(order.Id, stopping) ?? throw new InvalidOperationException("The input of the task is missing.");
        var self = Guid.NewGuid();

        // Most tasks are new, and have no state to read.
        var seen = await hub.Blobs.ChangeStateAsync(
            order.Id, order.Call == 1 ? new SeenState(new AttemptState(), Tag: null) : null, state => TryStart(state, order, self), stopping);
        if (seen.State.Runner != self)
        {
            return seen.State.Result is { } result && seen.State.Call == order.Call ? result
                : ResultOf(seen.State, seen.State.CancelledAt is not null || seen.State.Call > order.Call ? AttemptEnd.Cancelled : AttemptEnd.Interrupted);
        }

        using var stop = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        Progress? progress = null;
        var watching = WatchAsync(order.Id, self, seen, () => Volatile.Read(ref progress), stop);
        var outcome = await MakeAsync(order, input, new ProgressReporter(value => Volatile.Write(ref progress, value)), stop.Token);
        await stop.CancelAsync();
        return await EndAsync(order, self, await watching, outcome, progress);
    }

    /// <summary>Takes the attempt; returns null when it must not start.</summary>
    private AttemptState? TryStart(AttemptState state, AttemptOrder order, Guid self) =>
        state.CancelledAt is not null || state.Call > order.Call || (state.Call == order.Call && state.Result is not null) || state.Started >= order.Definition.MaxAttempts ? null : state with
        {
            Started = state.Started + 1,
            StartedAt = state.StartedAt ?? time.GetUtcNow(),
            Call = order.Call,
            Runner = self,
            Result = null,
            Progress = null,
        };

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
#pragma warning disable CA1031 // Storage fails in many ways. The attempt goes on: its end needs storage again, and reports that.
            catch (Exception)
#pragma warning restore CA1031
            {
                continue;
            }
        }
    }

    private static bool Owns(AttemptState state, Guid self) => state.Runner == self && state.CancelledAt is null;

    /// <summary>Stores how the attempt ended. A request to cancel the task that comes later finds that it is done.</summary>
    private async Task<AttemptResult> EndAsync(AttemptOrder order, Guid self, SeenState seen, TaskOutcome? outcome, Progress? progress)
    {
        var pause = outcome?.Problem is { } problem ? order.Definition.PauseAfter(problem, seen.State.Started) : null;
        var isDone = outcome is not null && pause is null;
        if (isDone)
        {
            if (outcome!.Problem is null && !await use.HasRoomAsync(outcome.Value.Utf8.Length))
            {
                outcome = TaskOutcome.Failed(Problem.TooLarge(StorageUse.NoRoomFor(outcome.Value.Utf8.Length)));
            }

            await hub.Blobs.WriteOutcomeAsync(order.Id, seen.State.Started, outcome.Value, CancellationToken.None);
        }

        AttemptResult EndOf(AttemptState state) => ResultOf(state, state.CancelledAt is not null ? AttemptEnd.Cancelled
            : !isDone ? AttemptEnd.Retried
            : outcome!.Problem is null ? AttemptEnd.Succeeded : AttemptEnd.Failed) with
        {
            Progress = progress,
            OutcomeBytes = isDone ? outcome!.Value.Utf8.Length : 0,
            PauseSeconds = pause?.TotalSeconds ?? 0,
            IsContinued = outcome?.IsContinued == true,
        };

        var (state, _) = await hub.Blobs.ChangeStateAsync(
            order.Id, seen, state => state.Runner != self ? null : state with { Runner = null, Progress = progress, Result = EndOf(state) }, CancellationToken.None);
        return state.Result ?? ResultOf(state, AttemptEnd.Retried);
    }
}
