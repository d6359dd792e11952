using FunctionsApp.Core.Operations;
using FunctionsApp.Core.Tasks;

namespace FunctionsApp.Embedded;

/// <summary>
/// A task that has not ended, in memory. A change is pending until it is on disk, then committed. Only committed changes are
/// reported. All members are guarded by the store's gate.
/// </summary>
internal sealed class TaskEntry(TaskRecord record, int inputBytes)
{
    /// <summary>The number of progress changes that fit between two versions in a revision.</summary>
    private const long TicksOfVersion = 1_000_000;

    private TaskCompletionSource? _changed;
    private long _ticks;

    public string Id => Pending.Id;

    /// <summary>The length of its input.</summary>
    public int InputBytes { get; } = inputBytes;

    /// <summary>The task with its last change, on disk or not.</summary>
    public TaskRecord Pending { get; set; } = record;

    /// <summary>The task as it is on disk, and as callers see it; null before its creation is on disk.</summary>
    public TaskRecord? Committed { get; private set; }

    /// <summary>Its position in the queue, while it waits for its turn.</summary>
    public LinkedListNode<TaskEntry>? Waiting { get; set; }

    /// <summary>The uptime since which it is in the queue.</summary>
    public TimeSpan WaitsSince { get; set; }

    /// <summary>Stops the running attempt.</summary>
    public CancellationTokenSource? Stop { get; set; }

    /// <summary>The progress of the running attempt.</summary>
    public Progress? Progress { get; set; }

    /// <summary>Whether progress will be announced soon.</summary>
    public bool IsProgressDue { get; set; }

    /// <summary>Whether a caller waits for a change.</summary>
    public bool IsWatched => _changed is not null;

    /// <summary>The task as callers see it, once it is committed.</summary>
    public TaskView View => new(
        Committed!.State is TaskState.Running or TaskState.Cancelling ? Committed with { Progress = Progress } : Committed,
        RevisionOf(Committed) + _ticks);

    /// <summary>Returns a task that is not in memory, as callers see it.</summary>
    public static TaskView ViewOf(TaskRecord record) => new(record, RevisionOf(record));

    /// <summary>Applies a record that is on disk.</summary>
    public void Commit(TaskRecord record)
    {
        Committed = record;
        _ticks = 0;
        Announce();
    }

    /// <summary>Announces progress to callers that wait for a change.</summary>
    public void AnnounceProgress()
    {
        IsProgressDue = false;
        if (Stop is not null)
        {
            _ticks = Math.Min(_ticks + 1, TicksOfVersion - 1);
            Announce();
        }
    }

    /// <summary>Completes at the next change.</summary>
    public Task ChangedAsync() => (_changed ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).Task;

    private static long RevisionOf(TaskRecord record) => record.Version * TicksOfVersion;

    private void Announce()
    {
        _changed?.TrySetResult();
        _changed = null;
    }
}
