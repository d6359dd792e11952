namespace FunctionsApp.Core.Tasks.Embedded;

/// <summary>Runs actions when they are due, with one timer for all of them. Thread-safe.</summary>
/// <param name="time">The clock.</param>
internal sealed class TimerQueue(TimeProvider time) : IDisposable
{
    /// <summary>The clock may be changed while an action waits, so it is read at least this often.</summary>
    private static readonly TimeSpan MaxSleep = TimeSpan.FromMinutes(10);

    /// <summary>How late the timer may be set.</summary>
    private static readonly TimeSpan MaxDelay = TimeSpan.FromMilliseconds(10);

    private readonly Lock _gate = new();
    private readonly PriorityQueue<Action, DateTimeOffset> _items = new();
    private ITimer? _timer;
    private DateTimeOffset _wakes = DateTimeOffset.MaxValue;
    private bool _isDisposed;

    /// <summary>Adds an action.</summary>
    /// <param name="due">When to run it; a time in the past means soon.</param>
    /// <param name="action">The action; runs on a thread of the pool, and must be quick.</param>
    public void Add(DateTimeOffset due, Action action)
    {
        lock (_gate)
        {
            _items.Enqueue(action, due);
            if (due < _wakes)
            {
                SetTimer(due);
            }
        }
    }

    /// <summary>Drops all actions.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _isDisposed = true;
            _items.Clear();
            _timer?.Dispose();
        }
    }

    private void SetTimer(DateTimeOffset due)
    {
        if (_isDisposed)
        {
            return;
        }

        _timer ??= time.CreateTimer(static queue => ((TimerQueue)queue!).Wake(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        DateTimeOffset now;
        do
        {
            now = time.GetUtcNow();
            var sleep = due <= now ? TimeSpan.Zero : due - now < MaxSleep ? due - now : MaxSleep;

            // Timers use whole milliseconds.
            sleep = TimeSpan.FromMilliseconds(Math.Ceiling(sleep.TotalMilliseconds));
            _wakes = now + sleep;
            _timer.Change(sleep, Timeout.InfiniteTimeSpan);
        }

        // A timer counts from when it is set. If this thread was suspended in between, it would fire late.
        while (time.GetUtcNow() - now > MaxDelay);
    }

    private void Wake()
    {
        var due = new List<Action>();
        lock (_gate)
        {
            var now = time.GetUtcNow();
            while (_items.TryPeek(out _, out var at) && at <= now)
            {
                due.Add(_items.Dequeue());
            }

            _wakes = DateTimeOffset.MaxValue;
            if (_items.TryPeek(out _, out var next))
            {
                SetTimer(next);
            }
        }

        due.ForEach(static action => action());
    }
}
