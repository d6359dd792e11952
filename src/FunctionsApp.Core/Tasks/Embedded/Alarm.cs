namespace FunctionsApp.Core.Tasks.Embedded;

/// <summary>Rings at the earliest of the times that it is set to, and forgets the others. Thread-safe.</summary>
/// <param name="timers">What it waits in.</param>
/// <param name="ring">What to do; must be quick.</param>
internal sealed class Alarm(TimerQueue timers, Action ring)
{
    private readonly Lock _gate = new();
    private DateTimeOffset _next = DateTimeOffset.MaxValue;

    /// <summary>Has it ring at a time, or earlier.</summary>
    /// <param name="due">The time; a time that is past means soon.</param>
    public void Set(DateTimeOffset due)
    {
        lock (_gate)
        {
            if (due >= _next)
            {
                return;
            }

            _next = due;
        }

        timers.Add(due, () => Ring(due));
    }

    private void Ring(DateTimeOffset due)
    {
        lock (_gate)
        {
            if (due != _next)
            {
                // It was set to an earlier time meanwhile, and has rung.
                return;
            }

            _next = DateTimeOffset.MaxValue;
        }

        ring();
    }
}
