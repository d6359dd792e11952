using System.Globalization;
using System.Net.Http.Headers;
using FunctionsApp.Core.Tasks;
using FunctionsApp.Core.Webhooks;

namespace FunctionsApp.Embedded.Tests;

/// <summary>The wall clock is set forward or back while tasks wait. No wait ends early or takes longer, and nothing is done twice.</summary>
public sealed class ClockStepTests() : TaskTests(
    ("Callbacks:RetryScheduleSeconds:0", "0"), ("Callbacks:RetryScheduleSeconds:1", "10"), ("Callbacks:RetryScheduleSeconds:2", "100"))
{
    /// <summary>In seconds: less than any pause, more than each, days, and a clock that starts at its epoch.</summary>
    public static TheoryData<double> Steps => new(-5, 5, -3_600, 3_600, -86_400 * 40, 86_400 * 40, 1.7e9);

    /// <summary>The same, back: a host that was down cannot tell a step forward from time that has passed.</summary>
    public static TheoryData<double> StepsBack => new(-5, -3_600, -86_400 * 40);

    [Theory]
    [MemberData(nameof(Steps))]
    public async Task A_retry_comes_after_its_pause(double step)
    {
        var task = await FailingAsync();

        Step(step);
        Time.Advance(TimeSpan.FromSeconds(9));
        Assert.Equal(1, (await Service.GetAsync(task, null, default)).Attempts);
        Time.Advance(TimeSpan.FromSeconds(1));

        var ended = await EndOfAsync(task);
        Assert.Equal((TaskState.Failed, 2), (ended.Status, ended.Attempts));
        AssertInOrder(ended);
    }

    [Theory]
    [MemberData(nameof(StepsBack))]
    public async Task A_retry_comes_after_its_pause_when_the_clock_was_set_back_while_the_host_was_down(double step)
    {
        var task = await FailingAsync();

        await StopAsync();
        Step(step);
        Start();
        await UntilAsync(task, static _ => true);
        Time.Advance(TimeSpan.FromSeconds(10));

        Assert.Equal(2, (await EndOfAsync(task)).Attempts);
    }

    [Theory]
    [MemberData(nameof(Steps))]
    public async Task A_webhook_is_sent_again_after_its_pause_and_then_its_task_expires(double step)
    {
        Receiver.Answer(500);
        var task = await SentAsync();

        Step(step);
        Receiver.Answer(200);
        Time.Advance(TimeSpan.FromSeconds(9));
        Assert.Single(Receiver.Requests);
        Time.Advance(TimeSpan.FromSeconds(2));
        await EventuallyAsync(() => Receiver.Requests.Count == 2);
        var now = Time.GetUtcNow().ToUnixTimeSeconds();
        Assert.InRange(long.Parse(Receiver.Requests[1].Headers["webhook-timestamp"], CultureInfo.InvariantCulture), now - 2, now);
        await UntilFoundAsync(task, static record => record.Delivery!.State == DeliveryState.Delivered);

        await AssertExpiresAsync(task);
        Assert.Equal(2, Receiver.Requests.Count);
    }

    [Theory]
    [MemberData(nameof(Steps))]
    public async Task A_webhook_is_sent_again_after_its_pause_when_the_clock_is_set_while_it_is_in_flight(double step)
    {
        Receiver.Answer(500, _ => Step(step));
        Receiver.Answer(200);
        await SentAsync();

        Time.Advance(TimeSpan.FromSeconds(9));
        Assert.Single(Receiver.Requests);
        Time.Advance(TimeSpan.FromSeconds(2));

        await EventuallyAsync(() => Receiver.Requests.Count == 2);
    }

    [Theory]
    [MemberData(nameof(StepsBack))]
    public async Task A_webhook_is_sent_again_after_its_pause_when_the_clock_was_set_back_while_the_host_was_down(double step)
    {
        Receiver.Answer(500);
        var task = await SentAsync();

        await StopAsync();
        Step(step);
        Receiver.Answer(200);
        Start();

        await UntilPlannedAsync();
        Time.Advance(TimeSpan.FromSeconds(11));
        await EventuallyAsync(() => Receiver.Requests.Count == 2);

        await UntilFoundAsync(task, static record => record.Delivery!.State == DeliveryState.Delivered);
        await AssertExpiresAsync(task);
    }

    [Theory]
    [MemberData(nameof(Steps))]
    public async Task A_Retry_After_date_of_a_receiver_is_respected(double step)
    {
        var until = Time.GetUtcNow().AddMinutes(30);
        Receiver.Answer(429, headers => headers.RetryAfter = new RetryConditionHeaderValue(until));
        Receiver.Answer(200);
        await SentAsync();

        Step(step);
        Time.Advance(TimeSpan.FromMinutes(29));
        Assert.Single(Receiver.Requests);
        Time.Advance(TimeSpan.FromMinutes(5));

        await EventuallyAsync(() => Receiver.Requests.Count == 2);
    }

    [Theory]
    [MemberData(nameof(Steps))]
    public async Task A_webhook_that_is_redelivered_on_request_is_sent_once(double step)
    {
        Receiver.Answer(500);
        var task = await SentAsync();

        Step(step);
        Receiver.Answer(200);
        await Service.RedeliverAsync(task);
        await UntilFoundAsync(task, static record => record.Delivery!.State == DeliveryState.Delivered);
        Time.Advance(TimeSpan.FromSeconds(30));

        Assert.Equal(2, (await Service.GetDeliveriesAsync(task)).Items.Count);
        Assert.Equal(2, Receiver.Requests.Count);
    }

    [Theory]
    [MemberData(nameof(Steps))]
    public async Task A_task_and_its_key_are_kept_for_their_time_to_live(double step)
    {
        await UntilPlannedAsync();
        var origin = Origin with { IdempotencyKey = "k" };
        var task = await CreateAsync("echo", """{"input":{"value":1},"ttlSeconds":60}""", origin);
        await EndOfAsync(task.Id);

        Step(step);
        Time.Advance(TimeSpan.FromSeconds(59));
        Assert.Equal(task.Id, (await CreateAsync("echo", """{"input":{"value":1},"ttlSeconds":60}""", origin)).Id);
        Assert.Equal(task.Id, Assert.Single((await Service.ListAsync(new TaskListRequest())).Items).Id);

        await AssertExpiresAsync(task.Id, seconds: 1);
        var next = await CreateAsync("echo", """{"input":{"value":1},"ttlSeconds":60}""", origin);
        Assert.NotEqual(task.Id, next.Id);

        // The newest comes first, whatever the clock says.
        var last = await CreateAsync("echo", """{"input":{"value":1}}""");
        Assert.Equal([last.Id, next.Id], (await Service.ListAsync(new TaskListRequest())).Items.Select(static item => item.Id));
        var page = await Service.ListAsync(new TaskListRequest { Limit = 1 });
        Assert.Equal(next.Id, Assert.Single((await Service.ListAsync(new TaskListRequest { Cursor = page.NextCursor })).Items).Id);
    }

    [Theory]
    [MemberData(nameof(StepsBack))]
    public async Task A_task_is_kept_no_longer_when_the_clock_was_set_back_while_the_host_was_down(double step)
    {
        var task = await CreateAsync("echo", """{"input":{"value":1},"ttlSeconds":60}""");
        await EndOfAsync(task.Id);

        await StopAsync();
        Step(step);
        Start();

        await UntilPlannedAsync();
        await AssertExpiresAsync(task.Id);
    }

    [Theory]
    [MemberData(nameof(Steps))]
    public async Task The_events_of_a_task_are_in_the_order_of_time(double step)
    {
        var running = await CreateProbeAsync("a");
        await EventuallyAsync(() => Probe.Running == 1);
        Step(step);
        Probe.Succeed("a");

        AssertInOrder(await EndOfAsync(running.Id));
    }

    private static void AssertInOrder(TaskResponse task)
    {
        Assert.True(task.CreatedAt <= task.StartedAt);
        Assert.True(task.StartedAt <= task.FinishedAt);
        Assert.True(task.FinishedAt <= task.ExpiresAt);
    }

    /// <summary>Waits until what a host has found at its start is planned: before, a step of the clock counts for it.</summary>
    private Task UntilPlannedAsync() => EventuallyAsync(() => Get<WakeUps>().IsComplete);

    private void Step(double seconds) => Time.Step(TimeSpan.FromSeconds(seconds));

    /// <summary>Creates a task that waits for its second and last attempt, in 10 s.</summary>
    private async Task<string> FailingAsync()
    {
        await UntilPlannedAsync();
        var task = await CreateAsync("fail", """{"input":{"message":"x"},"retry":{"maxAttempts":2,"initialDelaySeconds":10}}""");
        await UntilAsync(task.Id, static record => record is { State: TaskState.Queued, Attempts: 1 });
        return task.Id;
    }

    /// <summary>Creates a task that is kept for 60 s, and waits until its webhook was sent once.</summary>
    private async Task<string> SentAsync()
    {
        await UntilPlannedAsync();
        var task = await CreateAsync("echo", """{"input":{"value":1},"onSuccess":{"url":"https://example.com/"},"ttlSeconds":60}""");
        await AdvanceUntilAsync(() => Receiver.Requests.Count == 1, TimeSpan.Zero);
        await UntilFoundAsync(task.Id, static record => record.Delivery is { Attempts.Count: 1 });
        return task.Id;
    }

    private async Task AssertExpiresAsync(string id, double seconds = 60)
    {
        Time.Advance(TimeSpan.FromSeconds(seconds));
        await EventuallyAsync(() => Service.GetAsync(id, null, default).IsFaulted);
        Assert.Equal("unknown-task", (await ProblemOf(Service.GetAsync(id, null, default))).Slug);
    }

    /// <summary>Waits for a change that no watcher sees: that of a task that has ended.</summary>
    private async Task UntilFoundAsync(string id, Func<TaskRecord, bool> reached)
    {
        using var patience = new CancellationTokenSource(Limit);
        while (await Engine.FindAsync(id) is not { Record: var record } || !reached(record))
        {
            await Task.Delay(1, patience.Token);
        }
    }
}
