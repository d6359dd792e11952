using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using System.Threading.Channels;
using FunctionsApp.Core.Cpu;
using FunctionsApp.Core.Problems;
using FunctionsApp.Core.Telemetry;

namespace FunctionsApp.Core.Patterns.Map;

/// <summary>Runs maps whose results are sent while they run: <c>imap</c> and <c>imap_unordered</c>.</summary>
internal sealed class StreamedMap(CpuScheduler scheduler, PatternRuns runs, int maxLineBytes)
{
    /// <summary>Runs a map, and yields its results, then the summary.</summary>
    /// <param name="function">What to compute.</param>
    /// <param name="options">How to compute the items.</param>
    /// <param name="items">The items; null if they are lines.</param>
    /// <param name="lines">NDJSON; null if there are items.</param>
    /// <param name="cancellationToken">Stops the map; so does leaving the enumeration.</param>
    public async IAsyncEnumerable<MapEvent> RunAsync(
        ItemFunction function, MapOptions options, ItemBuffer? items, PipeReader? lines,
        [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var readerLeft = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        using var run = runs.Start(options.TimeoutSeconds, readerLeft.Token);
        using var watch = AppTelemetry.Start(MapService.Name, function.Name);
        var chunks = Channel.CreateUnbounded<ChunkResults>(new() { SingleReader = true });
        var computation = new ChunkComputation(function, options, run.Describer, asLines: true);
        using var job = new MapJob(computation, items, scheduler, run.Clock, chunk => chunks.Writer.TryWrite(chunk), run.Limit.Token);
        var computing = ComputeAsync(job, chunks.Writer, lines, run, readerLeft, watch);
        var (order, succeeded, failed, total) = (new ChunkOrder(options.Ordered != false), 0L, 0L, new Reducer());
        try
        {
            await foreach (var computed in chunks.Reader.ReadAllAsync(CancellationToken.None))
            {
                foreach (var chunk in order.Add(computed))
                {
                    using var sent = chunk;
                    foreach (var results in Events(chunk, options))
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
                    job.NoteSent(chunk);
                }
            }

            await computing;
            yield return new MapEvent(Lines: default, new MapSummary(
                succeeded, failed, job.Workers, run.Clock.ElapsedMs, options.Reduce is { } reduction ? total.Result(reduction) : null));
        }
        finally
        {
            // A reader that leaves early stops the map.
            await readerLeft.CancelAsync();
            await computing.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private static IEnumerable<MapEvent> Events(ChunkResults chunk, MapOptions options)
    {
        if (!chunk.Output.Written.IsEmpty)
        {
            yield return new MapEvent(chunk.Output.Written, Summary: null);
        }

        if (options.Timeline == true)
        {
            yield return new MapEvent { Chunk = MapChunk.Of(chunk) };
        }
    }

    /// <summary>Computes the items, and reads the lines, if there are any, at the same time.</summary>
    private async Task ComputeAsync(
        MapJob job, ChannelWriter<ChunkResults> chunks, PipeReader? lines, PatternRun run, CancellationTokenSource readerLeft,
        WatchedRun watch)
    {
        var computing = scheduler.ComputeAsync(job, job.Stopped);
        var reading = lines is null || computing.IsCompleted ? Task.CompletedTask : ReadLinesAsync(job, lines, run);
        try
        {
            await computing;
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

    private async Task ReadLinesAsync(MapJob job, PipeReader lines, PatternRun run)
    {
        try
        {
            await new LineReader(lines, maxLineBytes, run.Memory, run.Time).ReadAsync(job.AddAsync, run.Limit.Token);
        }
        finally
        {
            scheduler.Close(job);
        }
    }

    /// <summary>Puts chunks into the order in which they are sent.</summary>
    private sealed class ChunkOrder(bool isOrdered)
    {
        private readonly Dictionary<long, ChunkResults> _waiting = [];
        private long _next;

        /// <summary>Returns the chunks that can be sent now. Few wait for an earlier one, because the job then pauses.</summary>
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
