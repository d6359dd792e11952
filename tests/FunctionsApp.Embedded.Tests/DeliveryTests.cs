using System.Net.Http.Headers;
using System.Text;
using FunctionsApp.Core.Patterns.Callback;
using FunctionsApp.Core.Tasks;
using FunctionsApp.Core.Tests.Webhooks;
using FunctionsApp.Core.Webhooks;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Logging;

namespace FunctionsApp.Embedded.Tests;

/// <summary>Webhooks of tasks: when they are sent, how often, and what a restart changes about it, which is nothing.</summary>
public sealed class DeliveryTests() : TaskTests(
    ("Callbacks:RetryScheduleSeconds:0", "0"), ("Callbacks:RetryScheduleSeconds:1", "10"), ("Callbacks:RetryScheduleSeconds:2", "100"))
{
    private const string Both = ""","onSuccess":{"url":"https://example.com/success"},"onError":{"url":"https://example.com/error"}""";

    [Theory]
    [InlineData("succeed", "task.succeeded", "https://example.com/success")]
    [InlineData("fail", "task.failed", "https://example.com/error")]
    [InlineData("cancel", "task.cancelled", "https://example.com/error")]
    public async Task The_end_of_a_task_is_posted_to_its_url(string end, string type, string url)
    {
        Receiver.Answer(204);
        var task = await CreateProbeAsync("a", Both);
        await EventuallyAsync(() => Probe.Running == 1);
        if (end == "cancel")
        {
            await Service.CancelAsync(task.Id);
        }
        else
        {
            (end == "fail" ? (Action<string>)Probe.Fail : Probe.Succeed)("a");
        }

        var ended = await EndOfAsync(task.Id);
        var deliveries = await UntilSentAsync(task.Id, times: 1);

        Assert.Equal((DeliveryState.Delivered, $"msg_{task.Id}", 204), (deliveries.State, deliveries.WebhookId, Assert.Single(deliveries.Items).Status));
        var request = Assert.Single(Receiver.Requests);
        Assert.Equal((url, $"msg_{task.Id}"), (request.Url, request.Headers["webhook-id"]));
        var body = Raw(request.Body!).ToElement();
        Assert.Equal(type, body.GetProperty("type").GetString());
        Assert.Equal(ended.FinishedAt, body.GetProperty("timestamp").GetDateTimeOffset());
        Assert.Equal(task.Id, body.GetProperty("data").GetProperty("id").GetString());
        Assert.Equal(end == "succeed", body.GetProperty("data").TryGetProperty("result", out _));
        Assert.Equal(end == "fail", body.GetProperty("data").TryGetProperty("error", out _));
        Assert.True(WebhookVerifier.Verify(
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", request.Headers["webhook-id"], request.Headers["webhook-timestamp"],
            request.Headers["webhook-signature"], Encoding.UTF8.GetBytes(request.Body!)));
    }

    [Fact]
    public async Task A_message_is_retried_by_the_schedule_with_the_same_id_and_body()
    {
        Receiver.Answer(500);
        var task = await EndedProbeAsync("a", Both);

        var first = await UntilSentAsync(task.Id, times: 1);
        Assert.Equal((DeliveryState.Pending, 500), (first.State, first.Items[0].Status));
        Assert.InRange(first.NextAttemptAt!.Value - Time.GetUtcNow(), TimeSpan.FromSeconds(10), TimeSpan.FromSeconds(11));
        Assert.Equal(first.NextAttemptAt, first.Items[0].NextAttemptAt);

        Time.Advance(TimeSpan.FromSeconds(9));
        Assert.Single(Receiver.Requests);
        Time.Advance(TimeSpan.FromSeconds(2));
        await UntilSentAsync(task.Id, times: 2);
        Time.Advance(TimeSpan.FromSeconds(110));
        var last = await UntilSentAsync(task.Id, times: 3);

        Assert.Equal((DeliveryState.Failed, null), (last.State, last.NextAttemptAt));
        Assert.Equal([1, 2, 3], last.Items.Select(static attempt => attempt.Attempt));
        Assert.Single(Receiver.Requests.Select(static request => (request.Headers["webhook-id"], request.Body)).Distinct());
        Assert.Equal(3, Receiver.Requests.Select(static request => request.Headers["webhook-timestamp"]).Distinct().Count());
    }

    [Fact]
    public async Task Each_failed_delivery_is_logged_with_its_host_but_not_its_query()
    {
        Receiver.Answer(500);
        var task = await CreateAsync("echo", """{"input":{"value":1},"onSuccess":{"url":"https://example.com/hook?code=secret"}}""");
        var first = await UntilSentAsync(task.Id, times: 1);
        Receiver.Answer(410);
        Time.Advance(TimeSpan.FromSeconds(11));
        await UntilSentAsync(task.Id, times: 2);

        Assert.Equal(
            [
                (LogLevel.Warning, $"The webhook of task {task.Id} to example.com failed: 'example.com' responded with status 500. Next attempt: {first.NextAttemptAt:O}"),
                (LogLevel.Warning, $"The webhook of task {task.Id} to example.com failed: 'example.com' responded with status 410: the receiver is gone. No attempt is left"),
            ],
            WebhookLog.Entries.Select(static entry => (entry.Level, entry.Message)));
    }

    [Fact]
    public async Task The_schedule_goes_on_after_a_restart()
    {
        Receiver.Answer(500);
        var task = await EndedProbeAsync("a", Both);
        var first = await UntilSentAsync(task.Id, times: 1);

        await RestartAsync();
        Assert.Equal((first.NextAttemptAt, 1), ((await Service.GetDeliveriesAsync(task.Id)).NextAttemptAt, Receiver.Requests.Count));
        Receiver.Answer(200);
        Time.Advance(TimeSpan.FromSeconds(11));
        var second = await UntilSentAsync(task.Id, times: 2);
        Assert.Equal(DeliveryState.Delivered, second.State);
        await RestartAsync();

        var after = await Service.GetDeliveriesAsync(task.Id);
        Assert.Equal((DeliveryState.Delivered, null), (after.State, after.NextAttemptAt));
        Assert.Equal(second.Items, after.Items);
        Assert.Equal(2, Receiver.Requests.Count);
        Assert.Equal(Receiver.Requests[0].Body, Receiver.Requests[1].Body);
    }

    [Fact]
    public async Task A_Retry_After_of_a_receiver_is_respected()
    {
        Receiver.Answer(429, static headers => headers.RetryAfter = new RetryConditionHeaderValue(TimeSpan.FromMinutes(30)));
        var task = await EndedProbeAsync("a", Both);

        var deliveries = await UntilSentAsync(task.Id, times: 1);

        Assert.InRange(deliveries.NextAttemptAt!.Value - Time.GetUtcNow(), TimeSpan.FromMinutes(30), TimeSpan.FromMinutes(33));
    }

    [Fact]
    public async Task After_a_410_a_message_is_sent_again_only_on_request_and_the_schedule_restarts()
    {
        Receiver.Answer(410);
        var task = await CreateProbeAsync("a", Both);
        Assert.Equal("nothing-to-deliver", (await ProblemOf(Service.RedeliverAsync(task.Id))).Slug);
        Probe.Succeed("a");
        var refused = await UntilSentAsync(task.Id, times: 1);
        Assert.Equal((DeliveryState.Failed, null), (refused.State, refused.NextAttemptAt));

        Receiver.Answer(500);
        Assert.Equal(DeliveryState.Pending, (await Service.RedeliverAsync(task.Id)).State);
        Assert.InRange((await UntilSentAsync(task.Id, times: 2)).NextAttemptAt!.Value - Time.GetUtcNow(), TimeSpan.FromSeconds(10), TimeSpan.FromSeconds(11));

        Receiver.Answer(200);
        await Service.RedeliverAsync(task.Id);
        var deliveries = await UntilSentAsync(task.Id, times: 3);
        Time.Advance(TimeSpan.FromHours(1));
        Assert.Equal((DeliveryState.Delivered, 3), (deliveries.State, Receiver.Requests.Count));
        Assert.Single(Receiver.Requests.Select(static request => request.Headers["webhook-id"]).Distinct());
    }

    [Fact]
    public async Task A_redelivery_on_a_full_disk_leaves_the_schedule_unchanged()
    {
        Receiver.Answer(500);
        var task = await CreateProbeAsync("a", Both);
        Probe.Succeed("a");
        var before = await UntilSentAsync(task.Id, times: 1);
        using var disk = new FullDisk(StateDirectory);
        disk.Fill();

        Assert.Equal("storage-failed", (await ProblemOf(Service.RedeliverAsync(task.Id))).Slug);
        Assert.Equal((DeliveryState.Pending, before.NextAttemptAt), (
            (await Service.GetDeliveriesAsync(task.Id)).State, (await Service.GetDeliveriesAsync(task.Id)).NextAttemptAt));

        disk.Free();
        Receiver.Answer(200);
        Time.Advance(TimeSpan.FromSeconds(11));
        Assert.Equal(DeliveryState.Delivered, (await UntilSentAsync(task.Id, times: 2)).State);
    }

    [Fact]
    public async Task An_attempt_that_becomes_due_during_a_redelivery_is_made_once()
    {
        Receiver.Answer(500);
        var task = await EndedProbeAsync("a", Both + ""","ttlSeconds":1""");
        await UntilSentAsync(task.Id, times: 1);
        Receiver.Answer(200);
        using var disk = new FullDisk(StateDirectory);

        // The write of the redelivery waits while the attempt falls due.
        disk.Hold();
        var again = Service.RedeliverAsync(task.Id);
        Time.Advance(TimeSpan.FromSeconds(12));
        disk.Release();

        Assert.Equal(DeliveryState.Pending, (await again).State);
        await EventuallyAsync(() => Receiver.Requests.Count == 2);
        await AdvanceUntilAsync(() => Service.GetAsync(task.Id, null, default).IsFaulted, TimeSpan.FromSeconds(1));
        Assert.Equal(2, Receiver.Requests.Count);
    }

    [Fact]
    public async Task A_task_does_not_expire_while_its_webhook_is_pending()
    {
        Receiver.Answer(500);
        var task = await EndedProbeAsync("a", Both + ""","ttlSeconds":1""");
        await UntilSentAsync(task.Id, times: 1);
        Receiver.Answer(200);

        Time.Advance(TimeSpan.FromSeconds(9));
        Assert.Equal(DeliveryState.Pending, (await Service.GetDeliveriesAsync(task.Id)).State);

        await AdvanceUntilAsync(() => Service.GetAsync(task.Id, null, default).IsFaulted, TimeSpan.FromSeconds(1));
        Assert.Equal(2, Receiver.Requests.Count);
    }

    [Fact]
    public async Task A_receiver_that_hangs_delays_only_its_own_messages()
    {
        for (var i = 0; i < 4; i++)
        {
            Receiver.Hang();
        }

        Receiver.Answer(200);
        var hanging = new List<string>();
        for (var i = 0; i < 4; i++)
        {
            hanging.Add(await EndedAsync("https://hanging.example.org/"));
        }

        await AdvanceUntilAsync(() => Receiver.Requests.Count == 4, TimeSpan.Zero);
        var behind = await EndedAsync("https://hanging.example.org/");
        var other = await EndedAsync("https://example.com/");

        Assert.Equal(DeliveryState.Delivered, (await UntilSentAsync(other, times: 1)).State);
        Assert.Empty((await Service.GetDeliveriesAsync(behind)).Items);

        // The time limit of an attempt.
        Time.Advance(TimeSpan.FromSeconds(15));
        Assert.Equal(DeliveryState.Delivered, (await UntilSentAsync(behind, times: 1)).State);
        Assert.Contains("Callbacks:TimeoutSeconds", (await UntilSentAsync(hanging[0], times: 1)).Items[0].Error, StringComparison.Ordinal);

        async Task<string> EndedAsync(string url)
        {
            var task = await CreateAsync("echo", $$$"""{"input":{"value":1},"onSuccess":{"url":"{{{url}}}"}}""");
            await EndOfAsync(task.Id);
            return task.Id;
        }
    }

    [Fact]
    public async Task A_result_that_is_too_large_is_left_out_of_the_message()
    {
        Receiver.Answer(200);
        var task = await CreateAsync("echo", $$$"""{"input":{"value":"{{{new string('x', TaskMessage.MaxOutcomeBytes)}}}"},"onSuccess":{"url":"https://example.com/"}}""");

        await UntilSentAsync(task.Id, times: 1);

        var data = Raw(Receiver.Requests[0].Body!).ToElement().GetProperty("data");
        Assert.Equal("succeeded", data.GetProperty("status").GetString());
        Assert.False(data.TryGetProperty("result", out _));
        Assert.True(data.TryGetProperty("links", out _));
    }

    [Theory]
    [InlineData(true, "https://example.com/success", "task.succeeded")]
    [InlineData(false, "https://example.com/error", "task.failed")]
    public async Task A_callback_is_posted_to_the_url_of_its_outcome(bool succeeds, string url, string type)
    {
        Receiver.Answer(200);
        var task = await Service.CreateAsync("probe", Read<CallbackRequest>($$$"""{"input":{"name":"a"}{{{Both}}}}"""), Origin);
        await EventuallyAsync(() => Probe.Running == 1);
        (succeeds ? (Action<string>)Probe.Succeed : Probe.Fail)("a");
        await UntilSentAsync(task.Id, times: 1);

        Assert.Equal((url, type), (Receiver.Requests[0].Url, Raw(Receiver.Requests[0].Body!).ToElement().GetProperty("type").GetString()));
    }

    [Theory]
    [InlineData("""{"input":{"name":"a"},"onSuccess":{"url":"https://example.com/"},"onError":{"operation":"echo","input":{"value":"dealt with"}}}""", false, "onError", "dealt with")]
    [InlineData("""{"input":{"name":"a"},"onSuccess":{"operation":"text.format","input":{"template":"<{r}>","values":{"r":{"$ref":"#/result"}}}},"onError":{"url":"https://example.com/"}}""", true, "onSuccess", "<a>")]
    public async Task An_outcome_that_an_operation_handled_is_not_delivered(string request, bool succeeds, string continuation, string result)
    {
        var task = await Service.CreateAsync("probe", Read<CallbackRequest>(request), Origin);
        (succeeds ? (Action<string>)Probe.Succeed : Probe.Fail)("a");

        var value = (await EndOfAsync(task.Id)).Result!.Value.ToElement();

        Assert.Equal((continuation, result), (value.GetProperty("continuation").GetString(), value.GetProperty("result").GetString()));
        Assert.Equal((null, 0), ((await Service.GetDeliveriesAsync(task.Id)).State, Receiver.Requests.Count));
        Assert.Equal("nothing-to-deliver", (await ProblemOf(Service.RedeliverAsync(task.Id))).Slug);
    }

    /// <summary>Waits until so many attempts are kept; time passes by a hair, so that what is due now is done.</summary>
    private async Task<DeliveryList> UntilSentAsync(string id, int times)
    {
        await EndOfAsync(id);
        DeliveryList deliveries = new([]);
        await AdvanceUntilAsync(() =>
        {
            var reading = Service.GetDeliveriesAsync(id);
            deliveries = reading.IsCompletedSuccessfully ? reading.GetAwaiter().GetResult() : deliveries;
            return deliveries.Items.Count == times;
        }, TimeSpan.Zero);
        return deliveries;
    }

    /// <summary>Has every write of a delivery fail, as on a disk that is full, or wait.</summary>
    private sealed class FullDisk : IDisposable
    {
        private readonly SqliteConnection _connection;

        public FullDisk(string directory)
        {
            _connection = new SqliteConnection($"Data Source={Path.Combine(directory, "tasks.db")};Pooling=False");
            _connection.Open();
        }

        public void Hold() => Execute("BEGIN IMMEDIATE");

        public void Release() => Execute("COMMIT");

        public void Fill() => Execute("CREATE TRIGGER full BEFORE INSERT ON deliveries BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END");

        public void Free() => Execute("DROP TRIGGER full");

        public void Dispose() => _connection.Dispose();

        private void Execute(string sql)
        {
            using var command = _connection.CreateCommand();
            command.CommandText = sql;
            command.ExecuteNonQuery();
        }
    }
}
