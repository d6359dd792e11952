using System.Collections.Concurrent;
using System.Threading.Channels;
using FunctionsApp.Core.Tasks;

namespace FunctionsApp.Embedded;

/// <summary>
/// When the next step of each task is due, by <see cref="TaskLifecycle.WakeOf"/>. The code that stores a record plans its step, so a step
/// that is due but differs from that of the record now is obsolete. One timer waits for all of them; <see cref="TaskSteps"/> does what is
/// due. Thread-safe.
/// </summary>
/// <remarks>The times are in memory, 40 bytes each, because a step of the wall clock must not change a wait (ClockStepTests).</remarks>
internal sealed class WakeUps(TaskClock clock) : IDisposable
{
    private static readonly TimeSpan PauseAfterFailure = TimeSpan.FromSeconds(30);

    /// <summary>Timers may stand still while the machine sleeps, so the clock is read at least this often.</summary>
    private static readonly TimeSpan MaxSleep = TimeSpan.FromMinutes(10);

    /// <summary>How late the timer may be set.</summary>
    private static readonly TimeSpan MaxDelay = TimeSpan.FromMilliseconds(10);

    private readonly Channel<WakeUp> _due = Channel.CreateUnbounded<WakeUp>(new UnboundedChannelOptions { SingleReader = true });
    private readonly Channel<WakeUp> _removals = Channel.CreateUnbounded<WakeUp>(new UnboundedChannelOptions { SingleReader = true });
    private readonly ConcurrentDictionary<long, bool> _expired = [];
    private readonly Lock _gate = new();
    private readonly PriorityQueue<WakeUp, TimeSpan> _planned = new();
    private ITimer? _timer;
    private TimeSpan _wakes = TimeSpan.MaxValue;
    private bool _isDisposed;

    /// <summary>The attempts and webhooks that are due.</summary>
    public ChannelReader<WakeUp> Due => _due.Reader;

    /// <summary>The tasks that have expired.</summary>
    public ChannelReader<WakeUp> Removals => _removals.Reader;

    /// <summary>
    /// Plans what a task does next: its attempt after a pause or, once it has ended, its removal and before that its webhook. An attempt
    /// without a pause only waits for its turn.
    /// </summary>
    /// <param name="record">The task, as it is on disk.</param>
    public void Plan(TaskRecord record)
    {
        if (record.IsFinished)
        {
            var removal = new WakeUp(record.Sequence, new TaskWake(TaskStep.Removal, record.ExpiresAt));
            Add(removal, clock.UptimeAt(record.ExpiresAt, record.ExpiresAt - (record.FinishedAt ?? record.CreatedAt)));
            PlanDelivery(record);
        }
        else if (record.NextAttemptAt is not null && TaskLifecycle.WakeOf(record) is { } wake)
        {
            var pause = record.Definition.Retry?.Pause(record.Attempts) ?? TimeSpan.Zero;
            Add(new WakeUp(record.Sequence, wake), clock.UptimeAt(wake.At, pause));
        }
    }

    /// <summary>Plans the next attempt at a webhook; without one, the removal of a task that only its webhook has kept.</summary>
    /// <param name="record">The task, which has ended, as it is on disk.</param>
    /// <param name="due">The uptime when the attempt is due; by default that of the record, but no later than after its pause.</param>
    public void PlanDelivery(TaskRecord record, TimeSpan? due = null)
    {
        switch (TaskLifecycle.WakeOf(record))
        {
            case { Step: TaskStep.Delivery } wake:
                // The row may hold any number.
                var pause = record.Delivery!.Attempts is [.., var last]
                    ? wake.At - last.StartedAt - TimeSpan.FromMilliseconds(Math.Clamp(last.ElapsedMs, 0, int.MaxValue))
                    : wake.At - (record.FinishedAt ?? wake.At);
                Add(new WakeUp(record.Sequence, wake), due ?? clock.UptimeAt(wake.At, pause > TimeSpan.Zero ? pause : TimeSpan.Zero));
                break;
            case { Step: TaskStep.Removal } wake when _expired.ContainsKey(record.Sequence):
                _removals.Writer.TryWrite(new WakeUp(record.Sequence, wake));
                break;
        }
    }

    /// <summary>Plans a step again that could not be done, because of an error of storage.</summary>
    public void Postpone(WakeUp wakeUp) => Add(wakeUp, clock.Uptime + PauseAfterFailure);

    /// <summary>Whether the tasks of the database are planned. Until then, shortly after a start, the wall clock decides too.</summary>
    public bool IsComplete { get; set; }

    /// <summary>Returns whether a task has expired, although it may not be deleted yet. A pending webhook keeps it.</summary>
    public bool IsExpired(TaskRecord record) => (!IsComplete && record.IsExpired(clock.Now))
        || (_expired.ContainsKey(record.Sequence) && TaskLifecycle.WakeOf(record) is { Step: TaskStep.Removal });

    /// <summary>Forgets a task that has been deleted.</summary>
    public void Forget(long task) => _expired.TryRemove(task, out _);

    /// <summary>Drops all steps.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _isDisposed = true;
            _planned.Clear();
            _timer?.Dispose();
        }

        _due.Writer.TryComplete();
        _removals.Writer.TryComplete();
    }

    /// <summary>Plans a step that is due at an uptime; one in the past means soon. <see cref="Wake"/> hands it over.</summary>
    private void Add(WakeUp wakeUp, TimeSpan due)
    {
        lock (_gate)
        {
            if (_isDisposed)
            {
                return;
            }

            _planned.Enqueue(wakeUp, due);
            if (due < _wakes)
            {
                SetTimer(due);
            }
        }
    }

    private void SetTimer(TimeSpan due)
    {
        _timer ??= clock.Time.CreateTimer(
            static wakeUps => ((WakeUps)wakeUps!).Wake(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        TimeSpan now;
        do
        {
            now = clock.Uptime;
            var sleep = due <= now ? TimeSpan.Zero : due - now < MaxSleep ? due - now : MaxSleep;

            // Timers use whole milliseconds.
            sleep = TimeSpan.FromMilliseconds(Math.Ceiling(sleep.TotalMilliseconds));
            _wakes = now + sleep;
            _timer.Change(sleep, Timeout.InfiniteTimeSpan);
        }

        // A timer counts from when it is set. If this thread was suspended in between, it would fire late.
        while (clock.Uptime - now > MaxDelay);
    }

    /// <summary>Hands over the steps that are due. The timer calls it.</summary>
    private void Wake()
    {
        lock (_gate)
        {
            var now = clock.Uptime;
            while (_planned.TryPeek(out var wakeUp, out var at) && at <= now)
            {
                _planned.Dequeue();
                if (wakeUp.Wake.Step == TaskStep.Removal)
                {
                    _expired[wakeUp.Task] = true;
                    _removals.Writer.TryWrite(wakeUp);
                }
                else
                {
                    _due.Writer.TryWrite(wakeUp);
                }
            }

            _wakes = TimeSpan.MaxValue;
            if (!_isDisposed && _planned.TryPeek(out _, out var next))
            {
                SetTimer(next);
            }
        }
    }
}

/// <summary>A step of a task, by its sequence number, as it was planned.</summary>
internal readonly record struct WakeUp(long Task, TaskWake Wake);
