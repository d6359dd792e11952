using System.Globalization;
using System.IO.Pipelines;
using FunctionsApp.Core.Problems;

namespace FunctionsApp.Core.Limits;

/// <summary>
/// Reads an upload, and fails if its sender is too slow. The server's own limit is an average over the whole upload, so a sender
/// that has sent much may then pause for long: the attack suite's <c>Bodies</c> stop 400 times after 1 MiB. Time in which the app does
/// not read does not count.
/// </summary>
/// <param name="body">The upload.</param>
/// <param name="time">Measures the pauses.</param>
public sealed class UploadPace(PipeReader body, TimeProvider time) : IDisposable
{
    /// <summary>The minimum rate of a large upload, in bytes per second: the app holds memory for it while it arrives.</summary>
    public const int MinLargeBytesPerSecond = 16 * 1024;

    /// <summary>The minimum rate of any other upload, which is Kestrel's.</summary>
    public const int MinBytesPerSecond = 240;

    /// <summary>How long an upload may stay below its rate.</summary>
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(5);

    private static readonly TimerCallback CancelRead = static body => ((PipeReader)body!).CancelPendingRead();

    private ITimer? _timer;
    private TimeSpan _waited;
    private long _received;

    /// <summary>Reads what has arrived; waits if nothing has.</summary>
    /// <param name="minBytesPerSecond">The minimum rate; 0 for none.</param>
    /// <param name="unread">How many bytes of the last read are returned again.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>What has arrived. The server can read the rest of the body even after a failure.</returns>
    /// <exception cref="ProblemException"><c>request-timeout</c> if too little arrives within five seconds.</exception>
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
                    $"The body arrived more slowly than {minBytesPerSecond} bytes a second for {Interval.TotalSeconds} seconds.")));
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _timer?.Dispose();

    private async ValueTask<ReadResult> WaitAsync(ValueTask<ReadResult> reading, int minBytesPerSecond, CancellationToken cancellationToken)
    {
        // Not the token itself: a read that it cancels stays pending, and the server must read on from there.
        await using var cancellation = cancellationToken.UnsafeRegister(static body => CancelRead(body), body);
        var started = time.GetTimestamp();
        if (minBytesPerSecond > 0)
        {
            _timer ??= time.CreateTimer(CancelRead, body, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);

            // On a busy machine bytes may arrive after the interval and before the timer fires.
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
