using System.Diagnostics;
using FunctionsApp.IntegrationTests.Hosting;

namespace FunctionsApp.IntegrationTests;

/// <summary>Several hosts that share a task hub are one app: what one has accepted the others read and cancel.</summary>
[Collection(FunctionsAppCollection.Name)]
public sealed class ManyHostsTests
{
    [OwnHostFact]
    public async Task A_task_of_one_host_is_read_and_watched_on_another()
    {
        using var hub = new TaskDirectory();
        await using var first = await hub.StartAsync();
        await using var second = await hub.StartAsync();
        using Api one = first.Connect(), other = second.Connect();

        var id = await one.CreateIdAsync("echo", """{"value":"here"}""");
        Assert.Equal("here", (await other.EndAsync(id))["result"].GetString());
        Assert.Equal((await one.TaskAsync(id)).Body.GetRawText(), (await other.TaskAsync(id)).Body.GetRawText());
        Assert.Contains(id, await other.ListAsync().Select(static task => task.GetProperty("id").GetString()).ToListAsync());

        var watched = (await one.CreateAsync("tasks", """
            {"pattern":"sequence","request":{"steps":[{"operation":"echo","input":{"value":1}},{"operation":"delay","input":{"seconds":3600}}]}}
            """)).Id();
        var watching = other.WatchAsync(watched).ToListAsync().AsTask();
        await Eventually.SeeAsync(
            () => other.TaskAsync(watched), static task => task.Body.TryGetProperty("progress", out var progress) && progress.GetProperty("completed").GetInt64() == 1, "The progress");
        await one.CancelAsync(watched);
        var events = await watching.WaitAsync(TimeSpan.FromMinutes(1));
        Assert.Equal(events.Select(static change => change.Id).Distinct().Order(), events.Select(static change => change.Id));
        Assert.Contains(events, static change => change.Completed == 1);
        Assert.Equal("cancelled", events[^1].Status);
    }

    [OwnHostFact]
    public async Task A_task_of_one_host_is_cancelled_on_another_within_two_seconds()
    {
        using var hub = new TaskDirectory();
        await using var first = await hub.StartAsync();
        await using var second = await hub.StartAsync();
        using Api one = first.Connect(), other = second.Connect();
        await Eventually.SeeAsync(MedianAsync, static median => median < 2, "A median of less than 2 s", TimeSpan.FromMinutes(1));

        async Task<double> MedianAsync()
        {
            var times = new List<double>();
            for (var i = 0; i < 5; i++)
            {
                var id = await one.CreateIdAsync("delay", TaskRequests.Endless);
                await other.StateAsync(id, "running");
                var watch = Stopwatch.StartNew();
                Assert.Equal("cancelling", (await other.CancelAsync(id)).State());
                Assert.Equal("cancelled", (await one.EndAsync(id)).State());
                times.Add(watch.Elapsed.TotalSeconds);
            }

            return times.Order().ElementAt(2);
        }
    }

    [OwnHostFact]
    public async Task The_same_key_on_two_hosts_at_once_is_one_task()
    {
        using var hub = new TaskDirectory();
        await using var first = await hub.StartAsync();
        await using var second = await hub.StartAsync();
        using Api one = first.Connect(), other = second.Connect();
        for (var i = 0; i < 5; i++)
        {
            (string, string) key = ("Idempotency-Key", FormattableString.Invariant($"key-{i}"));
            var created = await Task.WhenAll(Enumerable.Range(0, 8).Select(n => (n % 2 == 0 ? one : other).CreateAsync("tasks/echo", """{"input":{"value":1}}""", key)));
            var id = Assert.Single(created.Select(static response => response.Id()).Distinct());
            Assert.Equal(1, (await one.EndAsync(id))["attempts"].GetInt32());

            var refused = await other.SendAsync(HttpMethod.Post, "tasks/echo", """{"input":{"value":2}}""", key);
            Assert.Equal("idempotency-key-reused", refused.Problem);
        }

        Assert.Equal(5, await one.ListAsync().CountAsync());
    }
}
