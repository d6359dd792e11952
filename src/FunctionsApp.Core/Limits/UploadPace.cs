using System.Globalization;
using System.IO.Pipelines;
using FunctionsApp.Core.Problems;

namespace FunctionsApp.Core.Limits;

/// <summary>
/// Reads an upload, and gives it up when its sender stands still. The server's own limit is an average over the whole upload,
/// so that who has sent much may then be silent for long. Time in which nobody reads does not count.
/// </summary>
/// <param name="body">The upload.</param>
/// <param name="time">Measures the pauses.</param>
public sealed class UploadPace(PipeReader body, TimeProvider time) : IDisposable
{
    /// <summary>The least rate of a large upload, in bytes a second: memory is held for it while it comes.</summary>
    public const int MinLargeBytesPerSecond = 16 * 1024;

    /// <summary>The least rate of any other, which is Kestrel's.</summary>
    public const int MinBytesPerSecond = 240;

    /// <summary>How long an upload may stay below its rate.</summary>
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(5);

    private static readonly TimerCallback CancelRead = static body => ((PipeReader)body!).CancelPendingRead();

    private ITimer? _timer;
    private TimeSpan _waited;
    private long _received;

    /// <summary>Reads what has come; waits when nothing has.</summary>
    /// <param name="minBytesPerSecond">The least rate; 0 for none.</param>
    /// <param name="unread">How much of what the last read returned is returned again.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>What has come. After a failure too the server can read the rest of the body.</returns>
    /// <exception cref="ProblemException"><c>request-timeout</c> when too little comes within five seconds.</exception>
    public async ValueTask<ReadResult> ReadAsync(int minBytesPerSecond, long unread, CancellationToken cancellationToken)
    {
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var reading = body.ReadAsync(CancellationToken.None);
            var read = reading.IsCompleted ? await reading : await WaitAsync(reading, minBytesPerSecond, cancellationToken);
            if (!read.IsCanceled)
            {
                _received += read.Buffer.Length - unread;
                if (_received >= minBytesPerSecond * Interval.TotalSeconds)
                {
                    (_received, _waited) = (0, TimeSpan.Zero);
                }

                return read;
            }

            body.AdvanceTo(read.Buffer.Start);
            if (minBytesPerSecond > 0 && _waited >= Interval)
            {
                cancellationToken.ThrowIfCancellationRequested();
                throw new ProblemException(Problem.RequestTimeout(string.Create(CultureInfo.InvariantCulture,
                    $"The body has come more slowly than {minBytesPerSecond} bytes a second for {Interval.TotalSeconds} seconds.")));
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _timer?.Dispose();

    private async ValueTask<ReadResult> WaitAsync(ValueTask<ReadResult> reading, int minBytesPerSecond, CancellationToken cancellationToken)
    {
        // Not the token itself: a read that it ends stays open, and the server is to read on from there.
        await using var cancellation = cancellationToken.UnsafeRegister(static body => CancelRead(body), body);
        var started = time.GetTimestamp();
        if (minBytesPerSecond > 0)
        {
            _timer ??= time.CreateTimer(CancelRead, body, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);

            // On a busy machine bytes may come after the interval and before the timer rings.
            _timer.Change(_waited < Interval ? Interval - _waited : TimeSpan.Zero, Timeout.InfiniteTimeSpan);
        }

        try
        {
            return await reading;
        }
        finally
        {
            _timer?.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
            _waited += time.GetElapsedTime(started);
        }
    }
}
