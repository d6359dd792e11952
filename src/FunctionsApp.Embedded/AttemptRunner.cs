using FunctionsApp.Core.Json;
using FunctionsApp.Core.Limits;
using FunctionsApp.Core.Operations;
using FunctionsApp.Core.Patterns;
using FunctionsApp.Core.Problems;
using FunctionsApp.Core.Tasks;

namespace FunctionsApp.Embedded;

/// <summary>Runs one attempt of a task, and announces its progress.</summary>
internal sealed class AttemptRunner(Lazy<TaskRunner> runner, TaskStore store, ProblemDescriber describer, TaskClock clock)
{
    /// <summary>How often an input is read, if that fails: within 15 s.</summary>
    private const int MaxReads = 5;

    private static readonly TimeSpan ProgressPause = TimeSpan.FromMilliseconds(100);

    /// <summary>Runs an attempt.</summary>
    /// <param name="entry">The task.</param>
    /// <param name="begun">Completes when the start of the attempt is on disk.</param>
    /// <param name="input">The task's input; null to read it.</param>
    /// <param name="memory">The memory of the attempt.</param>
    /// <param name="stop">Stops the attempt.</param>
    /// <returns>The outcome; null if the attempt was stopped.</returns>
    public async Task<TaskOutcome?> RunAsync(
        TaskEntry entry, Task begun, RawJson? input, RequestMemory memory, CancellationToken stop)
    {
        try
        {
            // The start of the attempt must survive a crash. Otherwise a task could have more attempts than its maximum.
            await begun.WaitAsync(stop);
            stop.ThrowIfCancellationRequested();
            await memory.HoldWhenThereIsRoomAsync(entry.InputBytes, stop);
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
