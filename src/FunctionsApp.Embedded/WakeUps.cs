using System.Collections.Concurrent;
using System.Threading.Channels;
using FunctionsApp.Core.Tasks;

namespace FunctionsApp.Embedded;

/// <summary>
/// When the next step of each task is due, by <see cref="TaskLifecycle.WakeOf"/>. Whoever has stored a record plans its step, so a step
/// that is due but differs from that of the record now is obsolete. Thread-safe.
/// </summary>
/// <remarks>The times are in memory, 40 bytes each, because a step of the wall clock must not change a wait (ClockStepTests).</remarks>
internal sealed class WakeUps : IDisposable
{
    private static readonly TimeSpan PauseAfterFailure = TimeSpan.FromSeconds(30);

    private readonly Channel<WakeUp> _due = Channel.CreateUnbounded<WakeUp>(new UnboundedChannelOptions { SingleReader = true });
    private readonly Channel<WakeUp> _removals = Channel.CreateUnbounded<WakeUp>(new UnboundedChannelOptions { SingleReader = true });
    private readonly ConcurrentDictionary<long, bool> _expired = [];
    private readonly TaskClock _clock;
    private readonly TimerQueue<WakeUp> _timers;
    private volatile bool _isComplete;

    public WakeUps(TaskClock clock)
    {
        _clock = clock;
        _timers = new TimerQueue<WakeUp>(clock, Ring);
    }

    /// <summary>The attempts and webhooks that are due.</summary>
    public ChannelReader<WakeUp> Due => _due.Reader;

    /// <summary>The tasks that have expired.</summary>
    public ChannelReader<WakeUp> Removals => _removals.Reader;

    /// <summary>Plans the next attempt of a task, or its webhook. An attempt without a pause only waits for its turn.</summary>
    /// <param name="record">The task, as it is on disk.</param>
    /// <param name="maxPause">The longest pause; by default that of the record, because the clock may have been set back.</param>
    public void Plan(TaskRecord record, TimeSpan? maxPause = null)
    {
        switch (TaskLifecycle.WakeOf(record))
        {
            case { Step: TaskStep.Attempt } wake when record.NextAttemptAt is not null:
                Add(record, wake, maxPause ?? record.Definition.Retry?.Pause(record.Attempts) ?? TimeSpan.Zero);
                break;
            case { Step: TaskStep.Delivery } wake:
                // The row may hold any number.
                var pause = record.Delivery!.Attempts is [.., var last]
                    ? wake.At - last.StartedAt - TimeSpan.FromMilliseconds(Math.Clamp(last.ElapsedMs, 0, int.MaxValue))
                    : wake.At - (record.FinishedAt ?? wake.At);
                Add(record, wake, maxPause ?? (pause > TimeSpan.Zero ? pause : TimeSpan.Zero));
                break;
            case { Step: TaskStep.Removal } wake when _expired.ContainsKey(record.Sequence):
                // Only its webhook has kept the task.
                Ring(new WakeUp(record.Sequence, wake));
                break;
        }
    }

    /// <summary>Plans the removal of a task that has ended.</summary>
    public void PlanRemoval(TaskRecord record) => Add(
        record, new TaskWake(TaskStep.Removal, record.ExpiresAt), record.ExpiresAt - (record.FinishedAt ?? record.CreatedAt));

    /// <summary>Plans a step again that could not be done, because of an error of storage.</summary>
    public void Postpone(WakeUp wakeUp) => _timers.Add(_clock.Uptime + PauseAfterFailure, wakeUp);

    /// <summary>Notes that the tasks of the database are planned. Until then, shortly after a start, the wall clock decides too.</summary>
    public void SetComplete() => _isComplete = true;

    /// <summary>Returns whether a task has expired, although it may not be deleted yet. A pending webhook keeps it.</summary>
    public bool IsExpired(TaskRecord record) => TaskLifecycle.WakeOf(record) is { Step: TaskStep.Removal }
        && (_expired.ContainsKey(record.Sequence) || (!_isComplete && record.ExpiresAt <= _clock.Now));

    /// <summary>Forgets a task that has been deleted.</summary>
    public void Forget(long task) => _expired.TryRemove(task, out _);

    public void Dispose()
    {
        _timers.Dispose();
        _due.Writer.TryComplete();
        _removals.Writer.TryComplete();
    }

    private void Add(TaskRecord record, TaskWake wake, TimeSpan maxPause) =>
        _timers.Add(_clock.UptimeAt(wake.At, maxPause), new WakeUp(record.Sequence, wake));

    private void Ring(WakeUp wakeUp)
    {
        var isRemoval = wakeUp.Wake.Step == TaskStep.Removal;
        if (isRemoval)
        {
            _expired[wakeUp.Task] = true;
        }

        (isRemoval ? _removals : _due).Writer.TryWrite(wakeUp);
    }
}

/// <summary>A step of a task, by its sequence number, as it was planned.</summary>
internal readonly record struct WakeUp(long Task, TaskWake Wake);
