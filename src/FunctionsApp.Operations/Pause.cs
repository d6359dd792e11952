namespace FunctionsApp.Operations;

/// <summary>Waiting, as <c>asyncio.sleep</c> does it.</summary>
internal static class Pause
{
    /// <summary>
    /// Waits at least so long on the clock that requests are timed by. The timers of the system go by a coarser one and
    /// may ring a few milliseconds early; then the rest is waited for too.
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
