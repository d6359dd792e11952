using Microsoft.Extensions.Logging;

namespace FunctionsApp.Embedded.Storage;

/// <summary>Retries reads and writes of the database that have failed, after 1 s at first and 30 s at most.</summary>
internal sealed class StorageRetry(TimeProvider time, ILogger logger)
{
    private static readonly TimeSpan FirstPause = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan MaxPause = TimeSpan.FromSeconds(30);

    /// <summary>Reads, and retries if that fails.</summary>
    /// <param name="read">Reads, and logs a failure.</param>
    /// <param name="maxReads">How often to read.</param>
    /// <param name="stop">Ends the wait for a retry.</param>
    /// <exception cref="StorageException">The database cannot be read.</exception>
    /// <exception cref="OperationCanceledException"><paramref name="stop"/> was cancelled.</exception>
    public async Task<T> ReadAsync<T>(Func<T> read, int maxReads, CancellationToken stop)
    {
        for (var (reads, pause) = (1, FirstPause); ; reads++)
        {
            try
            {
                return read();
            }
            catch (StorageException) when (reads < maxReads)
            {
                await Task.Delay(pause, time, stop);
                pause = Longer(pause);
            }
        }
    }

    /// <summary>Retries a write until it succeeds.</summary>
    /// <param name="id">The task.</param>
    /// <param name="first">The first attempt.</param>
    /// <param name="again">Starts a retry.</param>
    /// <param name="closing">Ends the retries.</param>
    /// <exception cref="OperationCanceledException"><paramref name="closing"/> was cancelled.</exception>
    public async Task WriteAsync(string id, Task first, Func<Task> again, CancellationToken closing)
    {
        var pause = FirstPause;
        for (var writing = first; ; writing = again())
        {
            try
            {
                await writing;
                return;
            }
#pragma warning disable CA1031 // The exception is logged. What has happened to a task must be written, even after a bug.
            catch (Exception exception)
#pragma warning restore CA1031
            {
                closing.ThrowIfCancellationRequested();
                TaskLog.NotWritten(logger, id, pause.TotalSeconds, exception);
                await Task.Delay(pause, time, closing);
                pause = Longer(pause);
            }
        }
    }

    private static TimeSpan Longer(TimeSpan pause) => pause * 2 < MaxPause ? pause * 2 : MaxPause;
}
