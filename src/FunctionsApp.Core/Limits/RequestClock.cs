namespace FunctionsApp.Core.Limits;

/// <summary>Milliseconds since a request started, on a monotonic clock.</summary>
public readonly struct RequestClock(TimeProvider time)
{
    private readonly long _started = time.GetTimestamp();

    /// <summary>Milliseconds since the start, to the microsecond.</summary>
    public double ElapsedMs => Math.Round(time.GetElapsedTime(_started).TotalMilliseconds, 3);
}
