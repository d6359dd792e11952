using System.Text;

namespace FunctionsApp.Benchmarks.Rows;

/// <summary>What small requests feel of a huge one.</summary>
internal static class FairnessRows
{
    private const int Delays = 400;
    private const int Callers = 8;

    /// <summary>About 5 ms of work.</summary>
    private const string Item = """{"from":0,"to":20000000}""";

    private static readonly byte[] TenItems = Map(10);
    private static readonly byte[] HugeMap = Map(50_000);

    public static IEnumerable<Row> All =>
    [
        new("fairness", "p99 of `await/delay` of 10 ms", Metric.Milliseconds)
        {
            How = $"The 99th percentile of {Delays} delays by {Callers} callers, with and without a `primes.count` map on every core.",
            EnterAsync = static stage => WithAndWithoutAsync(stage, P99Async, atMost: 2),
        },
        new("fairness", "a map of 10 items of 5 ms", Metric.Milliseconds)
        {
            How = "One `POST api/map/primes.count`, with and without a map of 50,000 such items under way.",
            Runs = 9,
            EnterAsync = static stage => WithAndWithoutAsync(stage, static host => host.PostAsync("map/primes.count", TenItems), atMost: 3),
        },
    ];

    private static async Task<Contestant[]> WithAndWithoutAsync(Stage stage, Func<Server, Task<double>> measureAsync, double atMost)
    {
        var host = await stage.StartAsync(ServerApp.LocalHost);
        return
        [
            new("LocalHost, beside a huge map", () => BesideHugeMapAsync(host, measureAsync)),
            new("LocalHost, idle", () => measureAsync(host)) { Goal = Goal.Most("time", atMost) },
        ];
    }

    private static async Task<double> BesideHugeMapAsync(Server host, Func<Server, Task<double>> measureAsync)
    {
        using var stop = new CancellationTokenSource();
        var huge = host.PostAsync("map/primes.count", HugeMap, stop.Token);

        // Until it has been read and is on every core; and afterwards, until it has left them.
        await Task.Delay(500);
        var measured = await measureAsync(host);
        var wasUnderWay = !huge.IsCompleted;
        await stop.CancelAsync();
        await ((Task)huge).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await Task.Delay(200);
        return wasUnderWay ? measured : throw new InvalidOperationException("The huge map was over too early.");
    }

    private static async Task<double> P99Async(Server host)
    {
        var body = """{"seconds":0.01}"""u8.ToArray();
        var times = await Task.WhenAll(Enumerable.Range(0, Callers).Select(async _ =>
        {
            var times = new double[Delays / Callers];
            for (var i = 0; i < times.Length; i++)
            {
                times[i] = await host.PostAsync("await/delay", body);
            }

            return times;
        }));
        return times.SelectMany(static times => times).Order().ElementAt(Delays * 99 / 100);
    }

    private static byte[] Map(int items) => Encoding.UTF8.GetBytes($$"""{"items":[{{string.Join(',', Enumerable.Repeat(Item, items))}}]}""");
}
