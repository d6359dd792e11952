using System.Diagnostics;
using System.Net.Http.Json;
using System.Text.Json;

namespace FunctionsApp.Benchmarks.Rows;

/// <summary>What tasks cost when two processes share them, beside one process that keeps its own.</summary>
internal static class DurableRows
{
    private const int Tasks = 11;
    private const int AtOnce = 200;

    private static readonly object Echo = new { input = new { value = "The quick brown fox" } };
    private static readonly object Endless = new { input = new { seconds = 3_600 } };

    public static IEnumerable<Row> All => Azurite.Missing is not null ? [] :
    [
        Row("from the request to its 202, median", Metric.Milliseconds, "from sending the request for an `echo` to its 202", static (one, _) => MedianAsync(() => TimeAsync(() => CreateAsync(one, "echo", Echo)))),
        Row("from the request to its result on the other process, median", Metric.Milliseconds,
            "from sending the request for an `echo` to its result, for which a client of the other process waits; goal: at most 400 ms", static (one, other) =>
                MedianAsync(() => TimeAsync(async () => await EndAsync(other, await CreateAsync(one, "echo", Echo))))),
        Row("from cancelling on the other process to its end, median", Metric.Milliseconds,
            "from sending the request to cancel a running `delay` to its end, for which a client of the first process waits; goal: at most 1 s", static (one, other) => MedianAsync(async () =>
            {
                var id = await CreateAsync(one, "delay", Endless);
                while (await StateAsync(other, id) != "running")
                {
                    await Task.Delay(5);
                }

                return await TimeAsync(async () =>
                {
                    (await other.Client.DeleteAsync(new Uri("tasks/" + id, UriKind.Relative))).EnsureSuccessStatusCode();
                    await EndAsync(one, id);
                });
            })),
        Row($"{AtOnce} tasks at once", Metric.PerSecond, $"{AtOnce} `echo` over 8 connections, half of them to each process, until the last has ended; goal: at least 25/s", static async (one, other) =>
        {
            var watch = Stopwatch.StartNew();
            var ids = new string[AtOnce];
            await Parallel.ForAsync(0, AtOnce, new ParallelOptions { MaxDegreeOfParallelism = 8 }, async (i, _) => ids[i] = await CreateAsync(i % 2 == 0 ? one : other, "echo", Echo));
            foreach (var id in ids)
            {
                await EndAsync(one, id);
            }

            return AtOnce / watch.Elapsed.TotalSeconds;
        }) with
        {
            // Whatever has ended stays in the tables, in which the emulator looks through each row.
            WarmUps = 0,
            Runs = 3,
        },
    ];

    private static Row Row(string work, Metric metric, string how, Func<Server, Server, Task<double>> measure) => new("durable", work, metric)
    {
        How = $"Two LocalHosts with the durable engine on one hub in Azurite, in memory: {how}. Beside it: one LocalHost with the embedded engine in the place of both.",
        Bound = "The emulated storage bounds it: a task takes 17 requests until its end, most of them one after the other, to a program of one thread, which shares the cores with everything else here.",
        WarmUps = 1,
        EnterAsync = async stage =>
        {
            var storage = stage.Add(await Azurite.StartNewAsync());
            (string, string)[] settings = [("Tasks__Engine", "durable"), ("AzureWebJobsStorage", storage.ConnectionString), ("Tasks__HubName", "Benchmark")];
            var (first, second) = (await stage.StartAsync(ServerApp.LocalHost, settings), await stage.StartAsync(ServerApp.LocalHost, settings));
            var embedded = await stage.StartAsync(ServerApp.LocalHost);
            return [new("LocalHost × 2, durable", () => measure(first, second)), new("LocalHost, embedded", () => measure(embedded, embedded))];
        },
    };

    private static async Task<double> MedianAsync(Func<Task<double>> measure)
    {
        var times = new double[Tasks];
        for (var i = 0; i < times.Length; i++)
        {
            times[i] = await measure();
        }

        Array.Sort(times);
        return times[Tasks / 2];
    }

    private static async Task<double> TimeAsync(Func<Task> run)
    {
        var watch = Stopwatch.StartNew();
        await run();
        return watch.Elapsed.TotalMilliseconds;
    }

    private static async Task<string> CreateAsync(Server server, string operation, object body)
    {
        var response = await server.Client.PostAsJsonAsync("tasks/" + operation, body);
        response.EnsureSuccessStatusCode();
        return (await response.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("id").GetString()!;
    }

    private static async Task EndAsync(Server server, string id)
    {
        var task = await server.Client.GetFromJsonAsync<JsonElement>($"tasks/{id}?waitSeconds=60");
        if (!task.TryGetProperty("finishedAt", out _))
        {
            throw new InvalidOperationException($"The task has not ended: {task}");
        }
    }

    private static async Task<string?> StateAsync(Server server, string id) =>
        (await server.Client.GetFromJsonAsync<JsonElement>("tasks/" + id)).GetProperty("status").GetString();
}
