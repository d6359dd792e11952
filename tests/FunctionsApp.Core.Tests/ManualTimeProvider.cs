namespace FunctionsApp.Core.Tests;

/// <summary>
/// A clock that stands still until a test advances it. Timers run within <see cref="Advance"/>, and on the pool if they are
/// due when they are set, as real ones do. Microsoft's FakeTimeProvider does not count timers, and its clock shows the end
/// of the advance to every timer on the way: a pause that a timer begins would then start too late.
/// </summary>
public sealed class ManualTimeProvider : TimeProvider
{
    private readonly Lock _gate = new();
    private readonly List<ManualTimer> _timers = [];
    private TimeSpan _now;
    private TimeSpan _offset;

    /// <summary>How many timers are set.</summary>
    public int Timers
    {
        get
        {
            lock (_gate)
            {
                return _timers.Count(static timer => timer.Due is not null);
            }
        }
    }

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override long GetTimestamp()
    {
        lock (_gate)
        {
            return _now.Ticks;
        }
    }

    public override DateTimeOffset GetUtcNow()
    {
        lock (_gate)
        {
            return DateTimeOffset.UnixEpoch + _now + _offset;
        }
    }

    /// <summary>Sets the wall clock forward or back. No time passes by that: timers and timestamps go on as before.</summary>
    public void Step(TimeSpan by)
    {
        lock (_gate)
        {
            _offset += by;
        }
    }

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new ManualTimer(this, () => callback(state));
        timer.Change(dueTime, period);
        lock (_gate)
        {
            _timers.Add(timer);
        }

        return timer;
    }

    /// <summary>Advances the time, stopping at each timer on the way.</summary>
    public void Advance(TimeSpan by)
    {
        var end = TimeSpan.FromTicks(GetTimestamp()) + by;
        while (true)
        {
            ManualTimer? next;
            lock (_gate)
            {
                next = _timers.Where(timer => timer.Due <= end).MinBy(static timer => timer.Due);
                _now = next?.Due is { } due && due > _now ? due : next is null ? end : _now;
                next?.Ring();
            }

            if (next is null)
            {
                return;
            }

            next.Callback();
        }
    }

    private sealed class ManualTimer(ManualTimeProvider owner, Action callback) : ITimer
    {
        private TimeSpan _period = Timeout.InfiniteTimeSpan;

        public TimeSpan? Due { get; private set; }

        public Action Callback { get; } = callback;

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            lock (owner._gate)
            {
                _period = period;
                Due = dueTime == Timeout.InfiniteTimeSpan ? null : owner._now + dueTime;
            }

            if (dueTime == TimeSpan.Zero)
            {
                ThreadPool.QueueUserWorkItem(static timer => timer.RunIfDue(), this, preferLocal: false);
            }

            return true;
        }

        private void RunIfDue()
        {
            lock (owner._gate)
            {
                if (Due is null || Due > owner._now)
                {
                    return;
                }

                Ring();
            }

            Callback();
        }

        /// <summary>Sets the next time, under the lock.</summary>
        public void Ring() => Due = _period == Timeout.InfiniteTimeSpan || _period == TimeSpan.Zero ? null : owner._now + _period;

        public void Dispose()
        {
            lock (owner._gate)
            {
                Due = null;
                owner._timers.Remove(this);
            }
        }

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
