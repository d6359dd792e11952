namespace FunctionsApp.Core.Limits;

/// <summary>
/// The pause between the start of the host and work that takes much processor time and that no request waits for. Otherwise that work
/// would delay the first responses: on one core, the first of LocalHost from 292 to 375 ms after the start of the process.
/// </summary>
public static class StartupPause
{
    /// <summary>Waits until the first requests are over.</summary>
    /// <param name="time">The clock.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public static Task WaitAsync(TimeProvider time, CancellationToken cancellationToken) =>
        Task.Delay(TimeSpan.FromMilliseconds(400), time, cancellationToken);
}
