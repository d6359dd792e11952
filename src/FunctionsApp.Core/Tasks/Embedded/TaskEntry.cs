using FunctionsApp.Core.Operations;

namespace FunctionsApp.Core.Tasks.Embedded;

/// <summary>
/// A task in the memory of the engine: what is known of it, and where the rest lies. What has been decided comes before
/// what is kept: nobody is told of a change before it is on the disk. All of it is guarded by the engine's lock.
/// </summary>
internal sealed class TaskEntry
{
    /// <summary>Changes of progress that one version has room for in a revision.</summary>
    private const long TicksOfVersion = 1_000_000;

    private TaskCompletionSource? _changed;
    private long _ticks;

    /// <summary>A task as it begins.</summary>
    public TaskEntry(TaskRecord record) => (Decided, Sequence) = (record, record.Sequence);

    private TaskEntry(long sequence) => (Decided, Sequence) = (null!, sequence);

    /// <summary>The place of the task among all that were ever created.</summary>
    public long Sequence { get; }

    /// <summary>The task as it is decided, be it written or not.</summary>
    public TaskRecord Decided { get; set; }

    /// <summary>The task as it is on the disk, which is what the world sees; null before its creation is.</summary>
    public TaskRecord? Kept { get; private set; }

    /// <summary>Where the last record of it lies.</summary>
    public JournalAddress? Head { get; private set; }

    /// <summary>Where its input lies or, after its end, its outcome.</summary>
    public JournalAddress? Payload { get; private set; }

    /// <summary>Done when the task is accepted, or cannot be.</summary>
    public Task Created { get; set; } = Task.CompletedTask;

    /// <summary>Its place among those that wait for their turn, while it is there.</summary>
    public LinkedListNode<TaskEntry>? Waiting { get; set; }

    /// <summary>Stops the attempt that is under way.</summary>
    public CancellationTokenSource? Stop { get; set; }

    /// <summary>How far the attempt has come that is under way.</summary>
    public Progress? Progress { get; set; }

    /// <summary>Whether those who wait for a change are about to be told of progress.</summary>
    public bool IsProgressDue { get; set; }

    /// <summary>Whether its webhook is being sent, or waits for its turn.</summary>
    public bool IsDelivering { get; set; }

    /// <summary>The task as the world sees it.</summary>
    public TaskView View => new(
        Kept!.State is TaskState.Running or TaskState.Cancelling ? Kept with { Progress = Progress } : Kept,
        (Kept.Version * TicksOfVersion) + _ticks);

    /// <summary>Takes over a record that is on the disk.</summary>
    /// <param name="record">The task.</param>
    /// <param name="address">Where the record lies.</param>
    /// <returns>The records that are no longer needed.</returns>
    public IEnumerable<JournalAddress> Keep(TaskRecord record, JournalAddress address)
    {
        if (record.Version < Kept?.Version)
        {
            return [address];
        }

        var before = new[] { Head, Payload };
        var ends = record.IsFinished && Kept?.IsFinished != true;
        if (record.Version > Kept?.Version)
        {
            _ticks = 0;
        }

        Kept = record;
        Head = address;

        // What a task came to takes the place of its input, also when that is nothing.
        Payload = address.PayloadLength > 0 || ends ? address : Payload;
        Announce();
        return before.OfType<JournalAddress>().Distinct().Where(old => old != Head && old != Payload);
    }

    /// <summary>No task, but a place among them, to look from there on.</summary>
    public static TaskEntry At(long sequence) => new(sequence);

    /// <summary>The attempt that ran has ended with the host. The disk need not say so: the next start would find it out again.</summary>
    public void Requeue()
    {
        Decided = Decided with { State = TaskState.Queued, Version = Decided.Version + 1 };
        Kept = Decided;
    }

    /// <summary>Whether anything of it lies in a segment.</summary>
    public bool LiesIn(int segment) => Head?.Segment == segment || Payload?.Segment == segment;

    /// <summary>All that is kept of it.</summary>
    public IEnumerable<JournalAddress> Addresses => new[] { Head, Payload }.OfType<JournalAddress>().Distinct();

    /// <summary>Tells those who wait that it has come further.</summary>
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

    /// <summary>Tells those who wait.</summary>
    public void Announce()
    {
        _changed?.TrySetResult();
        _changed = null;
    }

    /// <summary>Done at the next change.</summary>
    public Task ChangedAsync() => (_changed ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).Task;
}
