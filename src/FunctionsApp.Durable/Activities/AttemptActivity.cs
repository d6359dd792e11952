using FunctionsApp.Core.Limits;
using FunctionsApp.Core.Tasks;
using FunctionsApp.Durable.Records;
using FunctionsApp.Durable.Storage;
using Microsoft.Extensions.Logging;

namespace FunctionsApp.Durable.Activities;

/// <summary>
/// Makes one attempt at a task when it is its turn. If the process seems to have died, the same call is executed again elsewhere. The
/// attempt then belongs to one of the executions. The others wait for its end and report that.
/// </summary>
internal sealed partial class AttemptActivity(
    TaskHub hub, AttemptSlots slots, AttemptExecution execution, MemoryBudget budget, TimeProvider time, ILogger<AttemptActivity> logger)
{
    /// <summary>How often an execution checks whether the attempt of another has ended.</summary>
    private static readonly TimeSpan FollowPause = TimeSpan.FromSeconds(1);

    /// <summary>The pause after an activity has taken as long as the host allows. Other activities, or another process, use it.</summary>
    private static readonly TimeSpan BusyPause = TimeSpan.FromSeconds(10);

    /// <summary>The pause of a call that has come to a host which is stopping. Another host takes it then.</summary>
    private static readonly TimeSpan StopPause = TimeSpan.FromSeconds(3);

    /// <summary>
    /// How long after its time limit an attempt counts as lost. Its process may have ended while storage failed, so that the end was never
    /// stored: the calls that wait for it would never end.
    /// </summary>
    private static readonly TimeSpan LostMargin = TimeSpan.FromMinutes(10);

    /// <summary>Makes the attempt.</summary>
    /// <param name="call">What to do.</param>
    /// <param name="stopping">Is cancelled when the process is ending: the attempt is interrupted, and begins again elsewhere.</param>
    /// <returns>The state of the attempts. Without an end the activity is to be called again after the pause.</returns>
    public async Task<AttemptState> RunAsync(AttemptInput call, CancellationToken stopping)
    {
        if (slots.IsHostStopping)
        {
            return await NotBegunAsync(call, StopPause);
        }

        call = slots.Adopt(call);
        using var noting = stopping.Register(slots.NoteCancelled);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(stopping, slots.Stopping);
        using var timer = new CancellationTokenSource(slots.MaxTime ?? Timeout.InfiniteTimeSpan, time);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(stop.Token, timer.Token);
        try
        {
            if (!call.IsRunning)
            {
                using var memory = RequestMemory.Current = budget.Open();
                using var slot = await slots.TryEnterAsync(call, memory, stop.Token);
                if (slot is null)
                {
                    return await NotBegunAsync(call, BusyPause);
                }

                if (await execution.RunAsync(call, stop.Token, limit.Token) is { } result)
                {
                    return result;
                }
            }

            return await FollowAsync(call, stop.Token, limit.Token);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            return await NotBegunAsync(call, TimeSpan.Zero);
        }
        catch (UnreadableDataException exception)
        {
            LogUnreadable(logger, exception, call.Id);
            return new AttemptState().Failed(TaskProblems.Unreadable("The state of the task's attempts"));
        }
    }

    /// <summary>
    /// The result of an execution that has not begun. An earlier one of the call may have begun, or ended, before its process died.
    /// </summary>
    private async Task<AttemptState> NotBegunAsync(AttemptInput call, TimeSpan pause)
    {
        var state = (await hub.Blobs.ReadStateAsync(call.Id, CancellationToken.None)).Value;
        return state.ResultOf(call)
            ?? state with { End = null, Runner = call.IsRunning ? state.Runner : null, PauseSeconds = pause.TotalSeconds };
    }

    /// <summary>Waits for the end of an attempt that another execution of the call makes. That end is the result of both.</summary>
    private async Task<AttemptState> FollowAsync(AttemptInput call, CancellationToken stopping, CancellationToken limit)
    {
        // Until it is read.
        var state = new AttemptState { Runner = Guid.Empty };
        while (true)
        {
            await Task.Delay(FollowPause, time, limit).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (limit.IsCancellationRequested)
            {
                var pause = stopping.IsCancellationRequested ? TimeSpan.Zero : BusyPause;
                return state with { PauseSeconds = pause.TotalSeconds };
            }

            try
            {
                (state, var tag) = await hub.Blobs.ReadStateAsync(call.Id, limit);
                if (tag is null)
                {
                    // The task has expired.
                    return state with { End = AttemptEnd.Cancelled };
                }

                if (state.ResultOf(call) is { } result)
                {
                    return result;
                }

                if (time.GetUtcNow() - state.TakenAt > slots.LimitOf(call) + LostMargin)
                {
                    // It will never end. A later call may take its place.
                    return state with { End = AttemptEnd.Retried, PauseSeconds = 0 };
                }
            }
            catch (Exception exception) when (exception.IsOfStorage())
            {
                // The end is stored when storage works again.
            }
        }
    }

    [LoggerMessage(EventId = 34, Level = LogLevel.Error,
        Message = "The state of the attempts of task {Id} cannot be read, so the task has failed")]
    private static partial void LogUnreadable(ILogger logger, Exception exception, string id);
}
