namespace FunctionsApp.Embedded;

/// <summary>
/// The time of the engine. What it shows and stores is wall-clock time. It waits by its uptime, which no step of the wall clock
/// changes: a wait neither ends early nor takes longer.
/// </summary>
internal sealed class TaskClock(TimeProvider time)
{
    private readonly long _start = time.GetTimestamp();

    /// <summary>For delays and timers.</summary>
    public TimeProvider Time => time;

    /// <summary>The wall-clock time.</summary>
    public DateTimeOffset Now => time.GetUtcNow();

    /// <summary>How long the engine exists.</summary>
    public TimeSpan Uptime => time.GetElapsedTime(_start);

    /// <summary>
    /// Returns the uptime at which a stored time is reached, at most a pause from now: the clock may have been set back since then.
    /// </summary>
    public TimeSpan UptimeAt(DateTimeOffset at, TimeSpan maxPause)
    {
        var pause = at - Now;
        return Uptime + (pause < maxPause ? pause : maxPause);
    }
}
