namespace FunctionsApp.Core.Limits;

/// <summary>The pauses between tries: each is twice as long as the one before, up to a maximum. Not thread-safe.</summary>
/// <param name="first">The first pause.</param>
/// <param name="max">The longest pause.</param>
/// <param name="time">The clock.</param>
public struct DoublingPause(TimeSpan first, TimeSpan max, TimeProvider time)
{
    /// <summary>The next pause.</summary>
    public TimeSpan Next { get; private set; } = first;

    /// <summary>Waits for the next pause.</summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    public Task WaitAsync(CancellationToken cancellationToken)
    {
        var pause = Next;
        Next = pause * 2 < max ? pause * 2 : max;
        return Task.Delay(pause, time, cancellationToken);
    }
}
