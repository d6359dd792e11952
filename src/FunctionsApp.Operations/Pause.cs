namespace FunctionsApp.Operations;

/// <summary>A pause like <c>asyncio.sleep</c>.</summary>
internal static class Pause
{
    /// <summary>
    /// Waits for at least the given seconds of the clock that times requests. System timers use a coarser clock and may
    /// fire a few milliseconds early; the method then waits for the rest.
    /// </summary>
    public static async ValueTask PauseAsync(this TimeProvider time, double seconds, CancellationToken cancellationToken) =>
        await time.PauseAsync(seconds, result: true, cancellationToken);

    /// <summary>
    /// Waits as <see cref="PauseAsync(TimeProvider, double, CancellationToken)"/> does, then returns a result that the caller already has.
    /// </summary>
    public static async ValueTask<T> PauseAsync<T>(this TimeProvider time, double seconds, T result, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var pause = TimeSpan.FromSeconds(seconds);
        var started = time.GetTimestamp();
        for (var rest = pause; rest > TimeSpan.Zero; rest = pause - time.GetElapsedTime(started))
        {
            await Task.Delay(TimeSpan.FromMilliseconds(Math.Ceiling(rest.TotalMilliseconds)), time, cancellationToken);
        }

        return result;
    }
}
