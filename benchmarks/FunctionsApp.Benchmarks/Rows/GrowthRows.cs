namespace FunctionsApp.Benchmarks.Rows;

/// <summary>How cost grows with the size of a request, and with the number of connections.</summary>
internal static class GrowthRows
{
    private static readonly int[] Items = [1_000, 10_000, 100_000, 1_000_000];
    private static readonly int[] Calls = [10, 100, 1_000, 10_000];
    private static readonly int[] Connections = [1, 8, 64, 256];

    private static readonly TimeSpan LoadDuration = TimeSpan.FromSeconds(0.5);

    public static IEnumerable<Growth> All => [Map, StreamedMaps, Gather, Echo, SmallMaps];

    private static Growth Map => new("`math.square` in one JSON request", "items", Items, Metric.Milliseconds, static (host, items) => host.SendAsync(Server.Request("map/math.square", Numbers(items))))
    {
        How = "As the row of 1,000,000 items is measured.",
        WarmUps = 60,
    };

    private static Growth StreamedMaps => new("`math.square` in NDJSON", "items", Items, Metric.Milliseconds, static async (host, items) => 1_000 * await StreamedMap.RunAsync(host, items))
    {
        How = "As the row of 1,000,000 lines is measured, with a connection a run.",
        WarmUps = 60,
    };

    private static Growth Gather => new("gather of `echo`", "calls", Calls, Metric.Milliseconds, static (host, calls) => host.SendAsync(Server.Request("gather", EchoCalls(calls))))
    {
        How = "One `POST api/gather` of calls that return at once.",
        WarmUps = 60,
    };

    private static Growth Echo => new("`await/echo`", "connections", Connections, Metric.RequestsPerSecond, static (host, connections) => LoadAsync(host, OverheadRows.EchoRequest, connections))
    {
        How = "As the row of 64 connections is measured, for 0.5 s a run.",
    };

    private static Growth SmallMaps => new("maps of 100 squares", "connections", Connections, Metric.RequestsPerSecond, static (host, connections) => LoadAsync(host, SmallMap, connections))
    {
        How = "As `await/echo`, with `POST api/map/math.square`: every request takes its turns on the cores.",
    };

    private static byte[] SmallMap { get; } = Server.Request("map/math.square", Numbers(100));

    private static Task<double> LoadAsync(Server host, byte[] request, int connections) =>
        Task.Run(() => Load.RequestsPerSecond(host, request, connections, LoadDuration));

    private static byte[] Numbers(int items) => MapRows.Body(Enumerable.Range(0, items));

    private static byte[] EchoCalls(int calls) => GatherRows.Body(calls, """{"operation":"echo","input":{"value":1}}""");
}
