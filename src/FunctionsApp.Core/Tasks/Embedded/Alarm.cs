namespace FunctionsApp.Core.Tasks.Embedded;

/// <summary>Runs an action at the earliest of the times that were set, and discards the later ones. Thread-safe.</summary>
/// <param name="timers">The timers.</param>
/// <param name="ring">The action; must be quick.</param>
internal sealed class Alarm(TimerQueue timers, Action ring)
{
    private readonly Lock _gate = new();
    private DateTimeOffset _next = DateTimeOffset.MaxValue;

    /// <summary>Schedules the action for a time, or earlier.</summary>
    /// <param name="due">The time; a time in the past means soon.</param>
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
                // Meanwhile an earlier time was set, and that one has fired.
                return;
            }

            _next = DateTimeOffset.MaxValue;
        }

        ring();
    }
}
