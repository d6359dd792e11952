namespace FunctionsApp.Embedded;

/// <summary>
/// Hands items over when they are due, on a thread of the pool, with one timer for all of them. The handler must be quick. Thread-safe.
/// </summary>
internal sealed class TimerQueue<T>(TaskClock clock, Action<T> handle) : IDisposable
{
    /// <summary>Timers may stand still while the machine sleeps, so the clock is read at least this often.</summary>
    private static readonly TimeSpan MaxSleep = TimeSpan.FromMinutes(10);

    /// <summary>How late the timer may be set.</summary>
    private static readonly TimeSpan MaxDelay = TimeSpan.FromMilliseconds(10);

    private readonly Lock _gate = new();
    private readonly PriorityQueue<T, TimeSpan> _items = new();
    private ITimer? _timer;
    private TimeSpan _wakes = TimeSpan.MaxValue;
    private bool _isDisposed;

    /// <summary>Adds an item that is due at an uptime; one in the past means soon.</summary>
    public void Add(TimeSpan due, T item)
    {
        lock (_gate)
        {
            if (_isDisposed)
            {
                return;
            }

            _items.Enqueue(item, due);
            if (due < _wakes)
            {
                SetTimer(due);
            }
        }
    }

    /// <summary>Drops all items.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _isDisposed = true;
            _items.Clear();
            _timer?.Dispose();
        }
    }

    private void SetTimer(TimeSpan due)
    {
        _timer ??= clock.Time.CreateTimer(
            static queue => ((TimerQueue<T>)queue!).Wake(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
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

    private void Wake()
    {
        var due = new List<T>();
        lock (_gate)
        {
            var now = clock.Uptime;
            while (_items.TryPeek(out _, out var at) && at <= now)
            {
                due.Add(_items.Dequeue());
            }

            _wakes = TimeSpan.MaxValue;
            if (!_isDisposed && _items.TryPeek(out _, out var next))
            {
                SetTimer(next);
            }
        }

        due.ForEach(handle);
    }
}
