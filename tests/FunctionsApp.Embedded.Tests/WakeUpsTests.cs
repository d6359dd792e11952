using FunctionsApp.Core.Tasks;
using FunctionsApp.Core.Webhooks;

namespace FunctionsApp.Embedded.Tests;

public sealed class WakeUpsTests : IDisposable
{
    private readonly ManualTimeProvider _time = new();
    private readonly TaskClock _clock;
    private readonly WakeUps _wakeUps;

    public WakeUpsTests()
    {
        _clock = new TaskClock(_time);
        _wakeUps = new WakeUps(_clock);
    }

    public void Dispose() => _wakeUps.Dispose();

    [Fact]
    public void Due_steps_are_handed_over_in_time_order_with_one_timer()
    {
        Plan(3, 30);
        Plan(1, 10);
        Plan(2, 20);

        Assert.Equal(1, _time.Timers);
        _time.Advance(TimeSpan.FromSeconds(9));
        Assert.Empty(Due());
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal([1L], Due());
        _time.Advance(TimeSpan.FromSeconds(20));
        Assert.Equal([2L, 3], Due());
    }

    [Fact]
    public async Task Overdue_steps_are_handed_over_at_once_and_more_can_be_added()
    {
        Plan(1, -5);
        Assert.Equal(1, (await _wakeUps.Due.ReadAsync().AsTask().WaitAsync(TimeSpan.FromSeconds(30))).Task);

        Plan(2, 1);
        Assert.Empty(Due());
        _time.Advance(TimeSpan.FromSeconds(1));

        Assert.Equal([2L], Due());
    }

    [Fact]
    public void A_thread_that_is_suspended_before_it_sets_the_timer_does_not_make_it_late()
    {
        var clock = new TaskClock(new SuspendedOnce(_time, TimeSpan.FromSeconds(9)));
        using var wakeUps = new WakeUps(clock);
        wakeUps.Plan(Waiting(1, 10));

        _time.Advance(TimeSpan.FromSeconds(1));

        Assert.True(wakeUps.Due.TryRead(out _));
    }

    [Fact]
    public void A_wait_of_days_ends_in_time()
    {
        Plan(1, 3 * 86_400);

        _time.Advance(TimeSpan.FromDays(3) - TimeSpan.FromSeconds(1));
        Assert.Empty(Due());
        _time.Advance(TimeSpan.FromSeconds(1));

        Assert.Equal([1L], Due());
    }

    [Theory]
    [InlineData(-365)]
    [InlineData(365)]
    public void A_step_of_the_clock_makes_nothing_early_or_late(int days)
    {
        Plan(1, 10);

        _time.Advance(TimeSpan.FromSeconds(1));
        _time.Step(TimeSpan.FromDays(days));
        _time.Advance(TimeSpan.FromSeconds(8));
        Assert.Empty(Due());
        _time.Advance(TimeSpan.FromSeconds(1));

        Assert.Equal([1L], Due());
    }

    [Fact]
    public void A_task_that_has_ended_is_removed_when_it_expires_and_its_webhook_is_sent_or_has_failed()
    {
        var ended = TaskLifecycle.After(
            TaskLifecycle.Begin(Waiting(1, 0), _time.GetUtcNow()), new AttemptVerdict(AttemptEnd.Succeeded), _time.GetUtcNow(), TimeSpan.FromSeconds(1)).Record;
        _wakeUps.Plan(ended);

        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal([1L], Due());
        _time.Advance(TimeSpan.FromSeconds(59));
        Assert.True(_wakeUps.Removals.TryRead(out _));
        Assert.False(_wakeUps.IsExpired(ended));

        var delivered = ended with { Delivery = ended.Delivery! with { State = DeliveryState.Delivered, NextAttemptAt = null } };
        Assert.True(_wakeUps.IsExpired(delivered));
        _wakeUps.PlanDelivery(delivered);
        Assert.True(_wakeUps.Removals.TryRead(out _));
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
    public void After_disposal_nothing_is_due()
    {
        Plan(1, 1);
        _wakeUps.Dispose();
        Plan(2, 1);

        _time.Advance(TimeSpan.FromSeconds(5));

        Assert.Empty(Due());
        Assert.Equal(0, _time.Timers);
    }

    private void Plan(long task, double seconds) => _wakeUps.Plan(Waiting(task, seconds));

    /// <summary>A task that waits for a retry.</summary>
    private TaskRecord Waiting(long task, double seconds) => TaskLifecycle.Create(TaskRecord.NewId(), task, Definition, _time.GetUtcNow()) with
    {
        NextAttemptAt = _time.GetUtcNow().AddSeconds(seconds),
    };

    private static TaskDefinition Definition { get; } = new()
    {
        Pattern = "await",
        Path = "/api/tasks",
        TtlSeconds = 60,
        OnSuccess = new Uri("https://example.com/"),
        Retry = new RetryPolicy { MaxAttempts = 3, InitialDelaySeconds = 30 * 86_400, MaxDelaySeconds = 30 * 86_400 },
    };

    private long[] Due()
    {
        var due = new List<long>();
        while (_wakeUps.Due.TryRead(out var wakeUp))
        {
            due.Add(wakeUp.Task);
        }

        return [.. due];
    }

    /// <summary>A clock that goes on, once, while the thread that has read it is suspended.</summary>
    private sealed class SuspendedOnce(ManualTimeProvider time, TimeSpan by) : TimeProvider
    {
        // The first readings are those of the start, and of the uptime when the step is due.
        private int _readings;

        public override long TimestampFrequency => time.TimestampFrequency;

        public override long GetTimestamp()
        {
            var now = time.GetTimestamp();
            if (++_readings == 3)
            {
                time.Advance(by);
            }

            return now;
        }

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) => time.CreateTimer(callback, state, dueTime, period);
    }
}
