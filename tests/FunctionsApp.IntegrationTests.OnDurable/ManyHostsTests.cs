using System.Diagnostics;
using System.Net;
using FunctionsApp.IntegrationTests.Hosting;
using FunctionsApp.IntegrationTests.Tasks;
using FunctionsApp.IntegrationTests.Webhooks;
using Xunit.Abstractions;

namespace FunctionsApp.IntegrationTests;

/// <summary>Several hosts that share a task hub are one app: what one has accepted the others read, cancel and finish.</summary>
[Collection(FunctionsAppCollection.Name)]
public sealed class ManyHostsTests(ITestOutputHelper output)
{
    private const int Seed = 20_261;
    private const int Rounds = 8;

    /// <summary>When the attempts of a host that has died begin elsewhere.</summary>
    private static readonly TimeSpan TakeOver = TimeSpan.FromSeconds(60);

    /// <summary>
    /// How long a webhook may take after the end of its task, where nothing but loss is a failure. A message that a host had taken when it
    /// was killed, or when it handed its partition to a host that started, is visible to the others 30 s later, and one task may meet
    /// several of them in a row.
    /// </summary>
    private static readonly TimeSpan Delivery = TakeOver + TimeSpan.FromSeconds(4 * 30);

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
            {"pattern":"sequence","request":{"steps":[{"operation":"delay","input":{"seconds":1}},{"operation":"delay","input":{"seconds":1}},{"operation":"echo","input":{"value":1}}]}}
            """)).Id();
        var events = await other.WatchAsync(watched).ToListAsync();
        Assert.Equal(events.Select(static change => change.Id).Distinct().Order(), events.Select(static change => change.Id));
        Assert.Contains(events, static change => change.Completed == 1);
        Assert.Equal("succeeded", events[^1].Status);
    }

    [OwnHostFact]
    public async Task A_task_of_one_host_is_cancelled_on_another_within_two_seconds()
    {
        using var hub = new TaskDirectory();
        await using var first = await hub.StartAsync();
        await using var second = await hub.StartAsync();
        using Api one = first.Connect(), other = second.Connect();
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

        Assert.InRange(times.Order().ElementAt(2), 0, 2);
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

    [OwnHostFact]
    public async Task Tasks_of_a_killed_host_run_elsewhere_until_no_attempt_is_left()
    {
        using var hub = new TaskDirectory();
        var hosts = new List<AppHost> { await hub.StartAsync() };
        try
        {
            using var api = hosts[0].Connect();
            var id = await api.CreateIdAsync("delay", TaskRequests.Endless, "\"retry\":{\"maxAttempts\":2}");
            await api.StateAsync(id, "running");

            hosts.Add(await hub.StartAsync());
            using var other = hosts[1].Connect();
            await hosts[0].KillAsync();
            var watch = Stopwatch.StartNew();
            while ((await other.TaskAsync(id))["attempts"].GetInt32() < 2)
            {
                Assert.InRange(watch.Elapsed, TimeSpan.Zero, TakeOver);
                await Task.Delay(100);
            }

            output.WriteLine(FormattableString.Invariant($"Taken over after {watch.Elapsed.TotalSeconds:0.0} s."));
            hosts.Add(await hub.StartAsync());
            using var last = hosts[2].Connect();
            await hosts[1].KillAsync();
            var ended = await last.GetAsync($"tasks/{id}?waitSeconds={TakeOver.TotalSeconds}");

            Assert.Equal(("failed", 2, "/problems/interrupted"), (ended.State(), ended["attempts"].GetInt32(), ended["error"].GetProperty("type").GetString()));
        }
        finally
        {
            foreach (var host in hosts)
            {
                await host.DisposeAsync();
            }
        }
    }

    [OwnHostFact(Needs.Signals)]
    public async Task An_attempt_of_a_paused_host_is_repeated_by_another_and_ends_the_task_once()
    {
        using var hub = new TaskDirectory();
        await using var first = await hub.StartAsync();
        using var one = first.Connect();
        var id = await one.CreateIdAsync("delay", """{"seconds":12,"result":"done"}""", "\"retry\":{\"maxAttempts\":2}");
        await one.StateAsync(id, "running");

        await using var second = await hub.StartAsync();
        using var other = second.Connect();
        first.Pause();
        var watch = Stopwatch.StartNew();
        while ((await other.TaskAsync(id))["attempts"].GetInt32() < 2)
        {
            Assert.InRange(watch.Elapsed, TimeSpan.Zero, TakeOver);
            await Task.Delay(100);
        }

        // The first wakes while the second works.
        first.Resume();
        var ended = await other.EndAsync(id);

        Assert.Equal(("succeeded", "done", 2), (ended.State(), ended["result"].GetString(), ended["attempts"].GetInt32()));
    }

    [OwnHostFact]
    public async Task No_accepted_task_is_lost_when_hosts_are_killed_at_random()
    {
        using var hub = new TaskDirectory();
        await using var receiver = await WebhookReceiver.StartAsync();
        var ledger = new TaskLedger(receiver);

        // Enough attempts that no receiver is given up, however often the last of them is cut off.
        (string, string)[] settings = WebhookFixture.Settings([0, .. Enumerable.Repeat(0.2, 30)]);
        var random = new Random(Seed);
        AppHost[] hosts = [await hub.StartAsync(settings), await hub.StartAsync(settings), await hub.StartAsync(settings)];
        try
        {
            for (var round = 0; round < Rounds; round++)
            {
                var victim = random.Next(hosts.Length);
                using Api api = hosts[victim].Connect(), other = hosts[(victim + 1) % hosts.Length].Connect();
                await ledger.RepeatAsync(other);
                var works = Enumerable.Range(0, 6).Select(_ => ledger.NewWork(random)).ToArray();
                var clients = works.Select((work, index) => ledger.SendAsync(index % 2 == 0 ? api : other, work)).Append(ledger.WatchAsync(api)).ToArray();
                await Task.Delay(random.Next(1_500));
                await hosts[victim].KillAsync();
                await Task.WhenAll(clients);
                await hosts[victim].DisposeAsync();
                hosts[victim] = await hub.StartAsync(settings);
            }

            using var last = hosts[0].Connect();
            await ledger.RepeatAsync(last);
            await ledger.EndAsync(last, Delivery);
            using var again = hosts[1].Connect();
            await ledger.AccountAsync(again);
            output.WriteLine(ledger.ToString());
        }
        finally
        {
            foreach (var host in hosts)
            {
                await host.DisposeAsync();
            }
        }
    }

    [OwnHostFact(Needs.Signals)]
    public async Task A_rolling_restart_loses_no_task()
    {
        using var hub = new TaskDirectory();
        AppHost[] hosts = [await hub.StartAsync(), await hub.StartAsync()];
        try
        {
            var ids = new List<string>();
            for (var i = 0; i < hosts.Length; i++)
            {
                using (var leaving = hosts[i].Connect())
                {
                    ids.Add(await leaving.CreateIdAsync("delay", """{"seconds":3,"result":"done"}"""));
                    ids.Add(await leaving.CreateIdAsync("delay", """{"seconds":3,"result":"done"}"""));
                    await leaving.StateAsync(ids[^1], "running");
                }

                using var staying = hosts[1 - i].Connect();
                hosts[i].Terminate();
                for (var left = hosts[i].WaitForExitAsync(); !left.IsCompleted;)
                {
                    ids.Add(await staying.CreateIdAsync("echo", """{"value":"done"}"""));
                }

                await hosts[i].DisposeAsync();
                hosts[i] = await hub.StartAsync();
            }

            using var api = hosts[0].Connect();
            foreach (var id in ids)
            {
                var ended = await api.EndAsync(id);
                Assert.Equal(("succeeded", "done"), (ended.State(), ended["result"].GetString()));
            }
        }
        finally
        {
            foreach (var host in hosts)
            {
                await host.DisposeAsync();
            }
        }
    }

    [OwnHostFact]
    public async Task Storage_that_goes_away_refuses_tasks_and_heals()
    {
        await using var storage = await Azurite.StartNewAsync();
        using var hub = new TaskDirectory();
        await using var host = await hub.StartAsync(("AzureWebJobsStorage", storage.ConnectionString));
        using var api = host.Connect();
        var kept = await api.CreateIdAsync("echo", """{"value":"kept"}""");
        await api.EndAsync(kept);

        await storage.StopAsync();
        var watch = Stopwatch.StartNew();
        var refused = await api.PostAsync("tasks/echo", """{"input":{"value":1}}""");
        Assert.Equal((HttpStatusCode.InsufficientStorage, "storage-failed"), (refused.Status, refused.Problem));
        Assert.Equal("storage-failed", (await api.TaskAsync(kept)).Problem);
        Assert.InRange(watch.Elapsed.TotalSeconds, 0, 30);
        Assert.Equal("storage-failed", (await api.GetAsync("health/ready")).Problem);
        Assert.Equal(HttpStatusCode.OK, (await api.PostAsync("await/echo", """{"value":1}""")).Status);

        await storage.StartAsync();
        await Eventually.SeeAsync(() => api.GetAsync("health/ready"), static response => response.Status == HttpStatusCode.OK, "The host to be ready again");
        Assert.Equal("kept", (await api.TaskAsync(kept))["result"].GetString());
        Assert.Equal(2, (await api.EndAsync(await api.CreateIdAsync("echo", """{"value":2}""")))["result"].GetInt32());
    }
}
