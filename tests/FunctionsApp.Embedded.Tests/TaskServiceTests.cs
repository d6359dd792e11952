using FunctionsApp.Core.Tasks;

namespace FunctionsApp.Embedded.Tests;

public sealed class TaskServiceTests() : TaskTests(("Tasks:MaxRunning", "2"))
{
    [Fact]
    public async Task A_task_starts_at_once_and_ends_with_its_result()
    {
        var created = await CreateProbeAsync("a");

        Assert.Matches("^[0-9a-f]{32}$", created.Id);
        Assert.Equal(("probe", (string?)null, TaskState.Running, 1), (created.Operation, created.Pattern, created.Status, created.Attempts));
        Assert.Equal($"/api/tasks/{created.Id}", created.Links.Self);
        Probe.Succeed("a");
        var ended = await EndOfAsync(created.Id);
        Assert.Equal((TaskState.Succeeded, "\"a\""), (ended.Status, ended.Result.ToString()));
        Assert.Equal(Time.GetUtcNow().AddDays(1), ended.ExpiresAt);
    }

    [Fact]
    public async Task Tasks_over_MaxRunning_wait_and_start_in_order()
    {
        var first = await CreateProbeAsync("a");
        await CreateProbeAsync("b");
        var third = await CreateProbeAsync("c");
        var fourth = await CreateProbeAsync("d");

        Assert.Equal((TaskState.Queued, 0, null), (third.Status, third.Attempts, third.StartedAt));
        Probe.Succeed("a");
        await EndOfAsync(first.Id);
        await UntilAsync(third.Id, static record => record.State == TaskState.Running);
        await EventuallyAsync(() => Probe.Running == 2);
        Assert.DoesNotContain("d", Probe.Started);
        Assert.Equal(TaskState.Queued, (await Service.GetAsync(fourth.Id, null, default)).Status);
    }

    [Fact]
    public async Task An_error_ends_the_task_with_its_problem()
    {
        var task = await CreateProbeAsync("a");
        Probe.Fail("a");

        var ended = await EndOfAsync(task.Id);

        Assert.Equal((TaskState.Failed, 1, "operation-failed"), (ended.Status, ended.Attempts, SlugOf(ended)));
        Assert.Null(ended.Result);
    }

    [Fact]
    public async Task The_timeout_applies_to_each_attempt()
    {
        var task = await CreateProbeAsync("a", ""","timeoutSeconds":5""");
        await EventuallyAsync(() => Probe.Running == 1);

        Time.Advance(TimeSpan.FromSeconds(5));

        Assert.Equal("timeout", SlugOf(await EndOfAsync(task.Id)));
        Assert.Equal(["a"], Probe.Cancelled);
    }

    [Theory]
    [InlineData("""{"input":{}}""", "/input/name")]
    [InlineData("""{"input":{"name":"a"},"onSuccess":{}}""", "/onSuccess/url")]
    [InlineData("""{"input":{"name":"a"},"onError":{"url":"nowhere"}}""", "/onError/url")]
    [InlineData("""{"input":{"name":"a"},"priority":1}""", "/priority")]
    public async Task An_invalid_request_creates_nothing(string json, string pointer)
    {
        var (slug, problem) = await ProblemOf(Task.Run(() => CreateAsync("probe", json)));

        Assert.Equal(("invalid-request", pointer), (slug, Assert.Single(problem.Errors!).Key));
        Assert.Empty((await Service.ListAsync(new TaskListRequest())).Items);
    }

    [Theory]
    [InlineData("""{"pattern":"gather","request":{"calls":[{"operation":"probe","input":{"nam":"a"}}]}}""", "/request/calls/0/input/nam")]
    [InlineData("""{"pattern":"sequence","request":{"steps":[],"x":1}}""", "/request/x")]
    public async Task Errors_of_a_pattern_are_reported_at_their_pointers(string json, string pointer)
    {
        var (slug, problem) = await ProblemOf(Task.Run(() => Service.CreateAsync(Read<PatternTaskRequest>(json), Origin)));

        Assert.Equal("invalid-request", slug);
        Assert.Contains(pointer, problem.Errors!.Keys);
    }

    [Theory]
    [InlineData("""{"pattern":"sequence","request":{"steps":[{"operation":"echo","input":{"value":1}},{"operation":"echo","input":{"value":{"$ref":"#/results/0"}}}]}}""", 2, "results", "[1,1]")]
    [InlineData("""{"pattern":"gather","request":{"calls":[{"operation":"echo","input":{"value":1}},{"operation":"echo","input":{"value":2}},{"operation":"fail","input":{"message":"x"}}],"returnExceptions":true}}""", 3, "succeeded", "2")]
    [InlineData("""{"pattern":"map","operation":"math.square","request":{"items":[1,2,3]}}""", 3, "results", "[1,4,9]")]
    [InlineData("""{"pattern":"map","request":{"operation":"math.square","items":[1,2,3],"reduce":"sum"}}""", 3, "result", "14")]
    public async Task A_pattern_has_the_result_of_its_endpoint_and_counts_its_parts(string json, int total, string property, string expected)
    {
        var task = await Service.CreateAsync(Read<PatternTaskRequest>(json), Origin);

        var ended = await EndOfAsync(task.Id);

        Assert.Equal(TaskState.Succeeded, ended.Status);
        Assert.Equal((total, total), (ended.Progress!.Completed, ended.Progress.Total));
        Assert.Equal(expected, ended.Result!.Value.ToElement().GetProperty(property).GetRawText());
    }

    [Fact]
    public async Task Progress_is_visible_while_the_task_runs()
    {
        var task = await Service.CreateAsync(Read<PatternTaskRequest>(
            """{"pattern":"gather","request":{"calls":[{"operation":"probe","input":{"name":"a"}},{"operation":"probe","input":{"name":"b"}}]}}"""), Origin);
        await EventuallyAsync(() => Probe.Running == 2);

        Probe.Succeed("b");

        await EventuallyAsync(() => Engine.FindAsync(task.Id).AsTask() is { IsCompletedSuccessfully: true } && Time.Timers > 0);
        await AdvanceUntilAsync(() => Watched(task.Id).Progress is { Completed: 1, Total: 2 }, TimeSpan.FromMilliseconds(100));
        Probe.Succeed("a");
        Assert.Equal(2, (await EndOfAsync(task.Id)).Progress!.Completed);
    }

    [Fact]
    public async Task A_wait_ends_with_the_task_or_its_timeout()
    {
        var task = await CreateProbeAsync("a");
        await EventuallyAsync(() => Probe.Running == 1);

        var inVain = Service.GetAsync(task.Id, 10, default);
        Time.Advance(TimeSpan.FromSeconds(10));
        Assert.Equal(TaskState.Running, (await inVain.WaitAsync(Limit)).Status);

        var wait = Service.GetAsync(task.Id, 200, default);
        Probe.Succeed("a");
        Assert.Equal("\"a\"", (await wait.WaitAsync(Limit)).Result.ToString());
        Assert.Equal("/waitSeconds", (await ProblemOf(Service.GetAsync(task.Id, 200.5, default))).Problem.Errors!.Keys.Single());
    }

    [Fact]
    public async Task A_watcher_sees_the_task_and_each_change_until_its_end()
    {
        var task = await CreateProbeAsync("a");
        var states = new List<TaskState>();
        var ids = new List<long>();
        await foreach (var (id, seen) in Service.WatchAsync(task.Id, 0, default))
        {
            ids.Add(id);
            states.Add(seen.Status);
            if (states.Count == 1)
            {
                Probe.Succeed("a");
            }
        }

        Assert.Equal([TaskState.Running, TaskState.Succeeded], states);
        Assert.Equal(ids.Order().Distinct(), ids);

        // From the first event on there is the second, and from that on nothing.
        Assert.Equal([ids[1]], await WatchAsync(task.Id, ids[0]));
        Assert.Empty(await WatchAsync(task.Id, ids[1]));
    }

    [Fact]
    public async Task A_watcher_that_the_maximum_timeout_ends_can_resume()
    {
        var task = await CreateProbeAsync("a");
        await EventuallyAsync(() => Probe.Running == 1);

        // The attempt has the same limit. It must not end, or the task would, and it is the watch that is to be cut off.
        var lingering = new TaskCompletionSource();
        Probe.Lingering = lingering.Task;
        var watch = WatchAsync(task.Id, 0);

        await AdvanceUntilAsync(() => watch.IsCompleted, TimeSpan.FromMinutes(10));

        Assert.Single(await watch);
        lingering.SetResult();
        Assert.NotEmpty(await WatchAsync(task.Id, (await watch)[0]));
    }

    [Fact]
    public async Task A_cancelled_task_stops_its_work()
    {
        var task = await CreateProbeAsync("a");
        await EventuallyAsync(() => Probe.Running == 1);
        var lingering = new TaskCompletionSource();
        Probe.Lingering = lingering.Task;

        Assert.Equal(TaskState.Cancelling, (await Service.CancelAsync(task.Id)).Status);
        await EventuallyAsync(() => !Probe.Cancelled.IsEmpty);

        // It has not ended before what it runs has.
        Assert.Equal(TaskState.Cancelling, (await Service.GetAsync(task.Id, null, default)).Status);
        Assert.Equal(TaskState.Cancelling, (await Service.CancelAsync(task.Id)).Status);
        lingering.SetResult();
        Assert.Equal(TaskState.Cancelled, (await EndOfAsync(task.Id)).Status);
        Assert.Equal("already-finished", (await ProblemOf(Service.CancelAsync(task.Id))).Slug);
    }

    [Fact]
    public async Task A_queued_task_is_cancelled_without_ever_running()
    {
        await CreateProbeAsync("a");
        await CreateProbeAsync("b");
        var waiting = await CreateProbeAsync("c");

        Assert.Equal(TaskState.Cancelling, (await Service.CancelAsync(waiting.Id)).Status);

        Assert.Equal((TaskState.Cancelled, 0), ((await EndOfAsync(waiting.Id)).Status, (await Service.GetAsync(waiting.Id, null, default)).Attempts));
        Assert.DoesNotContain("c", Probe.Started);
    }

    [Fact]
    public async Task Tasks_are_listed_newest_first_a_page_at_a_time()
    {
        var ids = new List<string>();
        for (var i = 0; i < 5; i++)
        {
            ids.Add((await CreateAsync(i == 2 ? "fail" : "echo", i == 2 ? """{"input":{"message":"x"}}""" : """{"input":{"value":1}}""")).Id);
            await EndOfAsync(ids[i]);
        }

        var first = await Service.ListAsync(new TaskListRequest { Limit = 2 });
        var second = await Service.ListAsync(new TaskListRequest { Limit = 2, Cursor = first.NextCursor });
        var third = await Service.ListAsync(new TaskListRequest { Limit = 2, Cursor = second.NextCursor });
        Assert.Equal(Enumerable.Reverse(ids), first.Items.Concat(second.Items).Concat(third.Items).Select(static task => task.Id));
        Assert.Null(third.NextCursor);
        var failed = Assert.Single((await Service.ListAsync(new TaskListRequest { Status = TaskState.Failed })).Items);
        Assert.Equal((ids[2], """{"type":"/problems/operation-failed"}"""), (failed.Id, failed.Error.ToString()));
        Assert.Equal(4, (await Service.ListAsync(new TaskListRequest { Operation = "echo" })).Items.Count);
        Assert.All(first.Items, static task => Assert.Null(task.Result));
        foreach (var cursor in new[] { "", "p", "p0", "3", "p-1", "pzz", "pffffffffffffffffff" })
        {
            Assert.Equal("/cursor", (await ProblemOf(Service.ListAsync(new TaskListRequest { Cursor = cursor }))).Problem.Errors!.Keys.Single());
        }
    }

    [Fact]
    public async Task One_key_is_one_task_also_for_concurrent_requests()
    {
        var origin = Origin with { IdempotencyKey = "k", Fingerprint = "f" };

        var tasks = await Task.WhenAll(Enumerable.Range(0, 50).Select(_ => CreateAsync("probe", """{"input":{"name":"a"}}""", origin)));

        Assert.Single(tasks.Select(static task => task.Id).Distinct());
        await EventuallyAsync(() => !Probe.Started.IsEmpty);
        Assert.Single(Probe.Started);
        Assert.Equal("idempotency-key-reused", (await ProblemOf(CreateAsync("probe", """{"input":{"name":"b"}}""", origin with { Fingerprint = "g" }))).Slug);
    }

    [Fact]
    public async Task A_task_expires_after_its_time_to_live_and_its_key_is_free()
    {
        var origin = Origin with { IdempotencyKey = "k", Fingerprint = "f" };
        var task = await CreateAsync("probe", """{"input":{"name":"a"},"ttlSeconds":60}""", origin);
        Time.Advance(TimeSpan.FromSeconds(100));
        Probe.Succeed("a");
        Assert.Equal(Time.GetUtcNow().AddSeconds(60), (await EndOfAsync(task.Id)).ExpiresAt);

        Time.Advance(TimeSpan.FromSeconds(59));
        await Service.GetAsync(task.Id, null, default);
        Time.Advance(TimeSpan.FromSeconds(1));

        Assert.Equal("unknown-task", (await ProblemOf(Service.GetAsync(task.Id, null, default))).Slug);
        Assert.Equal("unknown-task", (await ProblemOf(Service.CancelAsync(task.Id))).Slug);
        Assert.Equal("unknown-task", (await ProblemOf(Service.GetDeliveriesAsync(task.Id))).Slug);
        Assert.Empty((await Service.ListAsync(new TaskListRequest())).Items);
        Assert.NotEqual(task.Id, (await CreateAsync("echo", """{"input":{"value":1}}""", origin with { Fingerprint = "g" })).Id);
    }

    private TaskResponse Watched(string id) => TaskResponse.Of(Engine.FindAsync(id).AsTask().GetAwaiter().GetResult()!.Value.Record);

    private async Task<List<long>> WatchAsync(string id, long after)
    {
        var ids = new List<long>();
        await foreach (var change in Service.WatchAsync(id, after, default))
        {
            ids.Add(change.Id);
        }

        return ids;
    }
}
