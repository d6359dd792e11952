using FunctionsApp.Core.Json;
using FunctionsApp.Core.Limits;
using FunctionsApp.Core.Operations;
using FunctionsApp.Core.Patterns;
using FunctionsApp.Core.Problems;
using FunctionsApp.Core.Tasks;
using FunctionsApp.Durable.Records;
using FunctionsApp.Durable.Storage;
using Microsoft.Extensions.Logging;

namespace FunctionsApp.Durable.Activities;

/// <summary>
/// One execution of an attempt: it takes the attempt, does the work while it watches that the attempt is still its own, and stores the
/// end.
/// </summary>
internal sealed partial class AttemptExecution(
    TaskHub hub, Lazy<TaskRunner> runner, StorageUse use, ProblemDescriber describer, TimeProvider time, ILogger<AttemptActivity> logger)
{
    /// <summary>How often an attempt checks whether it has been cancelled, and stores its progress.</summary>
    private static readonly TimeSpan WatchPause = TimeSpan.FromMilliseconds(500);

    /// <summary>The pauses between two tries to store the end of an attempt.</summary>
    private static readonly TimeSpan StorePause = TimeSpan.FromSeconds(0.5), MaxStorePause = TimeSpan.FromSeconds(2);

    /// <summary>One of so many tries is logged: about two a minute.</summary>
    private const int LoggedTries = 15;

    /// <summary>
    /// How long an execution waits before it takes an attempt from another. After an outage that was longer than the visibility timeout
    /// of messages, the other one stores its end in this time, and the work is not repeated (shown by AttemptActivityTests).
    /// </summary>
    private static readonly TimeSpan TakeOverPause = TimeSpan.FromSeconds(5);

    /// <summary>Makes the attempt.</summary>
    /// <param name="call">What to do.</param>
    /// <param name="stopping">Interrupts the attempt.</param>
    /// <param name="storing">Ends the tries to store its end.</param>
    /// <returns>The result of the call; null if another execution makes the attempt.</returns>
    public async Task<AttemptState?> RunAsync(AttemptInput call, CancellationToken stopping, CancellationToken storing)
    {
        // Read before the attempt is counted: a call that comes after the removal of its task must not begin.
        if (await hub.Blobs.ReadInputAsync(call.Id, stopping) is not { } input)
        {
            return AttemptState.Failed(Problem.StorageFailed("The input of the task is missing."));
        }

        var self = Guid.NewGuid();
        var seen = await TakeAsync(call, self, stopping);
        if (seen.Value.Runner != self)
        {
            return seen.Value.ResultOf(call);
        }

        using var stop = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        Progress? progress = null;
        var watching = WatchAsync(call.Id, self, seen, () => Volatile.Read(ref progress), stop);
        var outcome = await WorkAsync(call, input, new ProgressReporter(value => Volatile.Write(ref progress, value)), stop.Token);
        await stop.CancelAsync();
        seen = await watching;
        return seen.Value.Runner == self ? await ReleaseAsync(call, self, seen, outcome, progress, storing) : seen.Value.ResultOf(call);
    }

    private async Task<Seen<AttemptState>> TakeAsync(AttemptInput call, Guid self, CancellationToken stopping)
    {
        // Most tasks are new, and have no state to read.
        var known = call.Call == 1 ? new Seen<AttemptState>(new AttemptState(), Tag: null) : null;
        var seen = await hub.Blobs.ChangeStateAsync(
            call.Id, known, state => state.Take(call, self, takesOver: false, time.GetUtcNow()), stopping);
        if (seen.Value.Runner is null || seen.Value.Runner == self || seen.Value.ResultOf(call) is not null)
        {
            return seen;
        }

        await Task.Delay(TakeOverPause, time, stopping);
        return await hub.Blobs.ChangeStateAsync(
            call.Id, known: null, state => state.Take(call, self, takesOver: true, time.GetUtcNow()), stopping);
    }

    /// <summary>Does the work; returns null when it was stopped.</summary>
    private async Task<TaskOutcome?> WorkAsync(AttemptInput call, RawJson input, ProgressReporter progress, CancellationToken stop)
    {
        try
        {
            return await runner.Value.RunAsync(call.Id, call.Definition, input, progress, stop);
        }
        catch (Exception exception)
        {
            return stop.IsCancellationRequested ? null : TaskOutcome.Failed(describer.Describe(exception, $"task {call.Id}"));
        }
    }

    /// <summary>
    /// Stores progress, and stops the attempt when it was cancelled or belongs to another execution; returns the state that it saw last.
    /// </summary>
    private async Task<Seen<AttemptState>> WatchAsync(
        string id, Guid self, Seen<AttemptState> seen, Func<Progress?> progress, CancellationTokenSource stop)
    {
        while (true)
        {
            await Task.Delay(WatchPause, time, stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (stop.IsCancellationRequested)
            {
                return seen;
            }

            try
            {
                var current = progress();
                seen = await hub.Blobs.ChangeStateAsync(
                    id,
                    known: null,
                    state => !state.IsHeldBy(self) || current == state.Progress ? null : state with { Progress = current },
                    stop.Token);
                if (!seen.Value.IsHeldBy(self))
                {
                    await stop.CancelAsync();
                }
            }
            catch (UnreadableDataException)
            {
                // The end cannot be stored either: the try to store it reports why.
                await stop.CancelAsync();
            }
            catch (Exception exception) when (exception.IsOfStorage())
            {
                // The attempt goes on: its end is stored when storage works again.
            }
        }
    }

    /// <summary>
    /// Stores how the attempt ended; returns null if it belongs to another execution by now. A request to cancel the task that comes
    /// later finds that it is done.
    /// </summary>
    private async Task<AttemptState?> ReleaseAsync(
        AttemptInput call, Guid self, Seen<AttemptState> seen, TaskOutcome? outcome, Progress? progress, CancellationToken storing)
    {
        if (outcome is { Problem: null, Value.Utf8.Length: var bytes } && !use.HasRoom(bytes))
        {
            outcome = TaskOutcome.Failed(TaskProblems.NoRoomForResult(bytes));
        }

        var attempt = seen.Value.Begun;
        if (TaskLifecycle.Judge(call.Definition, attempt, isCancelled: false, outcome).Outcome is { } stored)
        {
            await StoreAsync(() => hub.Blobs.WriteOutcomeAsync(call.Id, attempt, stored, CancellationToken.None), storing);
        }

        await StoreAsync(
            async () => seen = await hub.Blobs.ChangeStateAsync(
                call.Id, seen, state => state.Release(self, call.Definition, outcome, progress), CancellationToken.None),
            storing);
        return seen.Value.ResultOf(call);
    }

    /// <summary>
    /// Stores something, and retries while storage fails, so that the work need not be repeated. Only the end of the process, or of the
    /// time that the host allows, ends the retries.
    /// </summary>
    private async Task StoreAsync(Func<Task> store, CancellationToken storing)
    {
        var pause = new DoublingPause(StorePause, MaxStorePause, time);
        for (var tries = 1; ; tries++)
        {
            try
            {
                await store();
                return;
            }
            catch (Exception exception) when (exception.IsOfStorage() && !storing.IsCancellationRequested)
            {
                if (tries % LoggedTries == 1)
                {
                    LogNotStored(logger, exception.GetBaseException().Message);
                }

                await pause.WaitAsync(storing).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    [LoggerMessage(EventId = 35, Level = LogLevel.Warning, Message = "The end of an attempt cannot be stored; the app retries: {Reason}")]
    private static partial void LogNotStored(ILogger logger, string reason);
}
