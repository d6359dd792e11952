using System.Diagnostics;
using System.Net;
using System.Text;

namespace FunctionsApp.Benchmarks.Rows;

/// <summary>What it costs to accept a task for good, and how soon its work starts.</summary>
internal static class TaskRows
{
    /// <summary>About what a small task takes on the disk.</summary>
    private const int RecordBytes = 512;

    private const int Starts = 200;

    private static readonly TimeSpan LoadDuration = TimeSpan.FromSeconds(0.5);

    private static readonly byte[] CreateRequest = Post("tasks/echo", """{"input":{"value":"The quick brown fox"}}""");
    private static readonly byte[] AwaitRequest = Post("await/echo", """{"value":"The quick brown fox"}""");

    public static IEnumerable<Row> All =>
    [
        Created(1),
        Created(64),
        Start("median", 0.5),
        Start("p99", 0.99),
        Next("median", 0.5),
        Next("p99", 0.99),
    ];

    private static Row Created(int connections) => new("tasks", $"tasks of `echo` created over {connections} connection{(connections == 1 ? "" : "s")}", Metric.PerSecond)
    {
        How = $"As `await/echo` is measured, for {LoadDuration.TotalSeconds:F1} s a run. Each task is flushed before its 202, and runs to its end meanwhile; `Tasks:MaxQueued` is out of the way. "
            + $"Beside it: appends of {RecordBytes} bytes to a file on the same disk, each flushed, one after the other; and `await/echo` over as many connections.",
        Bound = connections == 1
            ? "The disk bounds it: each task waits for a flush before its 202, and the end of the one before takes the disk's time as well. What a flush takes varies with all else that uses the disk, so compare within a row."
            : "The processor bounds it, as what comes during a flush shares the next one. Each task is also run, and its end written: beside `await/echo` it comes to the same in a directory in memory, where a flush costs nothing. The goals of both rows are those of a disk whose flush takes 0.6 ms. With every flush slowed to that time, tasks came to 0.60 of the appends over 1 connection and to 7.5 times them over 64. A disk that flushes in 0.1 ms leaves the processor as the bound of both.",
        WarmUps = 3,
        Runs = 21,
        EnterAsync = async stage =>
        {
            var host = await stage.StartAsync(ServerApp.LocalHost, ("Tasks__MaxQueued", "1000000"));
            return
            [
                new(ServerApp.LocalHost.Name, () => LoadAsync(host, CreateRequest, connections, HttpStatusCode.Accepted)),
                new("C#: flushed appends", () => Task.Run(static () => 1e6 / Flushes().TakeWhile(static flush => flush.Elapsed < LoadDuration).Average(static flush => flush.Microseconds)))
                {
                    Goal = Goal.Speed(connections == 1 ? 0.35 : 3),
                },
                new("LocalHost, `await/echo`", () => LoadAsync(host, AwaitRequest, connections, HttpStatusCode.OK)),
            ];
        },
    };

    private static Row Start(string name, double quantile) => new("tasks", $"from 202 to the start of a task's work, {name}", Metric.Microseconds)
    {
        How = $"The {name} of {Starts} tasks, one after the other, each an `http.request` to a server in the benchmark's process: when the request arrives there, "
            + "less when the client has the 202. Beside it: the same call by `await/http.request`, from sending it to its arrival; and an append to a file on the same disk, flushed.",
        Bound = "The call itself bounds it: nothing is written between the 202 and the start, as the record that is flushed before the 202 says that the first attempt has begun.",
        Runs = 11,
        EnterAsync = async stage =>
        {
            var work = stage.Add(await WorkServer.StartAsync());
            var host = await stage.StartAsync(ServerApp.LocalHost, work.Allowed);
            return
            [
                new(ServerApp.LocalHost.Name, () => Task.Run(() => Quantile(StartsOf(host, work, Post("tasks/http.request", $$$"""{"input":{"url":"{{{work.Url}}}"} }"""), HttpStatusCode.Accepted), quantile))),
                new("LocalHost, by await", () => Task.Run(() => Quantile(StartsOf(host, work, Post("await/http.request", $$"""{"url":"{{work.Url}}"}"""), HttpStatusCode.OK), quantile))),
                quantile == 0.5 ? Flushed(quantile) with { Goal = Goal.Speed(1) } : Flushed(quantile),
            ];
        },
    };

    private static Row Next(string name, double quantile) => new("tasks", $"from the end of a task to the start of the next, {name}", Metric.Microseconds)
    {
        How = $"The {name} of {Starts} tasks that wait with `Tasks:MaxRunning` 1, each such a call: from when the server answers one to when the next request arrives there. Beside it: such an append.",
        Bound = "The disk bounds it: that an attempt has begun is flushed before it begins, after or together with the end of the task before.",
        Runs = 11,
        EnterAsync = async stage =>
        {
            var work = stage.Add(await WorkServer.StartAsync());
            var host = await stage.StartAsync(ServerApp.LocalHost, work.Allowed, ("Tasks__MaxRunning", "1"));
            return [new(ServerApp.LocalHost.Name, () => NextAsync(host, work, quantile)), Flushed(quantile)];
        },
    };

    private static Contestant Flushed(double quantile) =>
        new("C#: a flushed append", () => Task.Run(() => Quantile([.. Flushes().Take(Starts).Select(static flush => flush.Microseconds)], quantile)));

    private static Task<double> LoadAsync(Server host, byte[] request, int connections, HttpStatusCode expected) =>
        Task.Run(() => Load.RequestsPerSecond(host, request, connections, LoadDuration, expected));

    /// <summary>For each task the microseconds from its 202, or from the request when there is none, to its call.</summary>
    private static double[] StartsOf(Server host, WorkServer work, byte[] request, HttpStatusCode expected)
    {
        using var connection = new RawConnection(host.Port);
        var times = new double[Starts];
        for (var i = 0; i < times.Length; i++)
        {
            var call = work.NextAsync();
            var from = Stopwatch.GetTimestamp();
            connection.Send(request);
            var status = connection.ReadHead();
            if (expected == HttpStatusCode.Accepted)
            {
                from = Stopwatch.GetTimestamp();
            }

            while (!connection.ReadBody().IsEmpty)
            {
            }

            if (status != (int)expected)
            {
                throw new InvalidOperationException($"The server responds {status}.");
            }

            times[i] = Microseconds(from, call.GetAwaiter().GetResult().Arrived);
        }

        return times;
    }

    private static async Task<double> NextAsync(Server host, WorkServer work, double quantile)
    {
        // The first task holds its place until all others wait for it.
        work.Hold();
        var create = Post("tasks/http.request", $$$"""{"input":{"url":"{{{work.Url}}}"} }""");
        var calls = Enumerable.Range(0, Starts + 1).Select(_ => work.NextAsync()).ToArray();
        await Task.Run(() =>
        {
            using var connection = new RawConnection(host.Port);
            foreach (var _ in calls)
            {
                connection.Send(create);
                connection.ReadResponse();
            }
        });
        work.Resume();
        var done = await Task.WhenAll(calls);
        return Quantile([.. done.Zip(done.Skip(1), static (before, next) => Microseconds(before.Answered, next.Arrived))], quantile);
    }

    /// <summary>Appends to a file, and flushes each time: how long that took, and when it ended.</summary>
    private static IEnumerable<(double Microseconds, TimeSpan Elapsed)> Flushes()
    {
        var directory = Directory.CreateTempSubdirectory("functions-flushes-");
        try
        {
            using var file = File.OpenHandle(Path.Combine(directory.FullName, "file"), FileMode.CreateNew, FileAccess.Write);
            var record = new byte[RecordBytes];
            var started = Stopwatch.GetTimestamp();
            for (var offset = 0L; ; offset += record.Length)
            {
                var from = Stopwatch.GetTimestamp();
                RandomAccess.Write(file, record, offset);
                RandomAccess.FlushToDisk(file);
                yield return (Microseconds(from, Stopwatch.GetTimestamp()), Stopwatch.GetElapsedTime(started));
            }
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }

    private static double Microseconds(long from, long to) => (to - from) * 1e6 / Stopwatch.Frequency;

    private static double Quantile(double[] values, double quantile) => values.Order().ElementAt((int)((values.Length - 1) * quantile));

    private static byte[] Post(string path, string json) => Server.Request(path, Encoding.ASCII.GetBytes(json));
}
