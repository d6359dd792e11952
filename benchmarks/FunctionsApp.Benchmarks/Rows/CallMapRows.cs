using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Headers;
using System.Text;

namespace FunctionsApp.Benchmarks.Rows;

/// <summary>Items that wait: a call for each, a bounded number at once.</summary>
internal static class CallMapRows
{
    private const int Calls = 20_000;
    private const int Limit = 200;

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(20);

    public static IEnumerable<Row> All =>
    [
        Http($"{Calls:N0} HTTP calls of 20 ms, {Limit} at once", Pause, atMostMs: 1.1 * Calls / Limit * Pause.TotalMilliseconds, pythonSpeed: 1, nodeSpeed: 1),
        Http($"{Calls:N0} HTTP calls, {Limit} at once", TimeSpan.Zero, atMostMs: null, pythonSpeed: 2, nodeSpeed: 1),
        Memory,
    ];

    private static Row Http(string work, TimeSpan pause, double? atMostMs, double pythonSpeed, double nodeSpeed) => new("map", work, Metric.Milliseconds)
    {
        How = "One NDJSON `POST api/map/http.request` to a server in the benchmark's process, from the request to the last result; the peers fetch the same URL as often.",
        Runs = 5,
        EnterAsync = async stage =>
        {
            var slow = stage.Add(await SlowServer.StartAsync(pause));
            var host = await stage.StartAsync(ServerApp.LocalHost, ("Outbound__AllowedHosts__0", string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{slow.Url.Port}")));
            var lines = Lines($$"""{"url":"{{slow.Url}}"}""", Calls);
            return
            [
                new(ServerApp.LocalHost.Name, () => MapAsync(host, $"map/http.request?maxConcurrency={Limit}", lines, Calls))
                {
                    Goal = atMostMs is { } most ? Goal.AtMost(most) : null,
                },
                stage.PythonWith("aiohttp", "aiohttp with a Semaphore", "map_http.py", Calls, Limit, slow.Url) with { Goal = Goal.Speed(pythonSpeed) },
                stage.Node("fetch with a limit", "map_http.mjs", Calls, Limit, slow.Url) with { Goal = Goal.Speed(nodeSpeed) },
            ];
        },
    };

    private static Row Memory => new("map", "memory of an NDJSON map of calls", Metric.Mebibytes)
    {
        How = "The most memory resident at once (`VmHWM`) in a new LocalHost that has served one `POST api/map/echo` of as many lines.",
        WarmUps = 0,
        EnterAsync = static _ => Task.FromResult<Contestant[]>(OperatingSystem.IsLinux()
            ? [Peak(1_000_000) with { Goal = Goal.AtMost(130) }, Peak(100_000) with { Goal = Goal.Most("memory", 1.1) }]
            : [Contestant.Absent(ServerApp.LocalHost.Name, "only Linux reports it")]),
    };

    private static Contestant Peak(int items) => new($"{ServerApp.LocalHost.Name}, {items:N0} items", async () =>
    {
        await using var host = await Server.StartAsync(ServerApp.LocalHost);
        await MapAsync(host, "map/echo", Lines("1", items), items);
        return host.PeakMemory;
    });

    private static byte[] Lines(string line, int count) => Encoding.UTF8.GetBytes(new StringBuilder().Insert(0, line + "\n", count).ToString());

    /// <summary>Sends lines, and counts those of the response.</summary>
    /// <returns>The milliseconds from the request to the last line.</returns>
    private static async Task<double> MapAsync(Server host, string path, byte[] lines, int items)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(path, UriKind.Relative)) { Content = new ByteArrayContent(lines) };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/x-ndjson");
        var started = Stopwatch.GetTimestamp();
        using var response = await host.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        await using var body = await response.EnsureSuccessStatusCode().Content.ReadAsStreamAsync();
        var (buffer, count) = (new byte[64 * 1024], 0);
        for (var read = await body.ReadAsync(buffer); read > 0; read = await body.ReadAsync(buffer))
        {
            count += buffer.AsSpan(0, read).Count((byte)'\n');
        }

        return count == items + 1
            ? Stopwatch.GetElapsedTime(started).TotalMilliseconds
            : throw new InvalidOperationException($"{items} items have {count} lines.");
    }
}
