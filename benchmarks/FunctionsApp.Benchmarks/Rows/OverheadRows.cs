using System.Diagnostics;
using FunctionsApp.TestHost;

namespace FunctionsApp.Benchmarks.Rows;

/// <summary>What we add to Kestrel.</summary>
internal static class OverheadRows
{
    private const int Connections = 64;

    private static readonly TimeSpan LoadDuration = TimeSpan.FromSeconds(1.5);

    internal static readonly byte[] EchoRequest = Server.Request("await/echo", """{"value":"The quick brown fox"}"""u8.ToArray());

    public static IEnumerable<Row> All => [Echo, Start, WorkerStart];

    private static Row Echo => new("overhead", $"`await/echo` over {Connections} connections", Metric.RequestsPerSecond)
    {
        How = $"Each connection has one request under way, for {LoadDuration.TotalSeconds:F1} s a run; the client is one thread on raw sockets.",
        Bound = "What is ours is spread thin: no function of it takes more than 0.3 µs of some 16 a request. It is what the contract asks of every request: its memory account, its time limit and cancellation, its share of the cores, metrics, and problems by name.",
        WarmUps = 3,
        Runs = 7,
        EnterAsync = static async stage =>
        [
            Echoing(ServerApp.LocalHost, await stage.StartAsync(ServerApp.LocalHost)),
            Echoing(ServerApp.Bare, await stage.StartAsync(ServerApp.Bare)) with { Goal = Goal.Speed(0.95) },
        ],
    };

    private static Row Start => new("overhead", "process start to first response", Metric.Milliseconds)
    {
        How = "From starting `dotnet …dll` until `GET api/health/live` responds 200, requested every millisecond.",
        Runs = 11,
        EnterAsync = static _ => Task.FromResult<Contestant[]>([Starting(ServerApp.LocalHost), Starting(ServerApp.Bare) with { Goal = Goal.Most("time", 1.4) }]),
    };

    private static Row WorkerStart => new("overhead", "worker start to first response", Metric.Milliseconds)
    {
        How = "The deployment package, started by TestHost as the platform does, until `GET api/health/live` responds 200; TestHost itself runs already.",
        WarmUps = 2,
        Runs = 11,
        EnterAsync = static _ => Task.FromResult<Contestant[]>([StartingWorker, Starting(ServerApp.Bare) with { Goal = Goal.Most("time", 5) }]),
    };

    private static Contestant StartingWorker => new("the package on TestHost", async () =>
    {
        var tasks = Directory.CreateTempSubdirectory("functions-tasks-");
        var options = new TestHostOptions
        {
            PackageDirectory = Path.Combine(AppContext.BaseDirectory, "package"),
            Settings = new Dictionary<string, string>(StringComparer.Ordinal) { ["Tasks__Directory"] = tasks.FullName },
        };
        var started = Stopwatch.GetTimestamp();
        await using (var host = await FunctionsTestHost.StartAsync(options))
        {
            using var client = new HttpClient { BaseAddress = host.BaseAddress };
            (await client.GetAsync(new Uri("api/health/live", UriKind.Relative))).EnsureSuccessStatusCode();
            var elapsed = Stopwatch.GetElapsedTime(started).TotalMilliseconds;
            host.Worker.Kill();
            await host.Worker.WaitForExitAsync();
            tasks.Delete(recursive: true);
            return elapsed;
        }
    });

    private static Contestant Echoing(ServerApp app, Server server) =>
        new(app.Name, () => Task.Run(() => Load.RequestsPerSecond(server, EchoRequest, Connections, LoadDuration)));

    private static Contestant Starting(ServerApp app) => new(app.Name, async () =>
    {
        var started = Stopwatch.GetTimestamp();
        await using var server = await Server.StartAsync(app);
        return Stopwatch.GetElapsedTime(started).TotalMilliseconds;
    });
}
