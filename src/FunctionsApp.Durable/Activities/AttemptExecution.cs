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
    /// <summary>
    /// How often an attempt checks whether it has been cancelled, and stores its progress: seldom if it is long, because each check is a
    /// request.
    /// </summary>
    private static readonly TimeSpan WatchPause = TimeSpan.FromMilliseconds(500), MaxWatchPause = TimeSpan.FromSeconds(2);

    /// <summary>
    /// The age of a call from which on it may be a repetition whose task has expired meanwhile: the framework repeats a call when its
    /// process has not reported for 30 seconds, and the clock of the process that made it may be behind.
    /// </summary>
    private static readonly TimeSpan RepeatAge = TimeSpan.FromSeconds(20);

    /// <summary>The pauses between two tries to store the end of an attempt.</summary>
    private static readonly TimeSpan StorePause = TimeSpan.FromSeconds(0.5), MaxStorePause = TimeSpan.FromSeconds(2);

    /// <summary>The number of tries of which one is logged: about two a minute.</summary>
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
        if (time.GetUtcNow() - call.DueAt > RepeatAge && !await IsUnderWayAsync(call.Id))
        {
            var last = (await hub.Blobs.ReadStateAsync(call.Id, stopping)).Value;
            return last.ResultOf(call) ?? last with { End = AttemptEnd.Cancelled };
        }

        // Read before the attempt is counted.
        if ((call.Input is { } text ? Payload.Read(text) : await hub.Blobs.ReadInputAsync(call.Id, stopping)) is not { } input)
        {
            var state = (await hub.Blobs.ReadStateAsync(call.Id, stopping)).Value;
            return state.ResultOf(call) ?? state.Failed(Problem.StorageFailed("The input of the task is missing."));
        }

        var attempt = new Attempt(call);
        await TakeAsync(attempt, stopping);
        if (!attempt.IsMine)
        {
            return attempt.Result;
        }

        using var stop = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        var watching = WatchAsync(attempt, stop);
        TaskOutcome? outcome;
        try
        {
            var progress = new ProgressReporter(value => attempt.Progress = value);
            outcome = await runner.Value.RunAsync(call.Id, call.Definition, input, progress, stop.Token);
        }
        catch (Exception exception)
        {
            outcome = stop.IsCancellationRequested ? null : TaskOutcome.Failed(describer.Describe(exception, $"task {call.Id}"));
        }

        await stop.CancelAsync();
        await watching;
        return attempt.IsMine ? await ReleaseAsync(attempt, outcome, storing) : attempt.Result;
    }

    /// <summary>Whether the task goes on: it has neither ended nor expired.</summary>
    private async Task<bool> IsUnderWayAsync(string id) =>
        await hub.FindAsync(id) is { } instance && TaskHub.IsUnderWay(instance);

    private async Task TakeAsync(Attempt attempt, CancellationToken stopping)
    {
        // Most tasks are new, and have no state to read.
        var known = attempt.Call.Call == 1 ? new Seen<AttemptState>(new AttemptState(), Tag: null) : null;
        var taken = new AttemptTaken(attempt.Call, attempt.Runner, TakesOver: false, time.GetUtcNow());
        attempt.Seen = await hub.Blobs.ChangeStateAsync(attempt.Call.Id, known, taken, stopping);
        if (attempt.Seen.Value.Runner is null || attempt.IsMine || attempt.Result is not null)
        {
            return;
        }

        await Task.Delay(TakeOverPause, time, stopping);
        taken = taken with { TakesOver = true, Now = time.GetUtcNow() };
        attempt.Seen = await hub.Blobs.ChangeStateAsync(attempt.Call.Id, known: null, taken, stopping);
    }

    /// <summary>
    /// Stores the progress of an attempt, and stops it when it was cancelled or belongs to another execution. Ends when it has stopped.
    /// </summary>
    private async Task WatchAsync(Attempt attempt, CancellationTokenSource stop)
    {
        var started = time.GetTimestamp();
        while (true)
        {
            var pause = time.GetElapsedTime(started) / 10;
            pause = pause < WatchPause ? WatchPause : pause > MaxWatchPause ? MaxWatchPause : pause;
            await Task.Delay(pause, time, stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (stop.IsCancellationRequested)
            {
                return;
            }

            try
            {
                var progress = new AttemptProgress(attempt.Runner, attempt.Progress);
                attempt.Seen = await hub.Blobs.ChangeStateAsync(attempt.Call.Id, known: null, progress, stop.Token);
                if (!attempt.Seen.Value.IsHeldBy(attempt.Runner))
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
    /// Stores how an attempt ended; returns null if it belongs to another execution by now. A request to cancel the task that comes later
    /// finds that it is done. Retries while storage fails, so that the work need not be repeated. Only the end of the process, or of the
    /// time that the host allows, ends the retries.
    /// </summary>
    private async Task<AttemptState?> ReleaseAsync(Attempt attempt, TaskOutcome? outcome, CancellationToken storing)
    {
        if (outcome is { Problem: null, Value.Utf8.Length: var bytes } && !use.HasRoom(bytes))
        {
            outcome = TaskOutcome.Failed(TaskProblems.NoRoomForResult(bytes));
        }

        var (call, state) = (attempt.Call, attempt.Seen.Value);
        var verdict = TaskLifecycle.Judge(call.Definition, state.Begun, isCancelled: state.CancelledAt is not null, outcome);
        var unstored = verdict.Outcome is { } value && Payload.Inline(value) is null ? verdict.Outcome : null;
        var pause = new DoublingPause(StorePause, MaxStorePause, time);
        for (var tries = 1; ; tries++)
        {
            try
            {
                if (unstored is { } json)
                {
                    await hub.Blobs.WriteOutcomeAsync(call.Id, state.Begun, json, CancellationToken.None);
                    unstored = null;
                }

                var ended = new AttemptEnded(attempt.Runner, verdict, attempt.Progress);
                attempt.Seen = await hub.Blobs.ChangeStateAsync(call.Id, attempt.Seen, ended, CancellationToken.None);
                return attempt.Result;
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

    /// <summary>The attempt of a call, as this execution knows it.</summary>
    private sealed class Attempt(AttemptInput call)
    {
        private Progress? _progress;

        public AttemptInput Call => call;

        /// <summary>This execution.</summary>
        public Guid Runner { get; } = Guid.NewGuid();

        /// <summary>The state that it saw last.</summary>
        public Seen<AttemptState> Seen { get; set; } = new(new AttemptState(), Tag: null);

        /// <summary>The progress of the work.</summary>
        public Progress? Progress
        {
            get => Volatile.Read(ref _progress);
            set => Volatile.Write(ref _progress, value);
        }

        /// <summary>Whether this execution makes the attempt.</summary>
        public bool IsMine => Seen.Value.Runner == Runner;

        /// <summary>The result of the call, if it has ended.</summary>
        public AttemptState? Result => Seen.Value.ResultOf(call);
    }
}
