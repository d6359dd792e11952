using FunctionsApp.Core.Json;
using FunctionsApp.Core.Limits;
using FunctionsApp.Core.Operations;
using FunctionsApp.Core.Patterns;
using FunctionsApp.Core.Problems;
using FunctionsApp.Core.Tasks;
using FunctionsApp.Core.Webhooks;

namespace FunctionsApp.Embedded;

/// <summary>Runs one attempt of a task, announces its progress, and stores its end.</summary>
internal sealed class AttemptRunner(
    Lazy<TaskRunner> runner, TaskStore store, DeliverySchedule schedule, MemoryBudget budget, ProblemDescriber describer, TaskClock clock)
{
    /// <summary>How often an input is read, if that fails: within 15 s.</summary>
    private const int MaxReads = 5;

    private static readonly TimeSpan ProgressPause = TimeSpan.FromMilliseconds(100);

    /// <summary>Runs an attempt.</summary>
    /// <param name="entry">The task.</param>
    /// <param name="begun">Completes when the start of the attempt is on disk.</param>
    /// <param name="input">The task's input; null to read it.</param>
    /// <param name="ended">Runs under the store's gate when the attempt has ended, before that is on disk.</param>
    /// <param name="stop">Stops the attempt.</param>
    /// <returns>Completes when what follows is on disk.</returns>
    public async Task RunAsync(TaskEntry entry, Task begun, RawJson? input, Action ended, CancellationToken stop)
    {
        // The outcome is in memory until it is on disk.
        using var memory = RequestMemory.Current = budget.Open();
        var outcome = await RunAsync(entry, begun, input, stop);
        Task stored;
        lock (store.Gate)
        {
            entry.Stop = null;
            stored = StoreAsync(entry, outcome);
            entry.Progress = null;
            ended();
        }

        await stored;
    }

    /// <summary>Stores the end of an attempt, or that none begins. Under the store's gate.</summary>
    /// <returns>Completes when that is on disk.</returns>
    public Task EndAsync(TaskEntry entry, AttemptVerdict verdict) => store.ChangeAsync(
        entry, TaskLifecycle.After(entry.Pending with { Progress = entry.Progress }, verdict, clock.Now, schedule.PauseBeforeFirst()));

    private Task StoreAsync(TaskEntry entry, TaskOutcome? outcome)
    {
        var isCancelled = entry.Pending.State == TaskState.Cancelling;
        if (outcome is null && !isCancelled)
        {
            // The host stops: the database says "running", so the next start takes the task over.
            return Task.CompletedTask;
        }

        if (outcome is { Problem: null, Value.Utf8.Length: var bytes } && !store.Database.HasRoom(bytes, entry.InputBytes))
        {
            outcome = TaskOutcome.Failed(TaskProblems.NoRoomForResult(bytes));
        }

        return EndAsync(entry, TaskLifecycle.Judge(entry.Pending.Definition, entry.Pending.Attempts, isCancelled, outcome));
    }

    private async Task<TaskOutcome?> RunAsync(TaskEntry entry, Task begun, RawJson? input, CancellationToken stop)
    {
        try
        {
            // The start of the attempt must survive a crash. Otherwise a task could have more attempts than its maximum.
            await begun.WaitAsync(stop);
            stop.ThrowIfCancellationRequested();
            await RequestMemory.Current!.HoldWhenThereIsRoomAsync(entry.InputBytes, stop);
            var progress = new ProgressReporter(value => Note(entry, value));
            input ??= await ReadInputAsync(entry, stop);
            return await runner.Value.RunAsync(entry.Id, entry.Pending.Definition, input.Value, progress, stop);
        }
        catch (Exception exception)
        {
            return stop.IsCancellationRequested ? null : TaskOutcome.Failed(describer.Describe(exception, $"task {entry.Id}"));
        }
    }

    private async Task<RawJson> ReadInputAsync(TaskEntry entry, CancellationToken stop)
    {
        var input = await store.Database.ReadAsync(queries => queries.Payload(entry.Pending.Sequence), MaxReads, stop);
        return RawJson.FromUtf8(input ?? throw new ProblemException(Problem.StorageFailed("The input of the task cannot be read.")));
    }

    /// <summary>Records progress, and announces it to waiting callers, but not too often.</summary>
    private void Note(TaskEntry entry, Progress progress)
    {
        lock (store.Gate)
        {
            entry.Progress = progress;
            if (!entry.IsProgressDue)
            {
                entry.IsProgressDue = true;
                _ = AnnounceAsync(entry);
            }
        }
    }

    private async Task AnnounceAsync(TaskEntry entry)
    {
        await Task.Delay(ProgressPause, clock.Time, store.Database.Stopping);
        lock (store.Gate)
        {
            entry.AnnounceProgress();
        }
    }
}
