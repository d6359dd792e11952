using System.Diagnostics;
using System.IO.Pipelines;
using System.Text;
using FunctionsApp.Core.Cpu;
using FunctionsApp.Core.Json.Schema;
using FunctionsApp.Core.Patterns.Map;
using Microsoft.Extensions.DependencyInjection;

namespace FunctionsApp.Core.Tests.Patterns.Map;

/// <summary>Maps beside each other, and what they leave to others when they end early.</summary>
public sealed class MapFairnessTests : MapTests
{
    private const int ManyItems = 1_000_000;

    // Whoever computes: a huge map's items have no y.
    private readonly List<char> _order = [];

    [Fact]
    public async Task A_chunk_of_a_million_items_does_not_keep_a_small_map_waiting()
    {
        Settings = [("Cpu:Threads", "1")];
        Task<MapResponse>? small = null;
        Hook.Number = (input, _) =>
        {
            _order.Add(input.Y is null ? 'h' : 's');
            Time.Advance(TimeSpan.FromMilliseconds(0.01));
            if (_order.Count == 1_000)
            {
                small = MapAsync("test.number", """{"items":[[1,1],[2,1],[3,1]],"starmap":true}""", CancellationToken.None);
            }

            return input.X;
        };

        var huge = await MapAsync("test.number", $$"""{"items":{{Items(ManyItems)}},"chunkSize":{{ManyItems}},"reduce":"count"}""");
        await small!;

        Assert.InRange(_order.LastIndexOf('s'), 1_000, 1_010);
        Assert.InRange(huge.Chunks!.Count, 2, 5);
        EnsureCovered(huge, ManyItems);
        Assert.Equal($"{ManyItems}", huge.Result.ToString());
    }

    [Fact]
    public async Task Chunks_keep_their_size_beside_requests_with_threads_of_their_own()
    {
        Hook.Number = (input, _) =>
        {
            if (input.X.AsInteger % 1_000 == 500)
            {
                // The other thread is idle: nobody waits for this one.
                MapAsync("test.text", """{"items":[1],"workers":1}""", CancellationToken.None).GetAwaiter().GetResult();
            }

            Time.Advance(TimeSpan.FromMilliseconds(1));
            return input.X;
        };
        Hook.Any = static (_, _) => "text";

        var response = await MapAsync("test.number", $$"""{"items":{{Items(10_000)}},"chunkSize":5000,"workers":1}""");

        Assert.Equal([5_000, 5_000], response.Chunks!.Select(static chunk => chunk.Count));
    }

    [Fact]
    public async Task Two_maps_of_one_chunk_each_get_half_of_the_time()
    {
        Settings = [("Cpu:Threads", "1")];
        using var both = new ManualResetEventSlim();
        Hook.Number = (input, _) =>
        {
            both.Wait(Patience, CancellationToken.None);
            _order.Add(input.Y is null ? 'h' : 's');
            Time.Advance(TimeSpan.FromMilliseconds(input.Y is null ? 1 : 0.25));
            return input.X;
        };
        var slow = MapAsync("test.number", $$"""{"items":{{Items(1_000)}},"chunkSize":1000}""");
        var quick = MapAsync("test.number", $$"""{"items":[{{string.Join(',', Enumerable.Repeat("[1,1]", 4_000))}}],"starmap":true,"chunkSize":4000}""");
        both.Set();
        var (slowAnswer, quickAnswer) = (await slow, await quick);

        var used = 0.0;
        foreach (var name in _order.Take(4_900))
        {
            used += name == 'h' ? 1 : -0.25;
            Assert.InRange(used, -7, 7);
        }

        EnsureCovered(slowAnswer, 1_000);
        EnsureCovered(quickAnswer, 4_000);

        // Five milliseconds each, no less.
        Assert.InRange(slowAnswer.Chunks!.Count, 190, 202);
    }

    [Fact]
    public async Task Workers_cap_a_map_even_when_threads_are_idle()
    {
        Settings = [("Cpu:Threads", "4")];
        var (running, most) = (0, 0);
        var gate = new Lock();
        using var both = new Barrier(2);
        Hook.Number = (input, _) =>
        {
            // The first two chunks begin together.
            if (input.X.AsInteger is 0 or 3)
            {
                both.SignalAndWait(Patience, CancellationToken.None);
            }

            lock (gate)
            {
                most = Math.Max(most, ++running);
            }

            Thread.Yield();
            lock (gate)
            {
                running--;
            }

            return input.X;
        };

        var response = await MapAsync("test.number", $$"""{"items":{{Items(500)}},"workers":2,"chunkSize":3}""");

        Assert.InRange(most, 1, 2);
        Assert.Equal((2, 2), (response.Workers, response.Chunks!.Max(static chunk => chunk.Worker) + 1));
    }

    [Theory]
    [InlineData("json", "")]
    [InlineData("json", ",\"reduce\":\"sum\"")]
    [InlineData("json", ",\"chunkSize\":100000000")]
    [InlineData("json stream", "")]
    [InlineData("json stream", ",\"ordered\":false")]
    [InlineData("json stream", ",\"reduce\":\"sum\"")]
    [InlineData("ndjson", "")]
    [InlineData("ndjson", ",\"reduce\":\"sum\"")]
    public async Task A_map_that_is_cancelled_frees_its_threads_soon(string mode, string options)
    {
        using var caller = new CancellationTokenSource();
        using var some = new ManualResetEventSlim();
        var computed = 0;
        Hook.Number = (input, _) =>
        {
            // Does not look at its token, and takes 0.2 ms.
            if (Interlocked.Increment(ref computed) == 10)
            {
                some.Set();
            }

            var watch = Stopwatch.StartNew();
            SpinWait.SpinUntil(() => watch.Elapsed.TotalMilliseconds > 0.2);
            return input.X;
        };
        var map = Task.Run(() => mode switch
        {
            "json" => MapAsync("test.number", $$"""{"items":{{Items(ManyItems)}}{{options}}}""", caller.Token),
            "json stream" => ReadAsync(Stream($$"""{"items":{{Items(ManyItems)}}{{options}}}""")),
            _ => ReadAsync(Lines($$"""{"workers":2{{options}}}""")),
        });
        Assert.True(some.Wait(Patience));

        var before = Volatile.Read(ref computed);
        await caller.CancelAsync();
        using var both = new Barrier(2);
        var free = await Task.WhenAll(Enumerable.Range(0, 2).Select(_ => Services.GetRequiredService<CpuScheduler>()
            .ComputeAsync(token => both.SignalAndWait(Patience, CancellationToken.None), CancellationToken.None))).WaitAsync(Patience);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => map.WaitAsync(Patience));

        Assert.Equal([true, true], free);

        // Of a million, in the time that a busy machine may need to cancel.
        Assert.InRange(computed - before, 0, 20_000);

        IAsyncEnumerable<MapEvent> Stream(string request) =>
            Services.GetRequiredService<MapService>().StreamAsync("test.number", Read<MapRequest>(request), caller.Token);

        IAsyncEnumerable<MapEvent> Lines(string request) =>
            Services.GetRequiredService<MapService>().StreamAsync("test.number", Read<MapOptions>(request), Endless(), caller.Token);
    }

    /// <summary>Lines without end, written as they are read.</summary>
    private static PipeReader Endless()
    {
        var pipe = new Pipe();
        _ = Task.Run(async () =>
        {
            var some = Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat("1\n", 1_000)));
            while (!(await pipe.Writer.WriteAsync(some)).IsCompleted)
            {
            }
        });
        return pipe.Reader;
    }

    private static async Task ReadAsync(IAsyncEnumerable<MapEvent> events)
    {
        await foreach (var item in events)
        {
            _ = item;
        }
    }

    private T Read<T>(string json) => Services.GetRequiredService<RequestReader>().Read<T>(Encoding.UTF8.GetBytes(json));

    private static void EnsureCovered(MapResponse response, int items)
    {
        var next = 0;
        foreach (var chunk in response.Chunks!)
        {
            Assert.Equal(next, chunk.From);
            next += chunk.Count;
        }

        Assert.Equal(items, next);
    }
}
