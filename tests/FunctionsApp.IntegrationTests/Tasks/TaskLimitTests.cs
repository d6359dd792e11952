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
        var waiting = await api.GetAsync($"tasks/{task.Id()}?waitSeconds=3");
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

        // There is room for three. They are kept for some seconds: on a slow machine the first may have gone before the limit is reached.
        Assert.InRange(accepted.Count, 3, 9);
        var later = await Eventually.SeeAsync(() => CreateLargeAsync(api), static response => response.Status == HttpStatusCode.Accepted, "Room");
        Assert.Equal(LargeBytes, (await api.EndAsync(later.Id()))["result"].GetString()!.Length);
    }

    private static Task<ApiResponse> CreateLargeAsync(Api api) =>
        api.PostAsync("tasks/echo", $$"""{"input":{"value":"{{new string('x', LargeBytes)}}"},"ttlSeconds":5}""");
}
