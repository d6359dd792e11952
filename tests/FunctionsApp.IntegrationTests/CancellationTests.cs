using System.Diagnostics;
using System.Net;
using FunctionsApp.IntegrationTests.Hosting;
using FunctionsApp.IntegrationTests.Outbound;

namespace FunctionsApp.IntegrationTests;

/// <summary>
/// That work stops when its client goes away is seen from outside: on a host that runs one request at a time the next one
/// is refused until the first has ended.
/// </summary>
[Collection(FunctionsAppCollection.Name)]
public sealed class CancellationTests(UpstreamFixture upstream)
{
    // A worker waits up to 15 s for a request that was cut off before it had arrived.
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    private static readonly (string Key, string Value)[] OneAtATime =
    [
        ("AzureFunctionsJobHost__extensions__http__maxConcurrentRequests", "1"),
        ("AzureFunctionsJobHost__extensions__http__maxOutstandingRequests", "1"),
        ("Cpu__Threads", "1"),
    ];

    private const string Endless = """{"from":0,"to":1000000000000}""";

    [OwnHostFact]
    public async Task A_disconnect_stops_the_work_of_every_pattern()
    {
        await using var host = await Hosts.StartAsync(OneAtATime);
        using var api = host.Connect();
        foreach (var (path, body) in new[]
        {
            ("await/delay", """{"seconds":600}"""),
            ("await/primes.count", Endless),
            ("sequence", """{"steps":[{"operation":"delay","input":{"seconds":600}}]}"""),
            ("callback/delay", """{"input":{"seconds":600},"onSuccess":{"operation":"echo"}}"""),
            ("callback/echo", """{"input":{"value":1},"onSuccess":{"operation":"delay","input":{"seconds":600}}}"""),
            ("gather", """{"calls":[{"operation":"delay","input":{"seconds":600}},{"operation":"delay","input":{"seconds":600}}]}"""),
            ("map/primes.count", $$"""{"items":[{{Endless}},{{Endless}}]}"""),
            ("stream/count", """{"count":9,"intervalSeconds":600}"""),
            ("stream/count", """{"count":1000000000}"""),
        })
        {
            using var client = new CancellationTokenSource();
            var request = await OccupyAsync(api, token => api.SendAsync(path, body, cancellationToken: token), client.Token);
            await client.CancelAsync();
            try
            {
                (await request).Dispose();
            }
            catch (OperationCanceledException)
            {
                // Only a stream has begun to answer.
            }

            await PollAsync(api, static status => status == HttpStatusCode.OK, path);
        }
    }

    [OwnHostFact(Needs.Signals)]
    public async Task A_shutdown_cancels_running_work_and_responds_to_it()
    {
        var id = upstream.NewId();
        await using var host = await upstream.StartHostAsync();
        using var api = host.Connect();
        var request = api.PostAsync("gather", $$$"""
            {"calls":[
              {"operation":"delay","input":{"seconds":600}},
              {"operation":"primes.count","input":{{{Endless}}}},
              {"operation":"http.request","input":{{{upstream.Input($"/hang?id={id}")}}}}]}
            """);
        await upstream.Server.ArrivalAsync(id);

        host.Terminate();
        var response = await request.WaitAsync(Limit);
        await host.WaitForExitAsync();

        Assert.Equal(HttpStatusCode.ServiceUnavailable, response.Status);
        Assert.Equal("shutting-down", response.Problem);
        Assert.Equal(0, host.ExitCode);
    }

    [OwnHostFact(Needs.Signals)]
    public async Task A_shutdown_ends_streams_with_an_error()
    {
        await using var host = await Hosts.StartAsync();
        using var api = host.Connect();
        using var response = await api.SendAsync("stream/greet", """{"pauseSeconds":600}""");
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync());
        Assert.Equal("""{"value":"Hello, World!"}""", await reader.ReadLineAsync());

        host.Terminate();
        var last = await reader.ReadLineAsync().WaitAsync(Limit);

        Assert.StartsWith("""{"error":{"type":"/problems/shutting-down",""", last, StringComparison.Ordinal);
        await host.WaitForExitAsync();
    }

    /// <summary>Sends a request until it is the one that the host runs; an echo may have been quicker.</summary>
    private static async Task<Task<HttpResponseMessage>> OccupyAsync(
        Api api, Func<CancellationToken, Task<HttpResponseMessage>> send, CancellationToken cancellationToken)
    {
        while (true)
        {
            var request = send(cancellationToken);
            await PollAsync(api, status => status == HttpStatusCode.TooManyRequests || request.IsCompleted, "The request");
            if (!request.IsCompleted || (await request).StatusCode != HttpStatusCode.TooManyRequests)
            {
                return request;
            }
        }
    }

    private static async Task PollAsync(Api api, Predicate<HttpStatusCode> until, string what)
    {
        var watch = Stopwatch.StartNew();
        while (!until((await api.PostAsync("await/echo", """{"value":1}""")).Status))
        {
            Assert.True(watch.Elapsed < Limit, $"{what} kept the host.");
        }
    }
}
