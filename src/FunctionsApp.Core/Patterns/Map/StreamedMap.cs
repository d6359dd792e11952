using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using FunctionsApp.Core.Cpu;
using FunctionsApp.Core.Limits;
using FunctionsApp.Core.Problems;
using FunctionsApp.Core.Telemetry;

namespace FunctionsApp.Core.Patterns.Map;

/// <summary>Runs maps whose results are sent while they run: <c>imap</c> and <c>imap_unordered</c>.</summary>
internal sealed class StreamedMap(
    CpuScheduler scheduler, TimeLimits timeLimits, MemoryBudget memory, ProblemDescriber describer, int maxLineBytes, TimeProvider time)
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
        using var watch = AppTelemetry.Start(MapService.Name, function.Name);
        var clock = new RequestClock(time);
        using var left = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        using var limit = timeLimits.Start(options.TimeoutSeconds, "/timeoutSeconds", left.Token);
        var computation = new ChunkComputation(function, options, describer, asLines: true);
        using var job = new MapJob(computation, options, items, scheduler, clock, limit.Token);
        var run = RunAsync(job, lines, limit, left, watch);
        var (succeeded, failed, total) = (0L, 0L, new Reducer());
        try
        {
            await foreach (var chunk in options.Ordered == false ? job.ReadChunksAsync() : job.ReadChunksInOrderAsync())
            {
                using (chunk)
                {
                    foreach (var results in chunk.Output.Written)
                    {
                        yield return new MapEvent(results, Summary: null);
                    }

                    if (options.Timeline == true)
                    {
                        yield return new MapEvent { Chunk = MapChunk.Of(chunk) };
                    }

                    if (chunk.Fatal is { } fatal)
                    {
                        watch.Fail(fatal.Slug);
                        throw new ProblemException(fatal);
                    }

                    failed += chunk.Failed;
                    succeeded += chunk.Count - chunk.Failed;
                    total.Add(chunk.Reduced);
                    job.NoteSent(chunk);
                }
            }

            await run;
            yield return new MapEvent(Lines: default, new MapSummary(
                succeeded, failed, job.Workers, clock.ElapsedMs, options.Reduce is { } reduction ? total.Result(reduction) : null));
        }
        finally
        {
            // A reader that leaves early stops the map.
            await left.CancelAsync();
            await run.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>Runs a streamed map, and reads its lines, if it has any, at the same time.</summary>
    private async Task RunAsync(MapJob job, PipeReader? lines, TimeLimit limit, CancellationTokenSource left, WatchedRun watch)
    {
        var running = job.RunAsync();
        var reading = lines is null || running.IsCompleted ? Task.CompletedTask : ReadAsync(job, lines, limit.Token);
        try
        {
            await limit.RunAsync(
                async _ =>
                {
                    await running;
                    await reading;
                    return true;
                },
                "The map");
        }
        catch (Exception exception)
        {
            watch.Fail(exception);
            throw;
        }
        finally
        {
            await left.CancelAsync();
            await reading.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task ReadAsync(MapJob job, PipeReader lines, CancellationToken cancellationToken)
    {
        try
        {
            await new LineReader(lines, maxLineBytes, memory.ForRequest(), time)
                .ReadAsync(job.AddAsync, cancellationToken);
        }
        finally
        {
            job.EndItems();
        }
    }
}
