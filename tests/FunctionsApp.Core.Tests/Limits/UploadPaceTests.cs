using System.IO.Pipelines;
using FunctionsApp.Core.Limits;
using FunctionsApp.Core.Problems;

namespace FunctionsApp.Core.Tests.Limits;

/// <summary>When an upload is given up because its sender stands still, on a clock that does.</summary>
public sealed class UploadPaceTests : IDisposable
{
    private const int Rate = UploadPace.MinLargeBytesPerSecond;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly ManualTimeProvider _time = new();
    private readonly Pipe _pipe = new(new PipeOptions(
        readerScheduler: PipeScheduler.Inline, writerScheduler: PipeScheduler.Inline, pauseWriterThreshold: 0, useSynchronizationContext: false));
    private readonly UploadPace _pace;

    public UploadPaceTests() => _pace = new UploadPace(_pipe.Reader, _time);

    [Fact]
    public async Task Received_bytes_are_read_at_once()
    {
        await SendAsync(3);

        Assert.Equal(3, await ReadAsync(Rate));
        Assert.Equal(0, _time.Timers);
    }

    [Fact]
    public async Task An_upload_that_stalls_for_five_seconds_times_out()
    {
        var reading = ReadAsync(Rate);
        _time.Advance(TimeSpan.FromSeconds(4.999));
        Assert.False(reading.IsCompleted);
        _time.Advance(TimeSpan.FromSeconds(0.001));

        var problem = await RefusalAsync(reading);
        Assert.Equal(
            ("/problems/request-timeout", "The body arrived more slowly than 16384 bytes a second for 5 seconds."), (problem.Type, problem.Detail));
        Assert.Equal(0, _time.Timers);
    }

    [Fact]
    public async Task A_pause_has_the_same_limit_after_any_number_of_bytes()
    {
        await SendAsync(100 * Rate);
        await ReadAsync(Rate);

        var reading = ReadAsync(Rate);
        _time.Advance(TimeSpan.FromSeconds(5));

        await RefusalAsync(reading);
    }

    [Fact]
    public async Task A_slow_but_steady_upload_is_read_to_its_end()
    {
        for (var second = 0; second < 100; second++)
        {
            var reading = ReadAsync(Rate);
            _time.Advance(TimeSpan.FromSeconds(0.9));
            await SendAsync(Rate);
            Assert.Equal(Rate, await reading);
        }

        await _pipe.Writer.CompleteAsync();
        Assert.True((await _pace.ReadAsync(Rate, unread: 0, default)).IsCompleted);
    }

    [Fact]
    public async Task An_upload_below_the_minimum_rate_times_out()
    {
        for (var second = 0; second < 4; second++)
        {
            var reading = ReadAsync(Rate);
            _time.Advance(TimeSpan.FromSeconds(1));
            await SendAsync(1_000);
            Assert.Equal(1_000, await reading);
        }

        var last = ReadAsync(Rate);
        _time.Advance(TimeSpan.FromSeconds(1));

        await RefusalAsync(last);
    }

    [Fact]
    public async Task Bytes_that_are_returned_again_do_not_count_as_progress()
    {
        await SendAsync(10 * Rate);
        await KeepAsync(unread: 0);
        for (var second = 0; second < 4; second++)
        {
            var reading = KeepAsync(unread: (10 * Rate) + second);
            _time.Advance(TimeSpan.FromSeconds(1));
            await SendAsync(1);
            Assert.Equal((10 * Rate) + second + 1, await reading);
        }

        var last = KeepAsync(unread: (10 * Rate) + 4);
        _time.Advance(TimeSpan.FromSeconds(1));

        await RefusalAsync(last);
    }

    [Fact]
    public async Task Time_without_a_reader_does_not_count()
    {
        await SendAsync(1);
        await ReadAsync(Rate);
        _time.Advance(TimeSpan.FromHours(1));

        var reading = ReadAsync(Rate);
        _time.Advance(TimeSpan.FromSeconds(4.9));
        await SendAsync(1);

        Assert.Equal(1, await reading);
    }

    [Fact]
    public async Task Without_a_rate_a_sender_may_pause_as_long_as_it_likes()
    {
        var reading = ReadAsync(0);
        Assert.Equal(0, _time.Timers);
        _time.Advance(TimeSpan.FromDays(1));
        await SendAsync(1);
        Assert.Equal(1, await reading);

        // And the pause does not count when there is a rate later.
        var next = ReadAsync(Rate);
        _time.Advance(TimeSpan.FromSeconds(4.9));
        Assert.False(next.IsCompleted);
        _time.Advance(TimeSpan.FromSeconds(0.1));
        await RefusalAsync(next);
    }

    [Fact]
    public async Task After_a_failure_the_rest_can_be_read()
    {
        await SendAsync(10);
        await KeepAsync(unread: 0);
        var reading = KeepAsync(unread: 10);
        _time.Advance(TimeSpan.FromSeconds(5));
        await RefusalAsync(reading);
        await SendAsync(5);

        Assert.Equal((15, false), await DrainAsync());
    }

    [Fact]
    public async Task A_cancellation_ends_the_wait_and_the_rest_can_be_read()
    {
        using var caller = new CancellationTokenSource();
        var reading = ReadAsync(Rate, caller.Token);

        await caller.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => reading.WaitAsync(Patience));
        await SendAsync(5);
        Assert.Equal((5, false), await DrainAsync());
        Assert.Equal(0, _time.Timers);
    }

    [Fact]
    public async Task A_cancelled_caller_reads_nothing()
    {
        await SendAsync(5);

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => ReadAsync(Rate, new CancellationToken(canceled: true)));

        Assert.Equal((5, false), await DrainAsync());
    }

    [Fact]
    public async Task An_error_of_the_body_is_raised()
    {
        var reading = ReadAsync(Rate);
        await _pipe.Writer.CompleteAsync(new InvalidDataException("broken"));

        await Assert.ThrowsAsync<InvalidDataException>(() => reading.WaitAsync(Patience));
    }

    [Fact]
    public async Task A_timer_that_fires_after_the_read_does_no_harm()
    {
        var time = new LateTime();
        using var pace = new UploadPace(_pipe.Reader, time);
        var reading = ReadAsync(pace);
        time.Now += TimeSpan.FromSeconds(1);
        await SendAsync(5 * Rate);
        Assert.Equal(5 * Rate, await reading);

        time.Ring();
        var next = ReadAsync(pace);
        Assert.False(next.IsCompleted);
        await SendAsync(7);

        Assert.Equal(7, await next);
    }

    /// <summary>A busy machine rings late, and what comes in between is too little all the same.</summary>
    [Theory]
    [InlineData(5.0)]
    [InlineData(5.0015)]
    [InlineData(6.0)]
    public async Task A_timer_that_fires_late_still_times_out(double seconds)
    {
        var time = new LateTime();
        using var pace = new UploadPace(_pipe.Reader, time);
        var reading = ReadAsync(pace);
        time.Now += TimeSpan.FromSeconds(seconds);
        await SendAsync(1);
        Assert.Equal(1, await reading);

        var next = ReadAsync(pace);
        Assert.Equal(TimeSpan.Zero, time.Due);
        time.Ring();

        await RefusalAsync(next);
    }

    public void Dispose() => _pace.Dispose();

    private async Task SendAsync(int bytes) => await _pipe.Writer.WriteAsync(new byte[bytes]);

    private Task<long> ReadAsync(int minBytesPerSecond, CancellationToken cancellationToken = default) => ReadAsync(_pace, minBytesPerSecond, cancellationToken);

    private async Task<long> ReadAsync(UploadPace pace, int minBytesPerSecond = Rate, CancellationToken cancellationToken = default)
    {
        var read = await pace.ReadAsync(minBytesPerSecond, unread: 0, cancellationToken);
        var length = read.Buffer.Length;
        _pipe.Reader.AdvanceTo(read.Buffer.End);
        return length;
    }

    /// <summary>Reads and takes nothing.</summary>
    private async Task<long> KeepAsync(long unread)
    {
        var read = await _pace.ReadAsync(Rate, unread, default);
        var length = read.Buffer.Length;
        _pipe.Reader.AdvanceTo(read.Buffer.Start, read.Buffer.End);
        return length;
    }

    /// <summary>What a server does with what its application has left.</summary>
    private async Task<(long Bytes, bool IsCanceled)> DrainAsync()
    {
        var read = await _pipe.Reader.ReadAsync().AsTask().WaitAsync(Patience);
        var length = read.Buffer.Length;
        _pipe.Reader.AdvanceTo(read.Buffer.End);
        return (length, read.IsCanceled);
    }

    private static async Task<Problem> RefusalAsync(Task reading) => (await Assert.ThrowsAsync<ProblemException>(() => reading.WaitAsync(Patience))).Problem;

    /// <summary>A clock whose timer rings when the test says so, as late as it likes.</summary>
    private sealed class LateTime : TimeProvider
    {
        private Action? _ring;

        public TimeSpan Now { get; set; }

        /// <summary>When the timer should ring, from when it was set; null when it should not.</summary>
        public TimeSpan? Due { get; private set; }

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => Now.Ticks;

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            _ring = () => callback(state);
            return new Timer(this);
        }

        public void Ring() => _ring!();

        private sealed class Timer(LateTime owner) : ITimer
        {
            public bool Change(TimeSpan dueTime, TimeSpan period)
            {
                // As the runtime's own timer does.
                if ((long)dueTime.TotalMilliseconds < -1)
                {
                    throw new ArgumentOutOfRangeException(nameof(dueTime));
                }

                owner.Due = (long)dueTime.TotalMilliseconds == -1 ? null : dueTime;
                return true;
            }

            public void Dispose() => owner.Due = null;

            public ValueTask DisposeAsync()
            {
                Dispose();
                return ValueTask.CompletedTask;
            }
        }
    }
}
