namespace FunctionsApp.Core.Patterns;

/// <summary>Spreads the starts of calls evenly: <c>maxPerSecond</c>. Thread-safe.</summary>
/// <param name="perSecond">The maximum number of starts a second.</param>
/// <param name="time">The clock.</param>
internal sealed class StartPace(double perSecond, TimeProvider time) : IDisposable
{
    /// <summary>Timers are no finer.</summary>
    private static readonly TimeSpan MinDelay = TimeSpan.FromMilliseconds(1);

    private readonly SemaphoreSlim _turn = new(1);
    private readonly long _start = time.GetTimestamp();
    private readonly TimeSpan _interval = TimeSpan.FromSeconds(1 / perSecond);
    private TimeSpan _next;

    /// <summary>Waits until the next call may start. Callers get their turns one after the other.</summary>
    public async ValueTask WaitAsync(CancellationToken cancellationToken)
    {
        await _turn.WaitAsync(cancellationToken);
        try
        {
            var now = time.GetElapsedTime(_start);
            for (; now < _next; now = time.GetElapsedTime(_start))
            {
                var wait = _next - now;
                await Task.Delay(wait > MinDelay ? wait : MinDelay, time, cancellationToken);
            }

            // Timers are late: a start makes up for it, by at most half an interval. A pause is no reason for a burst.
            var earliest = now + (_interval / 2);
            _next = _next + _interval > earliest ? _next + _interval : earliest;
        }
        finally
        {
            _turn.Release();
        }
    }

    public void Dispose() => _turn.Dispose();
}
