using System.Collections.Concurrent;
using System.Globalization;
using System.IO.Pipelines;
using FunctionsApp.Core.Cpu;
using FunctionsApp.Core.Json;
using FunctionsApp.Core.Json.Schema;
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
    OperationCatalog catalog, RequestReader reader, CpuScheduler scheduler, TimeLimits timeLimits, MemoryBudget memory,
    ProblemDescriber describer, IOptions<LimitsOptions> limits, TimeProvider time) : ITaskPattern
{
    /// <summary>The pattern's name.</summary>
    public const string Name = "map";

    private readonly MapRequestReader _reader = new(reader, limits.Value.MaxDepth);
    private readonly StreamedMap _streamed = new(scheduler, timeLimits, memory, describer, limits.Value.MaxRequestBytes, time);
    private readonly ConcurrentDictionary<CpuOperation, ItemFunction> _functions = [];

    string ITaskPattern.Name => Name;

    /// <summary>Reads a body of JSON.</summary>
    /// <param name="body">UTF-8; the items refer to parts of it.</param>
    /// <exception cref="ProblemException"><c>malformed-json</c>, <c>too-large</c> or <c>invalid-request</c> with every error.</exception>
    public MapRequest Read(ReadOnlyMemory<byte> body) => _reader.Read<MapRequest>(body);

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
        var clock = new RequestClock(time);
        var function = Check(operation, request, request.Items.Count);
        return await timeLimits.RunAsync(
            token => RunAsync(function, request, clock, token), "The map", request.TimeoutSeconds, "/timeoutSeconds", cancellationToken);
    }

    /// <summary>Computes the items, and yields the results as chunks complete.</summary>
    /// <param name="operation">The operation's name; cpu.</param>
    /// <param name="request">The items, and how to compute them.</param>
    /// <param name="cancellationToken">Stops the map; so does leaving the enumeration.</param>
    /// <returns>Results, then the summary. Enumerating throws the problem that ended the map, after the earlier results.</returns>
    /// <exception cref="ProblemException">The request is invalid; nothing has started.</exception>
    public IAsyncEnumerable<MapEvent> StreamAsync(string operation, MapRequest request, CancellationToken cancellationToken) =>
        _streamed.RunAsync(
            Check(operation, request, request.Items.Count), request, new JsonBuffer(request.Items), lines: null, cancellationToken);

    /// <summary>Computes items as they arrive, and yields the results as chunks complete.</summary>
    /// <param name="operation">The operation's name; cpu.</param>
    /// <param name="options">How to compute the items.</param>
    /// <param name="lines">NDJSON, one item on each line. The map reads lines no faster than the caller takes results.</param>
    /// <param name="cancellationToken">Stops the map; so does leaving the enumeration.</param>
    /// <returns>Results, then the summary. Enumerating throws the problem that ended the map, after the earlier results.</returns>
    /// <exception cref="ProblemException">The options are invalid; nothing has started.</exception>
    public IAsyncEnumerable<MapEvent> StreamAsync(
        string operation, MapOptions options, PipeReader lines, CancellationToken cancellationToken) =>
        _streamed.RunAsync(Check(operation, options, items: 0), options, items: null, lines, cancellationToken);

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
        var map = _reader.Read<NamedMapRequest>(request.Utf8);
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
        using var response = await RunAsync(operation!, _reader.Read<NamedMapRequest>(request.Utf8), cancellationToken);
        return TaskOutcome.Succeeded(response);
    }

    private ItemFunction Check(string name, MapOptions options, int items)
    {
        var function = _functions.GetOrAdd(catalog.FindCpu(name), ItemFunction.Of, limits.Value.MaxDepth);
        if (items > limits.Value.MaxItems)
        {
            throw new ProblemException(Problem.TooLarge(string.Create(CultureInfo.InvariantCulture,
                $"A map has at most {limits.Value.MaxItems} items (Limits:MaxItems), not {items}.")));
        }

        if (options.Reduce is not (null or Reduction.Count) && !function.IsNumeric)
        {
            throw new ProblemException(
                Problem.InvalidRequest("/reduce", $"must be 'count' for '{name}', whose results are not numbers"));
        }

        return function;
    }

    private ValueTask<MapResponse> RunAsync(
        ItemFunction function, MapRequest request, RequestClock clock, CancellationToken cancellationToken) =>
        new(AppTelemetry.WatchAsync(Name, function.Name, () => RunItemsAsync(function, request, clock, cancellationToken)));

    private async Task<MapResponse> RunItemsAsync(
        ItemFunction function, MapRequest request, RequestClock clock, CancellationToken cancellationToken)
    {
        var held = memory.ForRequest();
        var progress = ProgressReporter.Take();
        using var left = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var computation = new ChunkComputation(function, request, describer, asLines: false);
        using var job = new MapJob(computation, request, new JsonBuffer(request.Items), scheduler, clock, left.Token);
        var run = job.RunAsync();
        var response = new MapResponseBuilder(request, job.Workers);
        var computed = 0L;
        try
        {
            await foreach (var chunk in job.ReadChunksAsync())
            {
                computed += chunk.Count;
                held.HoldResult(chunk.Size);
                job.NoteSent(chunk);
                response.Add(chunk);
                progress?.Report(computed, request.Items.Count);
            }
        }
        finally
        {
            await left.CancelAsync();
            await run.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        if (response.Fatal is { } fatal)
        {
            cancellationToken.ThrowIfCancellationRequested();
            throw new ProblemException(fatal.Errors is null || request.ReturnExceptions == true
                ? fatal
                : await WithAllErrorsAsync(fatal, function, request, cancellationToken));
        }

        await run;
        return response.Build(clock.ElapsedMs);
    }

    /// <summary>Finds the errors of all items after the first invalid item stopped the map, so that the caller can fix all.</summary>
    private async Task<Problem> WithAllErrorsAsync(
        Problem first, ItemFunction function, MapRequest request, CancellationToken cancellationToken)
    {
        try
        {
            return await scheduler.ComputeAsync(token => FindErrors(function, request, token), cancellationToken) ?? first;
        }
        catch (ProblemException)
        {
            // The scheduler has no room to find more errors.
            return first;
        }
    }

    /// <summary>Finds the errors of the items up to the limit, with the index of the first invalid item; returns null for none.</summary>
    private static Problem? FindErrors(ItemFunction function, MapRequest request, CancellationToken cancellationToken)
    {
        var errors = new ValidationErrors();
        int? first = null;
        var text = request.Items.Text.Span;
        var at = request.Items.Index.Find(0).Start;
        for (var i = 0; i < request.Items.Count && !errors.IsFull; i++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var item = text[JsonItems.Next(text, ref at)];
            try
            {
                function.Check(item, request.Starmap == true);
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
