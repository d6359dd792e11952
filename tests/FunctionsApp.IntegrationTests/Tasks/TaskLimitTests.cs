using System.Net;
using FunctionsApp.IntegrationTests.Hosting;
using FunctionsApp.IntegrationTests.Webhooks;

namespace FunctionsApp.IntegrationTests.Tasks;

/// <summary>How much a host accepts: past that it says so, keeps what it has, and takes more when there is room again.</summary>
[Collection(FunctionsAppCollection.Name)]
public sealed class TaskLimitTests
{
    private const int LargeBytes = 300_000;

    [EmbeddedFact("How many tasks wait in a hub is known approximately.")]
    public async Task Tasks_over_MaxQueued_are_saturated_until_there_is_room()
    {
        await using var host = await Hosts.StartAsync(("Tasks__MaxRunning", "1"), ("Tasks__MaxQueued", "2"));
        using var api = host.Connect();
        var running = await api.CreateIdAsync("delay", TaskRequests.Endless);
        await api.StateAsync(running, "running");
        var waiting = new[] { await api.CreateIdAsync("echo", """{"value":1}"""), await api.CreateIdAsync("echo", """{"value":2}""") };

        var refused = await api.PostAsync("tasks/echo", """{"input":{"value":3}}""");
        Assert.Equal((HttpStatusCode.TooManyRequests, "saturated"), (refused.Status, refused.Problem));
        Assert.Contains("Tasks:MaxQueued", refused["detail"].GetString(), StringComparison.Ordinal);
        Assert.InRange(refused.Headers.RetryAfter!.Delta!.Value.TotalSeconds, 1, 3_600);
        Assert.Equal(HttpStatusCode.OK, (await api.PostAsync("await/echo", """{"value":1}""")).Status);

        await api.CancelAsync(waiting[0]);
        var third = await api.CreateIdAsync("echo", """{"value":3}""");
        Assert.Equal("saturated", (await api.PostAsync("tasks/echo", """{"input":{"value":4}}""")).Problem);

        await api.CancelAsync(running);
        Assert.Equal(2, (await api.EndAsync(waiting[1]))["result"].GetInt32());
        Assert.Equal(3, (await api.EndAsync(third))["result"].GetInt32());
        Assert.Equal(4, await api.ListAsync().CountAsync());
    }

    [OwnHostFact]
    public async Task A_continuation_waits_for_room_and_its_work_is_not_repeated()
    {
        const string Endless = """{"from":0,"to":1000000000000}""";
        await using var receiver = await WebhookReceiver.StartAsync();
        await using var host = await Hosts.StartAsync([("Cpu__Threads", "1"), ("Cpu__MaxQueuedItems", "1"), .. WebhookFixture.Settings(0)]);
        using var api = host.Connect();
        using var client = new CancellationTokenSource();
        var map = api.PostAsync("map/primes.count", $$"""{"items":[{{Endless}},{{Endless}}],"chunkSize":1}""", client.Token);
        await Eventually.SeeAsync(() => api.GetAsync("health/ready"), static response => response.Status == HttpStatusCode.TooManyRequests, "The cores to be taken");

        var task = await api.CreateAsync("callback/http.request", $$$"""
            {"input":{"method":"POST","url":"{{{receiver.Url("work", "/taken")}}}"},
             "onSuccess":{"operation":"math.square","input":{"x":3}},"onError":{"url":"{{{receiver.Url("error", "/taken")}}}"} }
            """);
        await receiver.ArrivalAsync("work");

        // The continuation has asked for room more than once by then.
        var waiting = await api.GetAsync($"tasks/{task.Id()}?waitSeconds=5");
        Assert.Equal(("running", HttpStatusCode.TooManyRequests), (waiting.State(), (await api.GetAsync("health/ready")).Status));
        await client.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => map);

        var ended = await api.EndAsync(task.Id());
        Assert.Equal(("succeeded", 1, 9), (ended.State(), ended["attempts"].GetInt32(), ended["result"].GetProperty("result").GetInt32()));
        Assert.Single(receiver.Received("work"));
        Assert.Empty(receiver.Received("error"));
    }

    [EmbeddedFact("Tasks:MaxStateBytes limits the database of a directory.")]
    public async Task State_over_its_limit_is_saturated_until_a_task_expires()
    {
        await using var host = await Hosts.StartAsync(("Tasks__MaxStateBytes", "1048576"));
        using var api = host.Connect();
        var accepted = new List<string>();
        var response = await CreateLargeAsync(api);
        for (; response.Status == HttpStatusCode.Accepted && accepted.Count < 10; response = await CreateLargeAsync(api))
        {
            accepted.Add(response.Id());
            await api.EndAsync(response.Id());
        }

        Assert.Equal((HttpStatusCode.TooManyRequests, "saturated"), (response.Status, response.Problem));
        Assert.Contains("Tasks:MaxStateBytes", response["detail"].GetString(), StringComparison.Ordinal);
        Assert.InRange(response.Headers.RetryAfter!.Delta!.Value.TotalSeconds, 1, 3_600);
        Assert.Equal(3, accepted.Count);

        // They are kept for some seconds.
        var later = await Eventually.SeeAsync(() => CreateLargeAsync(api), static response => response.Status == HttpStatusCode.Accepted, "Room");
        Assert.Equal(LargeBytes, (await api.EndAsync(later.Id()))["result"].GetString()!.Length);
    }

    [EmbeddedFact("Ten thousand tasks are too many for the emulated storage: each takes it many requests.", Needs.Linux)]
    public async Task Ended_tasks_take_no_memory()
    {
        const int Tasks = 10_000;
        const int Clients = 8;
        await using var empty = await Hosts.StartAsync();
        await using var full = await Hosts.StartAsync();
        using var fullApi = full.Connect();
        using var emptyApi = empty.Connect();

        // Both have served as many requests, so that they differ in the tasks alone.
        var body = $$"""{"value":"{{new string('x', 10_000)}}"}""";
        await RepeatAsync(() => emptyApi.PostAsync("await/echo", body), HttpStatusCode.OK);
        await RepeatAsync(() => fullApi.PostAsync("tasks/echo", $$"""{"input":{{body}}}"""), HttpStatusCode.Accepted);
        var last = await fullApi.CreateIdAsync("echo", """{"value":1}""");
        await fullApi.EndAsync(last);

        Assert.Equal(Tasks + 1, await fullApi.ListAsync().CountAsync());
        Assert.InRange(full.MemoryBytes - empty.MemoryBytes, long.MinValue, 40 * 1_000_000);

        static Task RepeatAsync(Func<Task<ApiResponse>> send, HttpStatusCode expected) => Task.WhenAll(Enumerable.Range(0, Clients).Select(async _ =>
        {
            for (var i = 0; i < Tasks / Clients; i++)
            {
                Assert.Equal(expected, (await send()).Status);
            }
        }));
    }

    [EmbeddedFact("Fills the disk of the directory, in which there are no tasks.", Needs.Tmpfs)]
    public async Task A_full_disk_refuses_new_tasks_and_keeps_existing_ones()
    {
        const string Filler = "filler";
        using var disk = Tmpfs.TryMount()!;
        (string, string)[] settings = [("Tasks__Directory", Path.Combine(disk.Path, "tasks"))];
        var ids = new List<string>();
        await using (var host = await Hosts.StartAsync(settings))
        {
            using var api = host.Connect();
            ids.Add(await api.CreateIdAsync("echo", """{"value":0}"""));
            await api.EndAsync(ids[0]);
            disk.Fill(Filler);

            // There may be room for a few in the last page of the log.
            var refused = await api.PostAsync("tasks/echo", """{"input":{"value":1}}""");
            for (; refused.Status == HttpStatusCode.Accepted; refused = await api.PostAsync("tasks/echo", """{"input":{"value":1}}"""))
            {
                ids.Add(refused.Id());
                Assert.InRange(ids.Count, 1, 100);
            }

            Assert.Equal((HttpStatusCode.InsufficientStorage, "storage-failed"), (refused.Status, refused.Problem));
            Assert.Equal(0, (await api.TaskAsync(ids[0]))["result"].GetInt32());
            Assert.Equal(HttpStatusCode.OK, (await api.PostAsync("await/echo", """{"value":1}""")).Status);
            Assert.Equal(ids.Count, await api.ListAsync().CountAsync());

            disk.Free(Filler);
            ids.Add(await api.CreateIdAsync("echo", """{"value":2}"""));
            foreach (var id in ids)
            {
                Assert.Equal("succeeded", (await api.EndAsync(id)).State());
            }

            await host.KillAsync();
        }

        await using (var host = await Hosts.StartAsync(settings))
        {
            using var api = host.Connect();
            var listed = await api.ListAsync().Select(static task => task.GetProperty("id").GetString()!).ToListAsync();

            Assert.Equal(Enumerable.Reverse(ids), listed);
            Assert.Equal(0, (await api.TaskAsync(ids[0]))["result"].GetInt32());
            Assert.Equal(2, (await api.TaskAsync(ids[^1]))["result"].GetInt32());
        }
    }

    [EmbeddedFact("Deletes the directory, in which there are no tasks.", Needs.Linux)]
    public async Task A_deleted_directory_refuses_tasks_and_the_host_is_not_ready()
    {
        using var directory = new TaskDirectory();
        (string, string)[] settings = [("Tasks__Directory", directory.Path)];
        await using (var host = await Hosts.StartAsync(settings))
        {
            using var api = host.Connect();
            await api.EndAsync(await api.CreateIdAsync("echo", """{"value":1}"""));
            Assert.Equal(HttpStatusCode.OK, (await api.GetAsync("health/ready")).Status);
            Directory.Delete(directory.Path, recursive: true);

            var refused = await api.PostAsync("tasks/echo", """{"input":{"value":2}}""");
            Assert.Equal((HttpStatusCode.InsufficientStorage, "storage-failed"), (refused.Status, refused.Problem));
            Assert.Equal("storage-failed", (await api.GetAsync("health/ready")).Problem);
            Assert.Equal(HttpStatusCode.OK, (await api.PostAsync("await/echo", """{"value":1}""")).Status);
        }

        await using (var host = await Hosts.StartAsync(settings))
        {
            using var api = host.Connect();
            Assert.Equal(3, (await api.EndAsync(await api.CreateIdAsync("echo", """{"value":3}""")))["result"].GetInt32());
            Assert.Equal(HttpStatusCode.OK, (await api.GetAsync("health/ready")).Status);
        }
    }

    private static Task<ApiResponse> CreateLargeAsync(Api api) =>
        api.PostAsync("tasks/echo", $$"""{"input":{"value":"{{new string('x', LargeBytes)}}"},"ttlSeconds":5}""");
}
