using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using System.Threading.Channels;
using FunctionsApp.Core.Cpu;
using FunctionsApp.Core.Problems;
using FunctionsApp.Core.Telemetry;

namespace FunctionsApp.Core.Patterns.Map;

/// <summary>Runs maps whose results are sent while they run: <c>imap</c> and <c>imap_unordered</c>.</summary>
/// <param name="scheduler">Computes the items of cpu operations.</param>
/// <param name="runs">Starts runs.</param>
/// <param name="maxLineBytes">The maximum bytes of a line.</param>
internal sealed class StreamedMap(CpuScheduler scheduler, PatternRuns runs, int maxLineBytes)
{
    /// <summary>Runs a map, and yields its results, then the summary.</summary>
    /// <param name="operation">What to run.</param>
    /// <param name="options">How to run it.</param>
    /// <param name="items">The items; null if they are lines.</param>
    /// <param name="lines">NDJSON; null if there are items.</param>
    /// <param name="cancellationToken">Stops the map; so does leaving the enumeration.</param>
    public async IAsyncEnumerable<MapEvent> RunAsync(
        MappedOperation operation, MapOptions options, ItemBuffer? items, PipeReader? lines,
        [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var readerLeft = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        using var run = runs.Start(options.TimeoutSeconds, readerLeft.Token);
        using var watch = AppTelemetry.Start(MapService.Name, operation.Name);
        var chunks = Channel.CreateUnbounded<ChunkResults>(new() { SingleReader = true });
        using var map = operation.Start(
            new ResultWriter(options, asLines: true), items, scheduler, run, chunk => chunks.Writer.TryWrite(chunk));
        var running = RunAsync(map, chunks.Writer, lines, run, readerLeft, watch);
        var (order, succeeded, failed, total) = (new ChunkOrder(options.Ordered != false), 0L, 0L, new Reducer());
        try
        {
            await foreach (var computed in chunks.Reader.ReadAllAsync(CancellationToken.None))
            {
                foreach (var chunk in order.Add(computed))
                {
                    using var sent = chunk;
                    foreach (var results in Events(chunk, options.Timeline == true && !chunk.IsCall))
                    {
                        yield return results;
                    }

                    if (chunk.Fatal is { } fatal)
                    {
                        throw watch.Fail(new ProblemException(fatal));
                    }

                    failed += chunk.Failed;
                    succeeded += chunk.Count - chunk.Failed;
                    total.Add(chunk.Reduced);
                    map.NoteSent(chunk);
                }
            }

            await running;
            yield return new MapEvent(Lines: default, new MapSummary(
                succeeded, failed, map.Workers, run.Clock.ElapsedMs, options.Reduce is { } reduction ? total.Result(reduction) : null));
        }
        finally
        {
            // A reader that leaves early stops the map.
            await readerLeft.CancelAsync();
            await running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private static IEnumerable<MapEvent> Events(ChunkResults chunk, bool withTimes)
    {
        if (!chunk.Output.Written.IsEmpty)
        {
            yield return new MapEvent(chunk.Output.Written, Summary: null);
        }

        if (withTimes)
        {
            yield return new MapEvent { Chunk = MapChunk.Of(chunk) };
        }
    }

    /// <summary>Runs the items, and reads the lines, if there are any, at the same time.</summary>
    private async Task RunAsync(
        IMapRun map, ChannelWriter<ChunkResults> chunks, PipeReader? lines, PatternRun run, CancellationTokenSource readerLeft,
        WatchedRun watch)
    {
        var running = map.RunAsync();
        var reading = lines is null || running.IsCompleted ? Task.CompletedTask : ReadLinesAsync(map, lines, run);
        try
        {
            await running;
            await reading;
        }
        catch (OperationCanceledException) when (run.Limit.RanOut)
        {
            throw watch.Fail(run.Limit.TimedOut("The map"));
        }
        catch (Exception exception)
        {
            watch.Fail(exception);
            throw;
        }
        finally
        {
            chunks.Complete();
            await readerLeft.CancelAsync();
            await reading.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task ReadLinesAsync(IMapRun map, PipeReader lines, PatternRun run)
    {
        try
        {
            await new LineReader(lines, maxLineBytes, run.Memory, run.Time).ReadAsync(map.AddAsync, run.Limit.Token);
        }
        finally
        {
            map.Close();
        }
    }

    /// <summary>Puts chunks into the order in which they are sent.</summary>
    private sealed class ChunkOrder(bool isOrdered)
    {
        private readonly Dictionary<long, ChunkResults> _waiting = [];
        private long _next;

        /// <summary>Returns the chunks that can be sent now. Few wait for an earlier one, because the map then pauses.</summary>
        public IEnumerable<ChunkResults> Add(ChunkResults computed)
        {
            _waiting.Add(computed.From, computed);
            while (_waiting.Remove(isOrdered ? _next : computed.From, out var chunk))
            {
                _next += chunk.Count;
                yield return chunk;
            }
        }
    }
}
