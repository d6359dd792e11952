namespace FunctionsApp.Operations;

/// <summary>A pause like <c>asyncio.sleep</c>.</summary>
internal static class Pause
{
    /// <summary>
    /// Waits for at least the given seconds of the clock that times requests. System timers use a coarser clock and may
    /// fire a few milliseconds early; the method then waits for the rest.
    /// </summary>
    public static async ValueTask PauseAsync(this TimeProvider time, double seconds, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var pause = TimeSpan.FromSeconds(seconds);
        var started = time.GetTimestamp();
        for (var rest = pause; rest > TimeSpan.Zero; rest = pause - time.GetElapsedTime(started))
        {
            await Task.Delay(TimeSpan.FromMilliseconds(Math.Ceiling(rest.TotalMilliseconds)), time, cancellationToken);
        }
    }
}
