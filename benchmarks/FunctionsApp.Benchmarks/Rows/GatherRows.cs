using System.Globalization;
using System.Text;

namespace FunctionsApp.Benchmarks.Rows;

/// <summary>Calls that wait, all at once.</summary>
internal static class GatherRows
{
    private const int HttpCalls = 200;

    public static IEnumerable<Row> All => [Delays(1_000), Delays(10_000, atMostMs: 125), Http];

    private static Row Http => new("gather", $"gather of {HttpCalls} HTTP calls of 50 ms", Metric.Milliseconds)
    {
        How = "One `POST api/gather` of `http.request` calls to a server in the benchmark's process; the peers fetch the same URL as often.",
        WarmUps = 30,
        Runs = 51,
        EnterAsync = static async stage =>
        {
            var slow = stage.Add(await SlowServer.StartAsync(TimeSpan.FromMilliseconds(50)));
            var host = await stage.StartAsync(ServerApp.LocalHost, ("Outbound__AllowedHosts__0", string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{slow.Url.Port}")));
            return
            [
                host.Post("gather", Body(HttpCalls, $$$"""{"operation":"http.request","input":{"url":"{{{slow.Url}}}"} }""")),
                stage.Python("asyncio streams", "gather_http.py", HttpCalls, slow.Url) with { Goal = Goal.Speed(1) },
                stage.Node("Promise.all of fetch", "gather_http.mjs", HttpCalls, slow.Url) with { Goal = Goal.Speed(1) },
            ];
        },
    };

    private static Row Delays(int calls, double? atMostMs = null) => new("gather", $"gather of {calls:N0} delays of 0.1 s", Metric.Milliseconds)
    {
        How = "One `POST api/gather` of `delay` calls; Python gathers as many `asyncio.sleep(0.1)`.",
        Bound = atMostMs is null ? null : "Reading, binding, starting, ending and writing 10,000 calls takes 25 to 30 ms of one core, and the garbage of so many pending calls is collected meanwhile.",
        WarmUps = 30,
        Runs = 31,
        EnterAsync = async stage =>
        {
            var host = await stage.StartAsync(ServerApp.LocalHost);
            return
            [
                host.Post("gather", Body(calls, """{"operation":"delay","input":{"seconds":0.1}}""")) with { Goal = atMostMs is { } most ? Goal.AtMost(most) : null },
                stage.Python("asyncio.gather in-process", "gather_delays.py", calls) with { Goal = Goal.Speed(1) },
            ];
        },
    };

    /// <summary>The request of a gather of as many calls.</summary>
    internal static byte[] Body(int calls, string call) => Encoding.UTF8.GetBytes($$"""{"calls":[{{string.Join(',', Enumerable.Repeat(call, calls))}}]}""");
}
