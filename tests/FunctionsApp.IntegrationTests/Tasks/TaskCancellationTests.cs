using System.Net;
using FunctionsApp.IntegrationTests.Hosting;
using FunctionsApp.IntegrationTests.Outbound;

namespace FunctionsApp.IntegrationTests.Tasks;

/// <summary>That cancelling a task stops its work, whatever state it is in, is seen from outside: by the server that it calls, and by the core that it uses.</summary>
[Collection(FunctionsAppCollection.Name)]
public sealed class TaskCancellationTests(UpstreamFixture upstream) : IClassFixture<UpstreamFixture>
{
    [OwnHostFact]
    public async Task An_outbound_request_in_flight_is_closed()
    {
        foreach (var (path, body) in new[]
        {
            ("tasks/http.request", """{"input":{0}}"""),
            ("tasks", """{"pattern":"sequence","request":{"steps":[{"operation":"http.request","input":{0}}]}}"""),
            ("tasks", """{"pattern":"gather","request":{"calls":[{"operation":"delay","input":{"seconds":3600}},{"operation":"http.request","input":{0}}]}}"""),
        })
        {
            var call = upstream.NewId();
            var task = await upstream.Api.CreateAsync(path, body.Replace("{0}", upstream.Input($"/hang?id={call}"), StringComparison.Ordinal));
            await upstream.Server.ArrivalAsync(call);

            var cancelled = await upstream.Api.CancelAsync(task.Id());
            await upstream.Server.CutOffAsync(call);

            Assert.Equal((HttpStatusCode.Accepted, "cancelling"), (cancelled.Status, cancelled.State()));
            Assert.Equal(("cancelled", 1), ((await upstream.Api.EndAsync(task.Id())).State(), upstream.Server.Requests(call).Count));
        }
    }

    [OwnHostFact]
    public async Task A_cancelled_computation_frees_its_core()
    {
        await using var host = await Hosts.StartAsync(("Cpu__Threads", "1"));
        using var api = host.Connect();
        foreach (var (path, body) in new[]
        {
            ("tasks/primes.count", """{"input":{"from":0,"to":1000000000000}}"""),
            ("tasks", """{"pattern":"map","operation":"primes.count","request":{"items":[{"from":0,"to":1000000000000},{"from":0,"to":1000000000000}]}}"""),
        })
        {
            var id = (await api.CreateAsync(path, body)).Id();
            await api.StateAsync(id, "running");
            await Eventually.SeeAsync(() => BusyAsync(host), static share => share > 0.2, "The core to be used");

            await api.CancelAsync(id);
            Assert.Equal("cancelled", (await api.EndAsync(id)).State());

            // The computation has no end: if it had not been stopped, the host would never be idle again.
            await Eventually.SeeAsync(() => BusyAsync(host), static share => share < 0.1, "The core to be given back");
        }
    }

    [OwnHostFact]
    public async Task A_queued_task_never_runs_and_makes_room()
    {
        await using var host = await upstream.StartHostAsync(("Tasks__MaxRunning", "1"));
        using var api = host.Connect();
        var (first, last) = (upstream.NewId(), upstream.NewId());
        var running = await api.CreateIdAsync("http.request", upstream.Input($"/hang?id={first}"));
        await upstream.Server.ArrivalAsync(first);
        var never = upstream.NewId();
        var waiting = await api.CreateIdAsync("http.request", upstream.Input($"/echo?id={never}"));
        var next = await api.CreateIdAsync("http.request", upstream.Input($"/echo?id={last}"));

        Assert.Equal("queued", (await api.TaskAsync(waiting)).State());
        Assert.Equal(HttpStatusCode.Accepted, (await api.CancelAsync(waiting)).Status);
        var cancelled = await api.EndAsync(waiting);
        Assert.Equal(("cancelled", 0, false), (cancelled.State(), cancelled["attempts"].GetInt32(), cancelled.Body.TryGetProperty("startedAt", out _)));

        await api.CancelAsync(running);
        Assert.Equal("succeeded", (await api.EndAsync(next)).State());
        Assert.Equal((0, 1), (upstream.Server.Requests(never).Count, upstream.Server.Requests(last).Count));
    }

    [OwnHostFact]
    public async Task A_task_that_waits_for_a_retry_is_not_retried()
    {
        // On a slow machine the cancellation may come too late: then the pause is longer the next time.
        for (var pause = 2; ; pause *= 2)
        {
            var call = upstream.NewId();
            var id = await upstream.Api.CreateIdAsync(
                "http.request",
                upstream.Input($"/busy?status=500&id={call}", "\"raiseForStatus\":true,\"maxRetries\":0"),
                FormattableString.Invariant($"\"retry\":{{\"maxAttempts\":9,\"initialDelaySeconds\":{pause},\"backoff\":1}}"));
            var waiting = await Eventually.SeeAsync(
                () => upstream.Api.TaskAsync(id), static task => task.Body.TryGetProperty("nextAttemptAt", out _), "The second attempt to be planned");
            await upstream.Api.CancelAsync(id);
            var planned = waiting.Time("nextAttemptAt");
            if (DateTimeOffset.UtcNow > planned.AddSeconds(-1))
            {
                continue;
            }

            // By then it would have been made.
            await Eventually.SeeAsync(
                () => Task.FromResult(DateTimeOffset.UtcNow), now => now > planned.AddSeconds(0.5), "The time of the second attempt to pass", TimeSpan.FromMinutes(2));

            var cancelled = await upstream.Api.EndAsync(id);
            Assert.Equal(("cancelled", 1, false), (cancelled.State(), cancelled["attempts"].GetInt32(), cancelled.Body.TryGetProperty("nextAttemptAt", out _)));
            Assert.Single(upstream.Server.Requests(call));
            return;
        }
    }

    [EmbeddedFact("Queues of Azure Storage keep no order: any two of the three tasks may run.")]
    public async Task A_cancelled_task_stays_cancelled_when_the_host_is_killed_at_once()
    {
        using var directory = new TaskDirectory();
        (string, string)[] settings = [("Tasks__MaxRunning", "2"), ("Outbound__AllowedHosts__0", "127.0.0.1")];
        var calls = new[] { upstream.NewId(), upstream.NewId(), upstream.NewId() };
        var ids = new List<string>();
        await using (var host = await directory.StartAsync(settings))
        {
            // Two that run and one that waits.
            using var api = host.Connect();
            foreach (var call in calls)
            {
                ids.Add(await api.CreateIdAsync("http.request", upstream.Input($"/hang?id={call}")));
            }

            await upstream.Server.ArrivalAsync(calls[0]);
            await upstream.Server.ArrivalAsync(calls[1]);

            // The one that waits is the first to be cancelled: else it could have the place of another.
            ApiResponse[] responses = [await api.CancelAsync(ids[2]), .. await Task.WhenAll(api.CancelAsync(ids[0]), api.CancelAsync(ids[1]))];
            await host.KillAsync();
            Assert.All(responses, static response => Assert.Equal(HttpStatusCode.Accepted, response.Status));
        }

        await using (var host = await directory.StartAsync(settings))
        {
            using var api = host.Connect();
            foreach (var id in ids)
            {
                Assert.Equal("cancelled", (await api.EndAsync(id)).State());
            }

            // What comes after them has its turn, so theirs has passed.
            Assert.Equal("succeeded", (await api.EndAsync(await api.CreateIdAsync("echo", """{"value":1}"""))).State());
        }

        Assert.Equal([1, 1, 0], calls.Select(call => upstream.Server.Requests(call).Count));
    }

    /// <summary>How much of a core a host uses now.</summary>
    private static async Task<double> BusyAsync(AppHost host)
    {
        var window = TimeSpan.FromMilliseconds(300);
        var before = host.ProcessorTime;
        await Task.Delay(window);
        return (host.ProcessorTime - before) / window;
    }
}
