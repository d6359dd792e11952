using System.Globalization;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using FunctionsApp.Core.Cpu;
using FunctionsApp.Core.Json;
using FunctionsApp.Core.Limits;
using FunctionsApp.Core.Operations;
using FunctionsApp.Core.Problems;
using FunctionsApp.Core.Telemetry;
using Microsoft.Extensions.Options;

namespace FunctionsApp.Core.Patterns.Map;

/// <summary>
/// <c>multiprocessing.Pool</c>'s <c>map</c>, <c>starmap</c>, <c>imap</c> and <c>imap_unordered</c>: computes one operation for
/// many items on every core.
/// </summary>
public sealed class MapService(
    OperationCatalog catalog, RequestReader reader, CpuScheduler scheduler, TimeLimits timeLimits, MemoryBudget memory, ProblemDescriber describer, IOptions<LimitsOptions> limits, TimeProvider time) : ITaskPattern
{
    /// <summary>The pattern's name.</summary>
    public const string Name = "map";

    /// <summary>How long a map may compute before the text of its items is checked as a whole.</summary>
    private static readonly TimeSpan CheckedAfter = TimeSpan.FromMilliseconds(250);

    string ITaskPattern.Name => Name;

    /// <summary>Computes the items, and returns when all are done.</summary>
    /// <param name="operation">The operation's name; cpu.</param>
    /// <param name="request">The items, and how to compute them.</param>
    /// <param name="cancellationToken">Stops the map.</param>
    /// <exception cref="ProblemException">
    /// The problem of the item that ended the map, with its index. If the item is invalid: the errors of all items.
    /// <c>timeout</c>; <c>saturated</c>.
    /// </exception>
    public async Task<MapResponse> RunAsync(string operation, MapRequest request, CancellationToken cancellationToken)
    {
        try
        {
            var clock = new RequestClock(time);
            var cpuOperation = Check(operation, request, request.Items.Count);
            return await timeLimits.RunAsync(
                token => RunAsync(cpuOperation, request, clock, token), "The map", request.TimeoutSeconds, "/timeoutSeconds", cancellationToken);
        }
        catch when (!cancellationToken.IsCancellationRequested)
        {
            // What is wrong with the whole request precedes what is wrong with an item.
            request.Items.EnsureValid();
            throw;
        }
    }

    /// <summary>Computes the items, and yields the results as chunks complete.</summary>
    /// <param name="operation">The operation's name; cpu.</param>
    /// <param name="request">The items, and how to compute them.</param>
    /// <param name="cancellationToken">Stops the map; so does leaving the enumeration.</param>
    /// <returns>Results, then the summary. Enumerating throws the problem that ended the map, after the earlier results.</returns>
    /// <exception cref="ProblemException">The request is invalid; nothing has started.</exception>
    public IAsyncEnumerable<MapEvent> StreamAsync(string operation, MapRequest request, CancellationToken cancellationToken)
    {
        // Now, as the first results are sent before the last items are read.
        request.Items.EnsureValid();
        return EnumerateAsync(Check(operation, request, request.Items.Count), request, new JsonBlock(request.Items), lines: null, cancellationToken);
    }

    /// <summary>Computes items as they arrive, and yields the results as chunks complete.</summary>
    /// <param name="operation">The operation's name; cpu.</param>
    /// <param name="options">How to compute the items.</param>
    /// <param name="lines">NDJSON, one item on each line. The map reads lines no faster than the caller takes results.</param>
    /// <param name="cancellationToken">Stops the map; so does leaving the enumeration.</param>
    /// <returns>Results, then the summary. Enumerating throws the problem that ended the map, after the earlier results.</returns>
    /// <exception cref="ProblemException">The options are invalid; nothing has started.</exception>
    public IAsyncEnumerable<MapEvent> StreamAsync(string operation, MapOptions options, PipeReader lines, CancellationToken cancellationToken) =>
        EnumerateAsync(Check(operation, options, items: 0), options, items: null, lines, cancellationToken);

    /// <summary>Checks a request as far as possible without running it. Items are checked when they are computed.</summary>
    /// <param name="operation">The operation's name; cpu.</param>
    /// <param name="request">The items, and how to compute them.</param>
    /// <exception cref="ProblemException">The request is invalid.</exception>
    public void Check(string operation, MapRequest request)
    {
        Check(operation, request, request.Items.Count);
        timeLimits.Check(request.TimeoutSeconds, "/timeoutSeconds");
    }

    string? ITaskPattern.Check(string? operation, RawJson request)
    {
        var map = reader.Read<NamedMapRequest>(request.Utf8);
        if (operation is not null && map.Operation is not null && !string.Equals(operation, map.Operation, StringComparison.Ordinal))
        {
            throw new ProblemException(Problem.InvalidRequest("/operation", "must be the same operation as beside the request"));
        }

        operation ??= map.Operation ?? throw new ProblemException(Problem.InvalidRequest("/operation", "is required"));
        Check(operation, map);
        return operation;
    }

    async Task<TaskOutcome> ITaskPattern.RunAsync(string? operation, RawJson request, CancellationToken cancellationToken)
    {
        using var response = await RunAsync(operation!, reader.Read<NamedMapRequest>(request.Utf8), cancellationToken);
        return TaskOutcome.Succeeded(response);
    }

    private CpuOperation Check(string name, MapOptions options, int items)
    {
        var operation = catalog.FindCpu(name);
        if (items > limits.Value.MaxItems)
        {
            throw new ProblemException(Problem.TooLarge(string.Create(CultureInfo.InvariantCulture,
                $"A map has at most {limits.Value.MaxItems} items (Limits:MaxItems), not {items}.")));
        }

        if (options.Reduce is not (null or Reduction.Count) && !operation.IsNumeric)
        {
            throw new ProblemException(Problem.InvalidRequest("/reduce", $"must be 'count' for '{operation.Name}', whose results are not numbers"));
        }

        return operation;
    }

    private ValueTask<MapResponse> RunAsync(CpuOperation operation, MapRequest request, RequestClock clock, CancellationToken cancellationToken) =>
        new(AppTelemetry.RunAsync(Name, operation.Name, () => RunItemsAsync(operation, request, clock, cancellationToken)));

    private async Task<MapResponse> RunItemsAsync(CpuOperation operation, MapRequest request, RequestClock clock, CancellationToken cancellationToken)
    {
        var held = memory.ForRequest();
        var progress = ProgressReporter.Take();
        using var left = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        using var job = CreateJob(operation, request, new JsonBlock(request.Items), clock, asLines: false, left.Token);
        var run = RunAsync(job);
        var check = CheckLongAsync(request.Items, left);
        var response = new MapResponseBuilder(request, job.Workers);
        var computed = 0L;
        try
        {
            await foreach (var chunk in job.Chunks.ReadAllAsync(CancellationToken.None))
            {
                computed += chunk.Count;
                await held.HoldResultAsync(chunk.Size, cancellationToken);
                job.NoteSent(chunk, scheduler);
                response.Add(chunk);
                progress?.Report(computed, request.Items.Count);
            }
        }
        finally
        {
            await left.CancelAsync();
            await ((Task)run).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await check;
        }

        if (response.Fatal is { } fatal)
        {
            cancellationToken.ThrowIfCancellationRequested();
            throw new ProblemException(fatal.Errors is null || request.ReturnExceptions == true
                ? fatal
                : await WithAllErrorsAsync(fatal, operation, request, cancellationToken));
        }

        await run;
        if (response.HasErrors)
        {
            request.Items.EnsureValid();
        }

        return response.Build(clock.ElapsedMs);
    }

    /// <summary>
    /// Stops a long map whose text is no valid request. Every item is read before it is computed, so a short one needs no check; but
    /// nobody should wait for hours to hear that the last item is not JSON.
    /// </summary>
    private async Task CheckLongAsync(JsonItems items, CancellationTokenSource left)
    {
        if (!items.AreUnchecked)
        {
            return;
        }

        try
        {
            await Task.Delay(CheckedAfter, time, left.Token);
            items.EnsureValid();
        }
        catch (ProblemException)
        {
            await left.CancelAsync();
        }
        catch (OperationCanceledException)
        {
            // The map is over.
        }
    }

    private async IAsyncEnumerable<MapEvent> EnumerateAsync(
        CpuOperation operation, MapOptions options, ItemBlock? items, PipeReader? lines, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var watch = AppTelemetry.Start("map", operation.Name);
        var clock = new RequestClock(time);
        using var left = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        using var limit = timeLimits.Start(options.TimeoutSeconds, "/timeoutSeconds", left.Token);
        using var job = CreateJob(operation, options, items, clock, asLines: true, limit.Token);
        var run = ProduceAsync();
        var (succeeded, failed, total) = (0L, 0L, new Reducer());
        try
        {
            await foreach (var chunk in InOrderAsync(job, options.Ordered != false))
            {
                using (chunk)
                {
                    foreach (var results in chunk.Output.Segments)
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
                    if (chunk.Reduced is { } reduced)
                    {
                        total.Add(reduced);
                    }

                    job.NoteSent(chunk, scheduler);
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

        async Task ProduceAsync()
        {
            var running = RunAsync(job);
            var reading = lines is null || running.IsCompleted ? Task.CompletedTask : ReadAsync(job, lines, limit.Token);
            try
            {
                await running;
                await reading;
            }
            catch (OperationCanceledException) when (limit.RanOut)
            {
                var timeout = limit.Problem("The map");
                watch.Fail(timeout.Slug);
                throw new ProblemException(timeout);
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
    }

    private MapJob CreateJob(
        CpuOperation operation, MapOptions options, ItemBlock? items, RequestClock clock, bool asLines, CancellationToken cancellationToken) =>
        new(operation, options, items, Math.Min(options.Workers ?? scheduler.Threads, scheduler.Threads), clock, describer, limits.Value, asLines, cancellationToken);

    private async Task RunAsync(MapJob job)
    {
        try
        {
            await scheduler.RunAsync(job, job.Stopped);
        }
        finally
        {
            // Awaiting this task throws the error, after the earlier chunks.
            job.EndChunks();
        }
    }

    private async Task ReadAsync(MapJob job, PipeReader lines, CancellationToken cancellationToken)
    {
        try
        {
            await new LineReader(lines, limits.Value.MaxRequestBytes, memory.ForRequest(), time)
                .ReadAsync((block, token) => job.AddAsync(block, scheduler, token), cancellationToken);
        }
        finally
        {
            scheduler.Close(job);
        }
    }

    /// <summary>Yields the chunks as computed, or in item order. Few wait for an earlier chunk, because the job then pauses.</summary>
    private static async IAsyncEnumerable<Chunk> InOrderAsync(MapJob job, bool ordered)
    {
        var waiting = new Dictionary<long, Chunk>();
        var next = 0L;
        await foreach (var computed in job.Chunks.ReadAllAsync(CancellationToken.None))
        {
            if (!ordered)
            {
                yield return computed;
                continue;
            }

            waiting.Add(computed.From, computed);
            while (waiting.Remove(next, out var chunk))
            {
                next += chunk.Count;
                yield return chunk;
            }
        }
    }

    /// <summary>Finds the errors of all items after the first invalid item stopped the map, so that the caller can fix all.</summary>
    private async Task<Problem> WithAllErrorsAsync(Problem first, CpuOperation operation, MapRequest request, CancellationToken cancellationToken)
    {
        try
        {
            return await scheduler.RunAsync(token => FindErrors(operation, request, token), cancellationToken) ?? first;
        }
        catch (ProblemException)
        {
            // The scheduler has no room to find more errors.
            return first;
        }
    }

    /// <summary>Finds the errors of the items up to the limit, with the index of the first invalid item; returns null for none.</summary>
    private Problem? FindErrors(CpuOperation operation, MapRequest request, CancellationToken cancellationToken)
    {
        var errors = new ValidationErrors();
        int? first = null;
        var items = request.Items.From(0);
        for (var i = 0; i < request.Items.Count && !errors.IsFull; i++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var item = request.Items.Text[items.Next()];
            try
            {
                operation.Check(item, request.Shape, limits.Value.MaxDepth);
            }
            catch (ProblemException exception)
            {
                first ??= i;
                errors.Add(exception.Problem.Below(JsonPointer.Append("/items", i)));
            }
        }

        return first is null ? null : errors.ToProblem("") with { Index = first };
    }
}
