using FunctionsApp.Core.Operations;

namespace FunctionsApp.Core.Tasks.Embedded;

/// <summary>
/// A task that has not ended, in memory. A change is pending until the disk has it, and committed then: nobody is told of it
/// before. All members are guarded by the store's gate.
/// </summary>
/// <param name="record">The task as it begins.</param>
/// <param name="inputBytes">The length of its input.</param>
internal sealed class TaskEntry(TaskRecord record, int inputBytes)
{
    /// <summary>Changes of progress that one version has room for in a revision.</summary>
    private const long TicksOfVersion = 1_000_000;

    private TaskCompletionSource? _changed;
    private long _ticks;

    public string Id => Pending.Id;

    public int InputBytes { get; } = inputBytes;

    /// <summary>The task with its last change, whether the disk has that or not.</summary>
    public TaskRecord Pending { get; set; } = record;

    /// <summary>The task as it is on the disk, and as callers see it; null before its creation is.</summary>
    public TaskRecord? Committed { get; private set; }

    /// <summary>Its place among those that wait for their turn, while it waits.</summary>
    public LinkedListNode<TaskEntry>? Waiting { get; set; }

    /// <summary>Stops the attempt that is under way.</summary>
    public CancellationTokenSource? Stop { get; set; }

    /// <summary>How far the attempt has come that is under way.</summary>
    public Progress? Progress { get; set; }

    /// <summary>Whether progress will be announced soon.</summary>
    public bool IsProgressDue { get; set; }

    /// <summary>Whether somebody waits for a change.</summary>
    public bool IsWatched => _changed is not null;

    /// <summary>The task as callers see it, once it is committed.</summary>
    public TaskView View => new(
        Committed!.State is TaskState.Running or TaskState.Cancelling ? Committed with { Progress = Progress } : Committed,
        RevisionOf(Committed) + _ticks);

    /// <summary>A task that is not in memory, as callers see it.</summary>
    public static TaskView ViewOf(TaskRecord record) => new(record, RevisionOf(record));

    /// <summary>Takes over a record that is on the disk.</summary>
    public void Commit(TaskRecord record)
    {
        Committed = record;
        _ticks = 0;
        Announce();
    }

    /// <summary>Announces progress to those who wait for a change.</summary>
    public void AnnounceProgress()
    {
        IsProgressDue = false;
        if (Stop is null)
        {
            return;
        }

        _ticks = Math.Min(_ticks + 1, TicksOfVersion - 1);
        Announce();
    }

    /// <summary>Done at the next change.</summary>
    public Task ChangedAsync() => (_changed ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).Task;

    private static long RevisionOf(TaskRecord record) => record.Version * TicksOfVersion;

    private void Announce()
    {
        _changed?.TrySetResult();
        _changed = null;
    }
}
