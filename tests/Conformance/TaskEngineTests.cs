using System.Text;
using FunctionsApp.Core.Json;
using FunctionsApp.Core.Problems;
using FunctionsApp.Core.Tasks;

namespace FunctionsApp.Conformance;

/// <summary>
/// What an <see cref="ITaskEngine"/> promises. The test project of each engine compiles this file, derives a class with a fixture of
/// its engine, and has the attributes <c>[EngineFact]</c> and <c>[EngineTheory]</c>, which say when the engine cannot run.
/// </summary>
/// <param name="fixture">The engine.</param>
public abstract class TaskEngineTests(EngineFixture fixture) : EngineTests(fixture)
{
    private const string Endless = """{"seconds":3600}""";

    [EngineFact]
    public async Task A_task_is_accepted_and_ends_with_its_result()
    {
        // Long enough that it has not ended before it is told.
        var created = await CreateAsync("delay", """{"seconds":0.5,"result":"done"}""");
        Assert.Matches("^[0-9a-f]{32}$", created.Id);
        Assert.True(created.State is TaskState.Queued or TaskState.Running);
        Assert.Equal(created.CreatedAt.AddSeconds(600), created.ExpiresAt);

        var ended = await EndAsync(created.Id);
        Assert.Equal((TaskState.Succeeded, 1, created.CreatedAt), (ended.State, ended.Attempts, ended.CreatedAt));
        Assert.True(ended.StartedAt >= created.CreatedAt && ended.FinishedAt >= ended.StartedAt && ended.ExpiresAt >= ended.FinishedAt);
        Assert.Equal("\"done\"", await OutcomeAsync(created.Id));
        Assert.Equal(ended, (await Engine.FindAsync(created.Id))!.Value.Record with { Definition = ended.Definition });
    }

    [EngineFact]
    public async Task An_error_ends_it_with_its_problem()
    {
        var ended = await EndAsync((await CreateAsync("fail", """{"message":"It broke."}""")).Id);

        Assert.Equal((TaskState.Failed, 1), (ended.State, ended.Attempts));
        Assert.Contains("It broke.", await OutcomeAsync(ended.Id), StringComparison.Ordinal);
    }

    [EngineFact]
    public async Task An_error_is_retried_up_to_maxAttempts()
    {
        var ended = await EndAsync((await CreateAsync("fail", """{"message":"It broke."}""", With(retry: new() { MaxAttempts = 3, InitialDelaySeconds = 0.1, Backoff = 1 }))).Id);

        Assert.Equal((TaskState.Failed, 3), (ended.State, ended.Attempts));
    }

    [EngineFact]
    public async Task An_attempt_times_out()
    {
        var ended = await EndAsync((await CreateAsync("delay", Endless, With() with { TimeoutSeconds = 0.2 })).Id);

        Assert.Equal(TaskState.Failed, ended.State);
        Assert.Contains("/problems/timeout", await OutcomeAsync(ended.Id), StringComparison.Ordinal);
    }

    [EngineFact]
    public async Task A_large_input_and_a_large_outcome_are_stored()
    {
        var text = new string('x', 300_000);
        var id = (await CreateAsync("echo", $$"""{"value":"{{text}}"}""")).Id;

        await EndAsync(id);
        Assert.Equal($"\"{text}\"", await OutcomeAsync(id));
    }

    [EngineTheory]
    [InlineData("0123456789abcdef0123456789abcdef")]
    [InlineData("")]
    [InlineData("no id")]
    [InlineData("../secrets/signing-key")]
    [InlineData("0123456789ABCDEF0123456789ABCDEF")]
    [InlineData("0123456789abcdef0123456789abcdef0")]
    [InlineData("'; DROP TABLE tasks; --")]
    public async Task An_unknown_task_is_not_found(string id)
    {
        Assert.Null(await Engine.FindAsync(id));
        Assert.Null(await Engine.WaitAsync(id, 0, CancellationToken.None));
        Assert.Null(await Engine.ReadOutcomeAsync(id));
        Assert.Null(await Engine.CancelAsync(id));
        Assert.Null(await Engine.RedeliverAsync(id));
    }

    [EngineFact]
    public async Task Revisions_grow_with_every_change_to_the_end()
    {
        var id = (await CreateAsync(
            "gather", $$"""{"calls":[{"operation":"echo","input":{"value":1} },{"operation":"delay","input":{{Endless}} }]}""", With() with { Pattern = "gather", Operation = null })).Id;
        var views = new List<TaskView>();
        do
        {
            views.Add((await Engine.WaitAsync(id, views.LastOrDefault().Revision, CancellationToken.None).AsTask().WaitAsync(Limit))!.Value);
            if (views[^1].Record is { State: TaskState.Running, Progress: { Completed: 1, Total: 2 } })
            {
                await Engine.CancelAsync(id);
            }
        }
        while (!views[^1].Record.IsFinished);

        Assert.Equal(views.Select(static view => view.Revision).Distinct().Order(), views.Select(static view => view.Revision));
        Assert.Equal((TaskState.Cancelled, 1L), (views[^1].Record.State, views[^1].Record.Progress!.Completed));

        // Whoever waits for a task that has ended has it at once, whatever is known of it.
        Assert.True((await Engine.WaitAsync(id, long.MaxValue, CancellationToken.None).AsTask().WaitAsync(Limit))!.Value.Record.IsFinished);
    }

    [EngineFact]
    public async Task A_wait_ends_when_its_caller_leaves()
    {
        var id = (await CreateAsync("delay", Endless)).Id;
        using var leaving = new CancellationTokenSource(TimeSpan.FromMilliseconds(200));

        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await Engine.WaitAsync(id, long.MaxValue - 1, leaving.Token));
        await Engine.CancelAsync(id);
    }

    [EngineFact]
    public async Task Cancelling_stops_running_work()
    {
        var id = (await CreateAsync("delay", Endless)).Id;
        await UntilAsync(id, static record => record.State == TaskState.Running);

        Assert.Equal(TaskState.Cancelling, (await Engine.CancelAsync(id))!.Value.Record.State);
        Assert.True((await Engine.FindAsync(id))!.Value.Record.State is TaskState.Cancelling or TaskState.Cancelled);
        var ended = await EndAsync(id);
        Assert.Equal((TaskState.Cancelled, 1), (ended.State, ended.Attempts));
        Assert.Null(await Engine.ReadOutcomeAsync(id));

        // Once more: it is as it was.
        Assert.Equal(ended.FinishedAt, (await Engine.CancelAsync(id))!.Value.Record.FinishedAt);
    }

    [EngineFact]
    public async Task Cancelling_ends_a_pause()
    {
        var id = (await CreateAsync("fail", """{"message":"It broke."}""", With(retry: new() { MaxAttempts = 2, InitialDelaySeconds = 3600, MaxDelaySeconds = 3600 }))).Id;
        var waiting = await UntilAsync(id, static record => record.NextAttemptAt is not null);
        Assert.Equal((TaskState.Queued, 1), (waiting.State, waiting.Attempts));

        await Engine.CancelAsync(id);
        var ended = await EndAsync(id);
        Assert.Equal((TaskState.Cancelled, 1), (ended.State, ended.Attempts));
        Assert.Null(ended.NextAttemptAt);
    }

    [EngineFact]
    public async Task An_ended_task_cannot_be_cancelled()
    {
        var ended = await EndAsync((await CreateAsync("echo", """{"value":1}""")).Id);

        Assert.Equal(TaskState.Succeeded, (await Engine.CancelAsync(ended.Id))!.Value.Record.State);
        Assert.Equal("1", await OutcomeAsync(ended.Id));
    }

    [EngineFact]
    public async Task A_key_is_one_task()
    {
        var definition = With() with { IdempotencyKey = NewKey(), Fingerprint = "a" };
        var created = await Task.WhenAll(Enumerable.Range(0, 10).Select(_ => CreateAsync("echo", """{"value":1}""", definition)));
        var id = Assert.Single(created.Select(static record => record.Id).Distinct());
        await EndAsync(id);

        Assert.Equal(id, (await CreateAsync("echo", """{"value":1}""", definition)).Id);
        var reused = await Assert.ThrowsAsync<ProblemException>(() => CreateAsync("echo", """{"value":2}""", definition with { Fingerprint = "b" }));
        Assert.Equal("idempotency-key-reused", reused.Problem.Slug);
    }

    [EngineFact]
    public async Task An_expired_task_is_gone_and_its_key_is_free()
    {
        var definition = With() with { IdempotencyKey = NewKey(), Fingerprint = "a", TtlSeconds = 0.5 };
        var id = (await CreateAsync("echo", """{"value":1}""", definition)).Id;
        for (var waited = TimeSpan.Zero; await Engine.FindAsync(id) is not null; waited += TimeSpan.FromMilliseconds(50))
        {
            Assert.InRange(waited, TimeSpan.Zero, Limit);
            await Task.Delay(50);
        }

        Assert.Null(await Engine.CancelAsync(id));
        Assert.DoesNotContain(await ListAsync(), record => record.Id == id);
        Assert.NotEqual(id, (await CreateAsync("echo", """{"value":2}""", definition with { Fingerprint = "b" })).Id);
    }

    [EngineFact]
    public async Task The_list_has_every_task_once()
    {
        var ids = new List<string>();
        for (var i = 0; i < 7; i++)
        {
            ids.Add((await CreateAsync("math.square", """{"x":2}""")).Id);
        }

        var fails = (await CreateAsync("fail", """{"message":"It broke."}""")).Id;
        await EndAsync(fails);
        var all = await ListAsync(limit: 3);
        Assert.Equal(all.Select(static record => record.Id).Distinct(), all.Select(static record => record.Id));
        Assert.Empty(ids.Append(fails).Except(all.Select(static record => record.Id)));

        Assert.Empty(ids.Except((await ListAsync(operation: "math.square")).Select(static record => record.Id)));
        Assert.All(await ListAsync(operation: "math.square"), static record => Assert.Equal("math.square", record.Definition.Operation));
        Assert.Contains(await ListAsync(state: TaskState.Failed), record => record.Id == fails);
        Assert.All(await ListAsync(state: TaskState.Failed), static record => Assert.Equal(TaskState.Failed, record.State));
    }

    [EngineTheory]
    [InlineData("nonsense")]
    [InlineData("")]
    [InlineData("d")]
    [InlineData("d%%%")]
    [InlineData("p0")]
    public async Task A_cursor_is_one_of_an_earlier_page(string cursor)
    {
        var refused = await Assert.ThrowsAsync<ProblemException>(async () => await Engine.ListAsync(new TaskQuery(null, null, 10, cursor)));

        Assert.Equal("/cursor", Assert.Single(refused.Problem.Errors!).Key);
    }

    [EngineFact]
    public async Task A_task_that_has_failed_for_good_is_logged_once_and_no_other_end_is()
    {
        var retried = With(new RetryPolicy { MaxAttempts = 2, InitialDelaySeconds = 0.01, Backoff = 1, MaxDelaySeconds = 0.01 });
        var succeeded = await EndAsync((await CreateAsync("echo", """{"value":1}""")).Id);
        var failed = await EndAsync((await CreateAsync("fail", """{"message":"a secret"}""", retried)).Id);
        await SeeAsync(() => Task.FromResult(Failures.Lines.Any(line => line.Contains(failed.Id, StringComparison.Ordinal))), "The failure to be logged");

        Assert.Equal(
            [$"Warning: Task {failed.Id} of fail has failed: operation-failed. Attempts: 2"],
            Failures.Lines.Where(line => line.Contains(failed.Id, StringComparison.Ordinal)));
        Assert.Equal(("operation-failed", null), (failed.Error, succeeded.Error));
        Assert.DoesNotContain(Failures.Lines, line => line.Contains(succeeded.Id, StringComparison.Ordinal));
    }

    [EngineFact]
    public async Task Without_a_webhook_there_is_nothing_to_send_again()
    {
        var ended = await EndAsync((await CreateAsync("echo", """{"value":1}""")).Id);

        Assert.Null((await Engine.RedeliverAsync(ended.Id))!.Delivery);
    }

    [EngineFact]
    public void The_engine_is_ready() => Engine.EnsureReady();

    protected static TaskDefinition With(RetryPolicy? retry = null) => new() { Pattern = "await", Path = "/api/tasks", TtlSeconds = 600, Retry = retry };

    protected Task<TaskRecord> CreateAsync(string operation, string input, TaskDefinition? definition = null)
    {
        definition ??= With();
        return Engine.CreateAsync(
            definition.Pattern == "await" ? definition with { Operation = operation } : definition, RawJson.FromUtf8(Encoding.UTF8.GetBytes(input))).WaitAsync(Limit);
    }

    private async Task<List<TaskRecord>> ListAsync(TaskState? state = null, string? operation = null, int limit = 100)
    {
        var all = new List<TaskRecord>();
        string? cursor = null;
        do
        {
            var page = await Engine.ListAsync(new TaskQuery(state, operation, limit, cursor));
            Assert.InRange(page.Items.Count, 0, limit);
            all.AddRange(page.Items);
            cursor = page.NextCursor;
        }
        while (cursor is not null);
        return all;
    }
}
