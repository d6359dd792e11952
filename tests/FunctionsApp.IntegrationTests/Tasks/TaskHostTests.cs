using System.Diagnostics;
using System.Net;
using FunctionsApp.IntegrationTests.Hosting;

namespace FunctionsApp.IntegrationTests.Tasks;

/// <summary>Tasks and the process that runs them: who may, how it stops, and what else it does meanwhile.</summary>
[Collection(FunctionsAppCollection.Name)]
public sealed class TaskHostTests
{
    [EmbeddedFact("Hosts share a hub, and each of them serves its tasks.")]
    public async Task A_directory_has_one_host_at_a_time()
    {
        using var directory = new TaskDirectory();
        await using var first = await directory.StartAsync();
        using var api = first.Connect();
        var id = await api.CreateIdAsync("echo", """{"value":"kept"}""");
        await api.EndAsync(id);

        // The second one serves all but tasks.
        await using var second = await directory.StartAsync();
        using var secondApi = second.Connect();
        foreach (var response in new[] { await secondApi.TaskAsync(id), await secondApi.PostAsync("tasks/echo", """{"input":{"value":1}}"""), await secondApi.GetAsync("tasks") })
        {
            Assert.Equal((HttpStatusCode.InsufficientStorage, "storage-failed"), (response.Status, response.Problem));
        }

        Assert.Equal(HttpStatusCode.OK, (await secondApi.PostAsync("await/echo", """{"value":1}""")).Status);
        await Eventually.SeeAsync(() => Task.FromResult(second.Output), output => output.Contains(directory.Path, StringComparison.Ordinal), "The directory in the log");
        Assert.DoesNotContain("   at ", second.Error + second.Output, StringComparison.Ordinal);

        Assert.Equal("kept", (await api.TaskAsync(id))["result"].GetString());
        Assert.Equal("succeeded", (await api.EndAsync(await api.CreateIdAsync("echo", """{"value":2}"""))).State());

        // Whoever is killed gives it up, and whoever waits takes it.
        await first.KillAsync();
        var taken = await Eventually.SeeAsync(() => secondApi.TaskAsync(id), static response => response.Status == HttpStatusCode.OK, "The directory to be taken over");
        Assert.Equal("kept", taken["result"].GetString());
        await second.KillAsync();
        await using var next = await directory.StartAsync();
        using var nextApi = next.Connect();
        Assert.Equal("kept", (await nextApi.TaskAsync(id))["result"].GetString());
    }

    [EmbeddedFact("Queues of Azure Storage keep no order: after the restart another task may be the one to run.", Needs.Signals)]
    public async Task A_shutdown_responds_to_waiting_clients_and_interrupted_tasks_run_again()
    {
        using var directory = new TaskDirectory();
        string running, waiting;
        await using (var host = await directory.StartAsync(("Tasks__MaxRunning", "1")))
        {
            using var api = host.Connect();
            running = await api.CreateIdAsync("delay", """{"seconds":3600,"result":1}""");
            waiting = await api.CreateIdAsync("echo", """{"value":2}""");
            await api.StateAsync(running, "running");
            Task<ApiResponse>[] polls = [api.GetAsync($"tasks/{running}?waitSeconds=200"), api.GetAsync($"tasks/{waiting}?waitSeconds=200")];
            var preference = api.SendAsync(HttpMethod.Post, "await/echo", """{"value":3}""", ("Prefer", "respond-async, wait=200"));
            var events = await api.OpenEventsAsync(running);
            var watching = ServerEvents.ReadAsync(events).ToListAsync().AsTask();

            // The stream has begun; that the others wait is seen by the third task, and by the end of a poll that was sent after them.
            await Eventually.SeeAsync(() => api.ListAsync().CountAsync().AsTask(), static count => count == 3, "The third task");
            await api.GetAsync($"tasks/{running}?waitSeconds=0.5");
            host.Terminate();
            foreach (var response in await Task.WhenAll(polls))
            {
                Assert.Equal((HttpStatusCode.ServiceUnavailable, "shutting-down"), (response.Status, response.Problem));
            }

            // It has asked for a task, and there is one.
            Assert.Equal((HttpStatusCode.Accepted, "queued"), ((await preference).Status, (await preference).State()));
            var last = (await watching)[^1];
            Assert.Equal(("error", "/problems/shutting-down"), (last.Name, last.Data.GetProperty("type").GetString()));
            events.Dispose();
            await host.WaitForExitAsync();

            Assert.Equal(0, host.ExitCode);
        }

        await using (var host = await directory.StartAsync(("Tasks__MaxRunning", "1")))
        {
            using var api = host.Connect();
            var again = await api.StateAsync(running, "running");
            Assert.Equal(2, again["attempts"].GetInt32());
            Assert.Equal(("queued", 0), ((await api.TaskAsync(waiting)).State(), (await api.TaskAsync(waiting))["attempts"].GetInt32()));

            await api.CancelAsync(running);
            Assert.Equal(2, (await api.EndAsync(waiting))["result"].GetInt32());
        }
    }

    [EmbeddedFact("A host that is killed at once has not begun with the task: the hub's other hosts would.")]
    public async Task A_task_that_crashes_its_host_every_time_fails()
    {
        using var directory = new TaskDirectory();
        string id, patient;
        await using (var host = await directory.StartAsync())
        {
            using var api = host.Connect();
            id = await api.CreateIdAsync("delay", TaskRequests.Endless, "\"retry\":{\"maxAttempts\":2}");
            patient = await api.CreateIdAsync("delay", TaskRequests.Endless);
            await host.KillAsync();
        }

        await using (var host = await directory.StartAsync())
        {
            using var api = host.Connect();
            Assert.Equal(2, (await api.StateAsync(id, "running"))["attempts"].GetInt32());
            await api.StateAsync(patient, "running");
            await host.KillAsync();
        }

        await using (var host = await directory.StartAsync())
        {
            using var api = host.Connect();
            var ended = await api.EndAsync(id);

            Assert.Equal(("failed", 2, "/problems/interrupted"), (ended.State(), ended["attempts"].GetInt32(), ended["error"].GetProperty("type").GetString()));
            Assert.Equal(3, (await api.StateAsync(patient, "running"))["attempts"].GetInt32());
        }
    }

    [OwnHostFact]
    public Task Two_maps_that_run_as_tasks_do_not_delay_requests()
    {
        // Some 10 ms an item, and minutes in all.
        var items = string.Join(',', Enumerable.Repeat("""{"password":"a","salt":"b","iterations":20000}""", 20_000));
        return EnsureNoDelayAsync("tasks", $$"""{"pattern":"map","operation":"pbkdf2","request":{"items":[{{items}}]} }""");
    }

    [OwnHostFact]
    public Task Two_tasks_that_compute_do_not_delay_requests() =>

        // Without an end, and it cannot be put aside.
        EnsureNoDelayAsync("tasks/primes.count", """{"input":{"from":0,"to":1000000000000} }""");

    /// <summary>Has two tasks compute on two threads, and others wait for answers meanwhile.</summary>
    private static async Task EnsureNoDelayAsync(string path, string task)
    {
        await using var host = await Hosts.StartAsync(("Cpu__Threads", "2"));
        using var api = host.Connect();
        var ids = new[] { (await api.CreateAsync(path, task)).Id(), (await api.CreateAsync(path, task)).Id() };
        foreach (var id in ids)
        {
            await api.StateAsync(id, "running");
        }

        // Whoever had to wait for a task would wait for the end of it.
        await Eventually.SeeAsync(MedianAsync, static median => median < 250, "A median of less than 250 ms", TimeSpan.FromMinutes(1));
        Assert.All(await Task.WhenAll(ids.Select(id => api.TaskAsync(id))), static task => Assert.Equal("running", task.State()));

        async Task<double> MedianAsync()
        {
            var times = new List<double>();
            for (var i = 0; i < 31; i++)
            {
                var watch = Stopwatch.StartNew();
                Assert.Equal(9, (await api.PostAsync("await/math.square", """{"x":3}"""))["result"].GetInt32());
                times.Add(watch.Elapsed.TotalMilliseconds);
            }

            return times.Order().ElementAt(15);
        }
    }
}
