
namespace FunctionsApp.Embedded.Tests;

public sealed class TimerQueueTests : IDisposable
{
    private readonly ManualTimeProvider _time = new();
    private readonly List<string> _done = [];
    private readonly TaskClock _clock;
    private readonly TimerQueue<Action> _timers;

    public TimerQueueTests()
    {
        _clock = new TaskClock(_time);
        _timers = new TimerQueue<Action>(_clock, static action => action());
    }

    public void Dispose() => _timers.Dispose();

    [Fact]
    public void Due_actions_run_in_time_order_with_one_timer()
    {
        Add("third", 30);
        Add("first", 10);
        Add("second", 20);

        Assert.Equal(1, _time.Timers);
        _time.Advance(TimeSpan.FromSeconds(9));
        Assert.Empty(_done);
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(["first"], _done);
        _time.Advance(TimeSpan.FromSeconds(20));
        Assert.Equal(["first", "second", "third"], _done);
    }

    [Fact]
    public async Task Overdue_actions_run_at_once_and_can_add_more()
    {
        var added = new TaskCompletionSource();
        _timers.Add(TimeSpan.FromSeconds(-5), () =>
        {
            Add("next", 1);
            added.SetResult();
        });

        await added.Task.WaitAsync(TimeSpan.FromSeconds(30));
        Assert.Empty(_done);
        _time.Advance(TimeSpan.FromSeconds(1));

        Assert.Equal(["next"], _done);
    }

    [Fact]
    public void A_thread_that_is_suspended_before_it_sets_the_timer_does_not_make_it_late()
    {
        var clock = new TaskClock(new SuspendedOnce(_time, TimeSpan.FromSeconds(9)));
        using var timers = new TimerQueue<Action>(clock, static action => action());
        timers.Add(TimeSpan.FromSeconds(10), () => _done.Add("in time"));

        _time.Advance(TimeSpan.FromSeconds(1));

        Assert.Equal(["in time"], _done);
    }

    [Fact]
    public void A_wait_of_days_ends_in_time()
    {
        Add("late", 3 * 86_400);

        _time.Advance(TimeSpan.FromDays(3) - TimeSpan.FromSeconds(1));
        Assert.Empty(_done);
        _time.Advance(TimeSpan.FromSeconds(1));

        Assert.Equal(["late"], _done);
    }

    [Theory]
    [InlineData(-365)]
    [InlineData(365)]
    public void A_step_of_the_clock_makes_nothing_early_or_late(int days)
    {
        Add("in time", 10);

        _time.Advance(TimeSpan.FromSeconds(1));
        _time.Step(TimeSpan.FromDays(days));
        _time.Advance(TimeSpan.FromSeconds(8));
        Assert.Empty(_done);
        _time.Advance(TimeSpan.FromSeconds(1));

        Assert.Equal(["in time"], _done);
    }

    [Theory]
    [InlineData(-365, 10)]
    [InlineData(365, 0)]
    public void A_stored_time_is_never_further_away_than_its_pause(int days, int seconds)
    {
        var at = _time.GetUtcNow().AddSeconds(5);
        _time.Step(TimeSpan.FromDays(days));

        Assert.Equal(TimeSpan.FromSeconds(seconds), TimeSpan.FromTicks(Math.Max(0, _clock.UptimeAt(at, TimeSpan.FromSeconds(10)).Ticks)));
    }

    [Fact]
    public void After_disposal_nothing_runs()
    {
        Add("never", 1);
        _timers.Dispose();
        Add("neither", 1);

        _time.Advance(TimeSpan.FromSeconds(5));

        Assert.Empty(_done);
        Assert.Equal(0, _time.Timers);
    }

    private void Add(string name, double seconds) => _timers.Add(_clock.Uptime + TimeSpan.FromSeconds(seconds), () => _done.Add(name));

    /// <summary>A clock that goes on, once, while the thread that has read it is suspended.</summary>
    private sealed class SuspendedOnce(ManualTimeProvider time, TimeSpan by) : TimeProvider
    {
        // The first reading is that of the start.
        private int _readings;

        public override long TimestampFrequency => time.TimestampFrequency;

        public override long GetTimestamp()
        {
            var now = time.GetTimestamp();
            if (++_readings == 2)
            {
                time.Advance(by);
            }

            return now;
        }

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) => time.CreateTimer(callback, state, dueTime, period);
    }
}
