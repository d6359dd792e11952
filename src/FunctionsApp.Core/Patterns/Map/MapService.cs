using System.Collections.Concurrent;
using System.Globalization;
using System.IO.Pipelines;
using FunctionsApp.Core.Cpu;
using FunctionsApp.Core.Json;
using FunctionsApp.Core.Limits;
using FunctionsApp.Core.Operations;
using FunctionsApp.Core.Problems;
using FunctionsApp.Core.Telemetry;
using Microsoft.Extensions.Options;

namespace FunctionsApp.Core.Patterns.Map;

/// <summary>
/// <c>map</c>, <c>starmap</c>, <c>imap</c> and <c>imap_unordered</c> of <c>multiprocessing.Pool</c> and its <c>ThreadPool</c>: runs one
/// operation for many items, a cpu operation on every core, an io operation many at once.
/// </summary>
public sealed class MapService(
    OperationCatalog catalog, MapRequestReader reader, CpuScheduler scheduler, PatternRuns runs, IOptions<LimitsOptions> limits)
    : ITaskPattern
{
    /// <summary>The pattern's name.</summary>
    public const string Name = "map";

    private readonly StreamedMap _streamed = new(scheduler, runs, limits.Value.MaxRequestBytes);
    private readonly ConcurrentDictionary<CallableOperation, MappedOperation> _operations = [];

    string ITaskPattern.Name => Name;

    /// <summary>Runs the items, and returns when all are done.</summary>
    /// <param name="operation">The operation's name; io or cpu.</param>
    /// <param name="request">The items, and how to run them.</param>
    /// <param name="cancellationToken">Stops the map.</param>
    /// <exception cref="ProblemException">
    /// The problem of the item that ended the map, with its index. If the item is invalid: the errors of all items.
    /// <c>timeout</c>; <c>saturated</c>.
    /// </exception>
    public async Task<MapResponse> RunAsync(string operation, MapRequest request, CancellationToken cancellationToken)
    {
        var mapped = Check(operation, request, request.Items.Count);
        using var run = runs.Start(request.TimeoutSeconds, cancellationToken);
        using var watch = AppTelemetry.Start(Name, mapped.Name);
        try
        {
            return await RunAsync(mapped, request, run);
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
    }

    /// <summary>Runs the items, and yields the results meanwhile.</summary>
    /// <param name="operation">The operation's name; io or cpu.</param>
    /// <param name="request">The items, and how to run them.</param>
    /// <param name="cancellationToken">Stops the map; so does leaving the enumeration.</param>
    /// <returns>Results, then the summary. Enumerating throws the problem that ended the map, after the earlier results.</returns>
    /// <exception cref="ProblemException">The request is invalid; nothing has started.</exception>
    public IAsyncEnumerable<MapEvent> StreamAsync(string operation, MapRequest request, CancellationToken cancellationToken) =>
        _streamed.RunAsync(
            Check(operation, request, request.Items.Count), request, new JsonBuffer(request.Items), lines: null, cancellationToken);

    /// <summary>Runs items as they arrive, and yields the results meanwhile.</summary>
    /// <param name="operation">The operation's name; io or cpu.</param>
    /// <param name="options">How to run them.</param>
    /// <param name="lines">NDJSON, one item on each line. The map reads lines no faster than the caller takes results.</param>
    /// <param name="cancellationToken">Stops the map; so does leaving the enumeration.</param>
    /// <returns>Results, then the summary. Enumerating throws the problem that ended the map, after the earlier results.</returns>
    /// <exception cref="ProblemException">The options are invalid; nothing has started.</exception>
    public IAsyncEnumerable<MapEvent> StreamAsync(
        string operation, MapOptions options, PipeReader lines, CancellationToken cancellationToken) =>
        _streamed.RunAsync(Check(operation, options, items: 0), options, items: null, lines, cancellationToken);

    /// <summary>Checks a request as far as possible without running it. Items are checked when they run.</summary>
    /// <param name="operation">The operation's name; io or cpu.</param>
    /// <param name="request">The items, and how to run them.</param>
    /// <exception cref="ProblemException">The request is invalid.</exception>
    public void Check(string operation, MapRequest request)
    {
        Check(operation, request, request.Items.Count);
        runs.CheckTimeout(request.TimeoutSeconds);
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

    private MappedOperation Check(string name, MapOptions options, int items)
    {
        var operation = catalog.Find<CallableOperation>(name);
        CheckKind(operation, options);
        var mapped = _operations.GetOrAdd(operation, MappedOperation.Of, limits.Value);
        if (items > limits.Value.MaxItems)
        {
            throw new ProblemException(Problem.TooLarge(string.Create(CultureInfo.InvariantCulture,
                $"A map has at most {limits.Value.MaxItems} items (Limits:MaxItems), not {items}.")));
        }

        if (options.Reduce is not (null or Reduction.Count) && !mapped.MayBeNumeric)
        {
            throw new ProblemException(
                Problem.InvalidRequest("/reduce", $"must be 'count' for '{name}', whose results are not numbers"));
        }

        return mapped;
    }

    /// <summary>Checks that each option is for operations of this kind, and within the limit of the app.</summary>
    private void CheckKind(CallableOperation operation, MapOptions options)
    {
        var isIo = operation.Kind == OperationKind.Io;
        var errors = new ValidationErrors();
        foreach (var (name, isSet) in ((string, bool)[])(isIo
            ? [("workers", options.Workers is not null), ("chunkSize", options.ChunkSize is not null)]
            : [("maxConcurrency", options.MaxConcurrency is not null), ("maxPerSecond", options.MaxPerSecond is not null)]))
        {
            if (isSet)
            {
                errors.Add($"/{name}", isIo
                    ? $"is for cpu operations; '{operation.Name}' is an io operation: use maxConcurrency or maxPerSecond"
                    : $"is for io operations; '{operation.Name}' is a cpu operation: use workers or chunkSize");
            }
        }

        if (isIo && options.MaxConcurrency > limits.Value.MaxConcurrency)
        {
            errors.Add("/maxConcurrency", string.Create(
                CultureInfo.InvariantCulture, $"must be at most {limits.Value.MaxConcurrency} (Limits:MaxConcurrency)"));
        }

        errors.ThrowIfAny("");
    }

    private async Task<MapResponse> RunAsync(MappedOperation operation, MapRequest request, PatternRun run)
    {
        var stopped = run.Limit.Token;
        if (operation is ItemCalls && request.ReturnExceptions != true)
        {
            // No call starts when an item is invalid.
            await scheduler.ComputeAsync(token => CheckItems(operation, request, token), stopped);
        }

        var response = new MapResponseBuilder(request, run.Memory, ProgressReporter.Take());
        using var map = operation.Start(
            new ResultWriter(request, asLines: false), new JsonBuffer(request.Items), scheduler, run, response.Add);
        try
        {
            await map.RunAsync();
        }
#pragma warning disable CA1031 // An item has ended the map, and others were computed meanwhile, whatever came of them.
        catch (Exception) when (response.Fatal is not null && !stopped.IsCancellationRequested)
#pragma warning restore CA1031
        {
        }

        return response.Fatal is { } fatal
            ? throw new ProblemException(fatal.Errors is null || request.ReturnExceptions == true
                ? fatal
                : await WithAllErrorsAsync(fatal, operation, request, stopped))
            : response.Build(map.Workers, run.Clock.ElapsedMs);
    }

    /// <summary>Finds the errors of all items after the first invalid item stopped the map, so that the caller can fix all.</summary>
    private async Task<Problem> WithAllErrorsAsync(
        Problem first, MappedOperation operation, MapRequest request, CancellationToken cancellationToken)
    {
        try
        {
            return await scheduler.ComputeAsync(token => CheckItems(operation, request, token) ?? first, cancellationToken);
        }
        catch (ProblemException exception)
        {
            // Without errors, the scheduler has no room to find them.
            return exception.Problem.Errors is null ? first : exception.Problem;
        }
    }

    /// <returns>Null: no item is invalid.</returns>
    /// <exception cref="ProblemException">Some items are invalid: the errors, up to the limit, and the index of the first.</exception>
    private static Problem? CheckItems(MappedOperation operation, MapRequest request, CancellationToken cancellationToken)
    {
        var (at, invalid) = (request.Items.Index.Find(0).Start, 0);
        ValidationErrors.Collect(request.Items.Count, Check, static (problem, i) => problem with { Index = i });
        return null;

        void Check(int i)
        {
            if (invalid >= ValidationErrors.MaxErrors)
            {
                return;
            }

            cancellationToken.ThrowIfCancellationRequested();
            var text = request.Items.Text.Span;
            try
            {
                operation.Check(text[JsonItems.Next(text, ref at)], request.Starmap == true);
            }
            catch (ProblemException exception)
            {
                invalid++;
                throw new ProblemException(exception.Problem.Below(JsonPointer.Append("/items", i)));
            }
        }
    }
}
