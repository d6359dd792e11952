using System.Diagnostics;
using System.Net;
using FunctionsApp.IntegrationTests.Hosting;
using FunctionsApp.IntegrationTests.Tasks;
using FunctionsApp.IntegrationTests.Webhooks;
using Xunit.Abstractions;

[assembly: CollectionBehavior(MaxParallelThreads = 2)]

namespace FunctionsApp.IntegrationTests;

/// <summary>
/// Of several hosts that share a task hub, some are lost: the others finish what those have accepted. These tests wait for most of
/// their time, half a minute for each message that a lost host had taken. So two of the classes run at once, on hubs of their own.
/// </summary>
public abstract class LostHostTests
{
    /// <summary>When the attempts of a host that has died begin elsewhere.</summary>
    protected static TimeSpan TakeOver { get; } = TimeSpan.FromSeconds(90);

    /// <summary>
    /// How long a task or a webhook may take, where nothing but loss is a failure. A message that a host had taken when it was killed, or
    /// when it handed its partition to a host that started, is visible to the others 30 s later, and one task may meet several of them in a
    /// row.
    /// </summary>
    protected static TimeSpan Limit { get; } = TakeOver + TimeSpan.FromSeconds(4 * 30);

    /// <summary>Starts a host, and waits until it has the hub, which takes long for the first of them.</summary>
    protected static async Task<AppHost> StartAsync(TaskDirectory hub, params (string Key, string Value)[] settings)
    {
        var host = await hub.StartAsync(settings);
        try
        {
            using var api = host.Connect();
            await Eventually.SeeAsync(() => api.GetAsync("tasks"), static response => response.Status == HttpStatusCode.OK, "The hub", TakeOver);
            return host;
        }
        catch
        {
            await host.DisposeAsync();
            throw;
        }
    }

    /// <summary>Waits until a task runs for the second time.</summary>
    protected static Task TakenOverAsync(Api api, string id) => Eventually.SeeAsync(
        () => api.TaskAsync(id), static task => task["attempts"].GetInt32() == 2, "The second attempt", TakeOver);
}

/// <inheritdoc/>
public sealed class KilledHostTests(ITestOutputHelper output) : LostHostTests
{
    [OwnHostFact]
    public async Task Tasks_of_a_killed_host_run_elsewhere_until_no_attempt_is_left()
    {
        using var hub = new TaskDirectory();
        var hosts = new List<AppHost> { await StartAsync(hub) };
        try
        {
            using var api = hosts[0].Connect();
            var id = await api.CreateIdAsync("delay", TaskRequests.Endless, "\"retry\":{\"maxAttempts\":2}");
            await api.StateAsync(id, "running");

            hosts.Add(await StartAsync(hub));
            using var other = hosts[1].Connect();
            await hosts[0].KillAsync();
            var watch = Stopwatch.StartNew();
            await TakenOverAsync(other, id);
            output.WriteLine(FormattableString.Invariant($"Taken over after {watch.Elapsed.TotalSeconds:0.0} s."));
            hosts.Add(await StartAsync(hub));
            using var last = hosts[2].Connect();
            await hosts[1].KillAsync();
            var ended = await last.EndAsync(id, TakeOver);

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
}

/// <inheritdoc/>
public sealed class PausedHostTests : LostHostTests
{
    [OwnHostFact(Needs.Signals)]
    public async Task An_attempt_of_a_paused_host_is_repeated_by_another_and_ends_the_task_once()
    {
        using var hub = new TaskDirectory();
        await using var first = await StartAsync(hub);
        using var one = first.Connect();
        var id = await one.CreateIdAsync("delay", """{"seconds":25,"result":"done"}""", "\"retry\":{\"maxAttempts\":2}");
        await one.StateAsync(id, "running");

        await using var second = await StartAsync(hub);
        using var other = second.Connect();
        first.Pause();
        await TakenOverAsync(other, id);

        // The first wakes while the second works.
        first.Resume();
        var ended = await other.EndAsync(id);

        Assert.Equal(("succeeded", "done", 2), (ended.State(), ended["result"].GetString(), ended["attempts"].GetInt32()));
    }
}

/// <inheritdoc/>
public sealed class RandomlyKilledHostTests(ITestOutputHelper output) : LostHostTests
{
    private const int Seed = 20_261;
    private const int Rounds = 8;

    [OwnHostFact]
    public async Task No_accepted_task_is_lost_when_hosts_are_killed_at_random()
    {
        using var hub = new TaskDirectory();
        await using var receiver = await WebhookReceiver.StartAsync();
        var ledger = new TaskLedger(receiver);

        // Enough attempts that no receiver is given up, however often the last of them is cut off.
        (string, string)[] settings = WebhookFixture.Settings([0, .. Enumerable.Repeat(0.2, 30)]);
        var random = new Random(Seed);
        AppHost[] hosts = [await StartAsync(hub, settings), await StartAsync(hub, settings), await StartAsync(hub, settings)];
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
                hosts[victim] = await StartAsync(hub, settings);
            }

            using var last = hosts[0].Connect();
            await ledger.RepeatAsync(last);
            await ledger.EndAsync(last, Limit);
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
}

/// <inheritdoc/>
public sealed class RestartedHostTests : LostHostTests
{
    [OwnHostFact(Needs.Signals)]
    public async Task A_rolling_restart_loses_no_task()
    {
        using var hub = new TaskDirectory();
        AppHost[] hosts = [await StartAsync(hub), await StartAsync(hub)];
        try
        {
            var ids = new List<string>();
            for (var i = 0; i < hosts.Length; i++)
            {
                using (var leaving = hosts[i].Connect())
                {
                    ids.Add(await leaving.CreateIdAsync("delay", """{"seconds":3,"result":"done"}"""));
                    ids.Add(await leaving.CreateIdAsync("delay", """{"seconds":3,"result":"done"}"""));
                    await Eventually.SeeAsync(() => leaving.TaskAsync(ids[^1]), static task => task.State() != "queued", "The task to run");
                }

                using var staying = hosts[1 - i].Connect();
                hosts[i].Terminate();
                for (var left = hosts[i].WaitForExitAsync(); !left.IsCompleted;)
                {
                    ids.Add(await staying.CreateIdAsync("echo", """{"value":"done"}"""));
                }

                await hosts[i].DisposeAsync();
                hosts[i] = await StartAsync(hub);
            }

            using var api = hosts[0].Connect();
            foreach (var id in ids)
            {
                var ended = await api.EndAsync(id, Limit);
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
        await using var host = await StartAsync(hub, ("AzureWebJobsStorage", storage.ConnectionString));
        using var api = host.Connect();
        var kept = await api.CreateIdAsync("echo", """{"value":"kept"}""");
        await api.EndAsync(kept);

        await storage.StopAsync();
        var watch = Stopwatch.StartNew();
        var refused = await api.PostAsync("tasks/echo", """{"input":{"value":1}}""");
        Assert.Equal((HttpStatusCode.InsufficientStorage, "storage-failed"), (refused.Status, refused.Problem));
        Assert.Equal("storage-failed", (await api.TaskAsync(kept)).Problem);
        Assert.InRange(watch.Elapsed.TotalSeconds, 0, 60);
        Assert.Equal("storage-failed", (await api.GetAsync("health/ready")).Problem);
        Assert.Equal(HttpStatusCode.OK, (await api.PostAsync("await/echo", """{"value":1}""")).Status);

        await storage.StartAsync();
        await Eventually.SeeAsync(() => api.GetAsync("health/ready"), static response => response.Status == HttpStatusCode.OK, "The host to be ready again");
        Assert.Equal("kept", (await api.TaskAsync(kept))["result"].GetString());
        Assert.Equal(2, (await api.EndAsync(await api.CreateIdAsync("echo", """{"value":2}""")))["result"].GetInt32());
    }
}
