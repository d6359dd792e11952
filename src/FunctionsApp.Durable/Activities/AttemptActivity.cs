using FunctionsApp.Core.Limits;
using FunctionsApp.Core.Tasks;
using FunctionsApp.Durable.Records;
using FunctionsApp.Durable.Storage;
using Microsoft.Extensions.Logging;

namespace FunctionsApp.Durable.Activities;

/// <summary>
/// Makes one attempt at a task, when it is its turn. The activity may be called again while it runs, if its process seems to have died.
/// The attempt then belongs to one of these executions; each of the others waits for its end, and reports that.
/// </summary>
internal sealed partial class AttemptActivity(
    TaskHub hub, AttemptSlots slots, AttemptExecution execution, MemoryBudget memory, AttemptLimits limits, TimeProvider time,
    ILogger<AttemptActivity> logger)
{
    /// <summary>How often an execution checks whether the attempt of another has ended.</summary>
    private static readonly TimeSpan FollowPause = TimeSpan.FromSeconds(1);

    /// <summary>
    /// The pause after an activity has waited as long as the host allows. Other activities, or another process, use the time.
    /// </summary>
    private static readonly TimeSpan BusyPause = TimeSpan.FromSeconds(10);

    /// <summary>Makes the attempt.</summary>
    /// <param name="call">What to do.</param>
    /// <param name="stopping">Is cancelled when the process is ending: the attempt is interrupted, and begins again elsewhere.</param>
    public async Task<AttemptResult> RunAsync(AttemptInput call, CancellationToken stopping)
    {
        call = limits.Adopt(call);
        var started = time.GetTimestamp();
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(stopping, slots.Stopping);
        using var storing = CancellationTokenSource.CreateLinkedTokenSource(stop.Token);
        if (limits.Store is { } limit)
        {
            storing.CancelAfter(limit);
        }

        try
        {
            return (call.IsRunning ? null : await EnterAndRunAsync(call, stop.Token, storing.Token))
                ?? await FollowAsync(call, started, stop.Token);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            return await NotBegunAsync(call, TimeSpan.Zero);
        }
        catch (UnreadableDataException exception)
        {
            LogUnreadable(logger, exception, call.Id);
            return AttemptResult.Failed(TaskProblems.Unreadable("The state of the task's attempts"));
        }
    }

    /// <summary>
    /// The result of an execution that has not begun. An earlier one of the call may have begun, or ended, before its process died.
    /// </summary>
    private async Task<AttemptResult> NotBegunAsync(AttemptInput call, TimeSpan pause)
    {
        var (state, _) = await hub.Blobs.ReadStateAsync(call.Id, CancellationToken.None);
        return state.ResultOf(call) ?? state.NewResult(end: null) with { IsRunning = call.IsRunning, PauseSeconds = pause.TotalSeconds };
    }

    /// <summary>Makes the attempt when it is its turn; returns null if another execution has it.</summary>
    private async Task<AttemptResult?> EnterAndRunAsync(AttemptInput call, CancellationToken stopping, CancellationToken storing)
    {
        using var account = RequestMemory.Current = memory.Open();
        using var slot = await EnterAsync(account, call, stopping);
        return slot is not null ? await execution.RunAsync(call, stopping, storing) : await NotBegunAsync(call, BusyPause);
    }

    /// <summary>Waits for a slot, and for the memory of the input; returns null if that takes too long for the host.</summary>
    private async Task<IDisposable?> EnterAsync(RequestMemory account, AttemptInput call, CancellationToken stopping)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        if (limits.Wait(call) is { } wait)
        {
            patience.CancelAfter(wait);
        }

        IDisposable? slot = null;
        try
        {
            slot = await slots.EnterAsync(call.DueAt, patience.Token);
            await account.HoldWhenThereIsRoomAsync(call.InputBytes, patience.Token);
            return slot;
        }
        catch (OperationCanceledException) when (patience.IsCancellationRequested)
        {
            slot?.Dispose();
            return null;
        }
    }

    /// <summary>Waits for the end of an attempt that another execution of the call makes. That end is the result of both.</summary>
    private async Task<AttemptResult> FollowAsync(AttemptInput call, long started, CancellationToken stopping)
    {
        while (limits.Follow is not { } limit || time.GetElapsedTime(started) < limit)
        {
            await Task.Delay(FollowPause, time, stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (stopping.IsCancellationRequested)
            {
                return new AttemptResult { IsRunning = true };
            }

            try
            {
                var (state, tag) = await hub.Blobs.ReadStateAsync(call.Id, stopping);
                var result = tag is null ? state.NewResult(AttemptEnd.Cancelled) : state.ResultOf(call);
                if (result is null && time.GetUtcNow() - state.TakenAt > limits.Lost(call))
                {
                    // It will never end. A later call may take its place.
                    result = state.NewResult(AttemptEnd.Retried);
                }

                if (result is not null)
                {
                    return result;
                }
            }
            catch (Exception exception) when (exception.IsOfStorage())
            {
                // The end is stored when storage works again.
            }
        }

        return new AttemptResult { IsRunning = true, PauseSeconds = BusyPause.TotalSeconds };
    }

    [LoggerMessage(EventId = 34, Level = LogLevel.Error,
        Message = "The state of the attempts of task {Id} cannot be read, so the task has failed")]
    private static partial void LogUnreadable(ILogger logger, Exception exception, string id);
}
