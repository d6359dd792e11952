using FunctionsApp.Core.Health;
using FunctionsApp.Core.Tasks;
using FunctionsApp.Core.Webhooks;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Logging;

namespace FunctionsApp.Embedded.Tests;

/// <summary>
/// What another version of the app has written to the database, or somebody has changed in it. What can be read is; a row that
/// cannot be fails alone, and says so.
/// </summary>
public sealed class UnreadableTaskTests() : TaskTests(("Tasks:MaxRunning", "2"), ("Callbacks:RetryScheduleSeconds:0", "0"), ("Callbacks:RetryScheduleSeconds:1", "10"))
{
    private const string Detail =
        "The stored data of the task cannot be read: another version of the app wrote it, or it was changed. The log has the cause.";

    /// <summary>Changes of the row of the task <c>?1</c> that leave nothing to run.</summary>
    public static TheoryData<string> Flaws => new(
        "UPDATE tasks SET definition = '{'",
        "UPDATE tasks SET definition = 'null'",
        "UPDATE tasks SET definition = '[]'",
        "UPDATE tasks SET definition = '{}'",
        "UPDATE tasks SET definition = json_remove(definition, '$.pattern')",
        "UPDATE tasks SET definition = json_remove(definition, '$.ttlSeconds')",
        "UPDATE tasks SET definition = json_remove(definition, '$.path')",
        "UPDATE tasks SET definition = json_set(definition, '$.ttlSeconds', 'a while')",
        "UPDATE tasks SET definition = json_set(definition, '$.pattern', json('null'))",
        "UPDATE tasks SET definition = json_set(definition, '$.retry', json('{\"backoff\":2}'))",
        "UPDATE tasks SET definition = json_set(definition, '$.onError', 7)",
        "UPDATE tasks SET state = 'paused'");

    /// <summary>Changes that leave all that the app needs.</summary>
    public static TheoryData<string> Additions => new(
        "UPDATE tasks SET definition = json_set(definition, '$.later', 1)",
        "UPDATE tasks SET definition = json_set(definition, '$.later', json('{\"pattern\":[null]}'))",
        "UPDATE tasks SET definition = json_set(definition, '$.retry', json('{\"maxAttempts\":5,\"later\":{}}'))",
        "UPDATE tasks SET definition = json_set(definition, '$.retry', json('null'))",
        "UPDATE tasks SET definition = json_set(definition, '$.ttlSeconds', 1e300)",
        "UPDATE tasks SET expires_at = 9223372036854775807",
        "UPDATE tasks SET completed = 1");

    [Theory]
    [MemberData(nameof(Additions))]
    public async Task Properties_of_a_later_version_are_ignored(string change)
    {
        var running = await CreateProbeAsync("a");
        var ended = await EndedProbeAsync("b");
        await StopAsync();
        Execute(change, running.Id);
        Execute(change, ended.Id);
        Start();

        Assert.Equal("\"b\"", (await Service.GetAsync(ended.Id, null, default)).Result.ToString());
        await EventuallyAsync(() => Probe.Running == 1);
        Probe.Succeed("a");
        Assert.Equal(TaskState.Succeeded, (await EndOfAsync(running.Id)).Status);
        Assert.DoesNotContain(Log.Entries, static entry => entry.Level >= LogLevel.Warning);
    }

    [Theory]
    [MemberData(nameof(Flaws))]
    public async Task An_unreadable_live_task_fails_and_the_others_continue(string change)
    {
        var ended = await EndedProbeAsync("ended");
        var running = await CreateProbeAsync("running", ""","ttlSeconds":60""");
        var other = await CreateProbeAsync("other");
        var queued = await CreateProbeAsync("queued", ""","ttlSeconds":60""");
        await StopAsync();
        Execute(change, running.Id);
        Execute(change, queued.Id);
        Start();

        foreach (var id in new[] { running.Id, queued.Id })
        {
            await AssertFailedAsync(id);
            Assert.Contains(Log.Entries, entry => entry.Level == LogLevel.Error && entry.Message.StartsWith($"Task {id} cannot be read from the database", StringComparison.Ordinal));
        }

        Assert.Equal("\"ended\"", (await Service.GetAsync(ended.Id, null, default)).Result.ToString());
        Assert.Equal("ready", Get<HealthService>().Ready().Status);
        await EventuallyAsync(() => Probe.Running == 1);
        Probe.Succeed("other");
        Assert.Equal(TaskState.Succeeded, (await EndOfAsync(other.Id)).Status);
        Assert.Equal(["other"], Probe.Started);
        Assert.Equal(2, (await Service.ListAsync(new TaskListRequest { Status = TaskState.Failed })).Items.Count);

        // It stays failed, expires and is deleted.
        await RestartAsync();
        await AssertFailedAsync(queued.Id);
        Time.Advance(TimeSpan.FromSeconds(60));
        await EventuallyAsync(() => Scalar("SELECT count(*) FROM tasks") == 2);
        Assert.Equal("unknown-task", (await ProblemOf(Service.GetAsync(queued.Id, null, default))).Slug);
        await EndedProbeAsync("later");
    }

    [Theory]
    [MemberData(nameof(Flaws))]
    public async Task An_unreadable_ended_task_is_shown_as_failed_and_expires(string change)
    {
        var task = await EndedProbeAsync("a", ""","ttlSeconds":60""");
        await StopAsync();
        Execute(change, task.Id);
        Start();

        await AssertFailedAsync(task.Id);
        Time.Advance(TimeSpan.FromSeconds(60));
        await EventuallyAsync(() => Scalar("SELECT count(*) FROM tasks") == 0);
    }

    [Fact]
    public async Task The_onError_URL_gets_the_failure_of_an_unreadable_task()
    {
        Receiver.Answer(204);
        var task = await CreateProbeAsync("a", ""","onError":{"url":"https://example.com/error"}""");
        await StopAsync();
        Execute("UPDATE tasks SET definition = json_remove(definition, '$.pattern')", task.Id);
        Start();

        await AdvanceUntilAsync(() => Receiver.Requests.Count == 1, TimeSpan.Zero);

        var body = Raw(Receiver.Requests[0].Body!).ToElement();
        Assert.Equal("task.failed", body.GetProperty("type").GetString());
        Assert.Equal(Detail, body.GetProperty("data").GetProperty("error").GetProperty("detail").GetString());
        await EventuallyAsync(() => Scalar("SELECT count(*) FROM deliveries WHERE state = 'delivered'") == 1);
    }

    [Theory]
    [InlineData("UPDATE deliveries SET attempts = '{'")]
    [InlineData("UPDATE deliveries SET attempts = '[{\"attempt\":1}]'")]
    [InlineData("UPDATE deliveries SET url = 'nowhere'")]
    [InlineData("UPDATE deliveries SET state = 'paused'")]
    [InlineData("UPDATE tasks SET definition = '{'")]
    [InlineData("UPDATE tasks SET definition = '{\"pattern\":\"await\",\"path\":\"\\ud800\",\"onError\":\"\\udc00\"}'")]
    public async Task An_unreadable_webhook_is_not_sent_and_the_others_are(string change)
    {
        Receiver.Answer(500);
        Receiver.Answer(500);
        var flawed = await EndedAsync("a");
        var other = await EndedAsync("b");
        await EventuallyAsync(() => Scalar("SELECT count(*) FROM deliveries WHERE attempts <> '[]'") == 2);
        await StopAsync();
        Execute(change, flawed);
        Start();
        Receiver.Answer(200);
        await AssertFailedAsync(flawed);

        Time.Advance(TimeSpan.FromSeconds(11));
        await EventuallyAsync(() => Receiver.Requests.Count == 3);

        Assert.EndsWith(other, Receiver.Requests[2].Headers["webhook-id"], StringComparison.Ordinal);
        await EventuallyAsync(() => Scalar("SELECT count(*) FROM deliveries WHERE state = 'delivered'") == 1);
        await AssertFailedAsync(flawed);
        Time.Advance(TimeSpan.FromSeconds(60));
        await EventuallyAsync(() => Scalar("SELECT count(*) FROM tasks") == 0);
        Assert.Equal(3, Receiver.Requests.Count);

        async Task<string> EndedAsync(string name) =>
            (await EndedProbeAsync(name, ""","ttlSeconds":60,"onSuccess":{"url":"https://example.com/"}""")).Id;
    }

    [Fact]
    public async Task A_delivery_with_properties_of_a_later_version_is_read()
    {
        Receiver.Answer(500);
        var task = await EndedProbeAsync("a", ""","onSuccess":{"url":"https://example.com/"}""");
        await EventuallyAsync(() => Scalar("SELECT count(*) FROM deliveries WHERE attempts <> '[]'") == 1);
        await StopAsync();
        Execute("UPDATE deliveries SET attempts = json_set(attempts, '$[0].later', json('{}'))", task.Id);
        Start();
        Receiver.Answer(200);

        Time.Advance(TimeSpan.FromSeconds(11));
        await EventuallyAsync(() => Receiver.Requests.Count == 2);

        await EventuallyAsync(() => Scalar("SELECT count(*) FROM deliveries WHERE state = 'delivered'") == 1);
        Assert.Equal([1, 2], (await Service.GetDeliveriesAsync(task.Id)).Items.Select(static attempt => attempt.Attempt));
    }

    [Fact]
    public async Task A_repeated_request_gets_the_unreadable_task()
    {
        var origin = Origin with { IdempotencyKey = "k", Fingerprint = "f" };
        var task = await CreateAsync("probe", """{"input":{"name":"a"}}""", origin);
        await StopAsync();
        Execute("UPDATE tasks SET definition = json_remove(definition, '$.pattern')", task.Id);
        Start();

        Assert.Equal(task.Id, (await CreateAsync("probe", """{"input":{"name":"a"}}""", origin)).Id);
    }

    [Fact]
    public async Task A_pattern_of_a_later_version_fails_its_task()
    {
        var task = await CreateProbeAsync("a");
        await StopAsync();
        Execute("UPDATE tasks SET definition = json_set(definition, '$.pattern', 'race')", task.Id);
        Start();

        var ended = await EndOfAsync(task.Id);

        Assert.Equal(("storage-failed", TaskState.Failed), (SlugOf(ended), ended.Status));
        Assert.Equal(
            "The task runs the pattern 'race', which this version of the app does not have.", ended.Error!.Value.ToElement().GetProperty("detail").GetString());
    }

    [Fact]
    public async Task A_webhook_that_could_not_be_read_when_it_was_due_is_sent_later()
    {
        Receiver.Answer(500);
        await EndedProbeAsync("a", ""","onSuccess":{"url":"https://example.com/"}""");
        await EventuallyAsync(() => Scalar("SELECT count(*) FROM deliveries WHERE attempts <> '[]'") == 1);
        Receiver.Answer(200);

        Execute("ALTER TABLE deliveries RENAME TO gone");
        Time.Advance(TimeSpan.FromSeconds(11));
        await EventuallyAsync(() => Log.Entries.Any(static entry => entry.Message.EndsWith("cannot be read", StringComparison.Ordinal)));
        Execute("ALTER TABLE gone RENAME TO deliveries");

        var failed = Time.GetUtcNow();
        await EventuallyAsync(() =>
        {
            // Its attempt, once begun, has a time limit on this clock too.
            if (!Get<WebhookQueue>().IsInFlight(1))
            {
                Time.Advance(TimeSpan.FromSeconds(1));
            }

            return Receiver.Requests.Count == 2;
        });
        Assert.InRange(Time.GetUtcNow() - failed, TimeSpan.FromSeconds(30), TimeSpan.FromHours(12));
    }

    [Fact]
    public async Task Tasks_and_webhooks_that_could_not_be_read_at_the_start_are_read_later()
    {
        Receiver.Answer(500);
        await EndedProbeAsync("a", ""","onSuccess":{"url":"https://example.com/"}""");
        await EventuallyAsync(() => Scalar("SELECT count(*) FROM deliveries WHERE attempts <> '[]'") == 1);
        var running = await CreateProbeAsync("b");
        await StopAsync();
        Execute("ALTER TABLE deliveries RENAME TO gone");
        Start();
        Assert.Equal("storage-failed", (await ProblemOf(Service.GetAsync(running.Id, null, default))).Slug);
        Assert.Equal("storage-failed", (await ProblemOf(Task.Run(() => Get<HealthService>().Ready()))).Slug);
        Receiver.Answer(200);

        Execute("ALTER TABLE gone RENAME TO deliveries");

        await EventuallyAsync(() => Time.Timers == 1);
        Time.Advance(TimeSpan.FromSeconds(30));
        await EventuallyAsync(() => Receiver.Requests.Count == 2);
        Assert.Equal("ready", Get<HealthService>().Ready().Status);
        await EventuallyAsync(() => Probe.Running == 1);
        Probe.Succeed("b");
        Assert.Equal(TaskState.Succeeded, (await EndOfAsync(running.Id)).Status);
    }

    [Fact]
    public async Task An_input_that_could_not_be_read_is_read_again()
    {
        foreach (var name in new[] { "a", "b", "c" })
        {
            await CreateProbeAsync(name);
        }

        await EventuallyAsync(() => Probe.Running == 2);

        // The start of the attempt can be written, and its input not be read.
        Execute("ALTER TABLE payloads RENAME COLUMN json TO gone");
        var stopped = Engine.CancelAsync((await Service.ListAsync(new TaskListRequest())).Items[^1].Id);
        await EventuallyAsync(() => Log.Entries.Any(static entry => entry.Message.EndsWith("cannot be read", StringComparison.Ordinal)));
        Execute("ALTER TABLE payloads RENAME COLUMN gone TO json");
        await stopped;

        await AdvanceUntilAsync(() => Probe.Started.Contains("c"), TimeSpan.FromMilliseconds(100));
    }

    private async Task AssertFailedAsync(string id)
    {
        var failed = await EndOfAsync(id);
        Assert.Equal((TaskState.Failed, "storage-failed", $"/api/tasks/{id}"), (failed.Status, SlugOf(failed), failed.Links.Self));
        Assert.Equal(Detail, failed.Error!.Value.ToElement().GetProperty("detail").GetString());
        Assert.Equal(TaskState.Failed, (await Service.ListAsync(new TaskListRequest())).Items.Single(item => item.Id == id).Status);
        var events = Service.WatchAsync(id, 0, default);
        await foreach (var last in events)
        {
            Assert.Equal(TaskState.Failed, last.Task.Status);
        }

        Assert.Equal("already-finished", (await ProblemOf(Service.CancelAsync(id))).Slug);
        Assert.NotEqual(DeliveryState.Delivered, (await Service.GetDeliveriesAsync(id)).State);
    }

    /// <summary>Runs a statement; an update applies to one task.</summary>
    private void Execute(string sql, string? task = null) => Run(
        task is null ? sql : sql + (sql.StartsWith("UPDATE tasks", StringComparison.Ordinal) ? " WHERE id = ?1" : " WHERE task = (SELECT sequence FROM tasks WHERE id = ?1)"),
        task,
        static command => command.ExecuteNonQuery());

    private long Scalar(string sql) => Run(sql, task: null, static command => (long)command.ExecuteScalar()!);

    private T Run<T>(string sql, string? task, Func<SqliteCommand, T> run)
    {
        using var connection = new SqliteConnection($"Data Source={Path.Combine(StateDirectory, "tasks.db")};Pooling=False");
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        if (task is not null)
        {
            command.Parameters.AddWithValue("?1", task);
        }

        return run(command);
    }
}
