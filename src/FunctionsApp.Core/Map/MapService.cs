using System.Globalization;
using FunctionsApp.Core.Cpu;
using FunctionsApp.Core.Json;
using FunctionsApp.Core.Limits;
using FunctionsApp.Core.Operations;
using FunctionsApp.Core.Problems;
using Microsoft.Extensions.Options;

namespace FunctionsApp.Core.Map;

/// <summary><c>multiprocessing.Pool</c>'s <c>map</c>, <c>starmap</c> and <c>imap</c>: computes one operation for many items on every core.</summary>
public sealed class MapService(
    OperationCatalog catalog, CpuScheduler scheduler, TimeLimits timeLimits, ProblemDescriber describer, IOptions<LimitsOptions> limits, TimeProvider time)
{
    /// <summary>Computes the items.</summary>
    /// <param name="operation">The operation's name; cpu.</param>
    /// <param name="request">The items, and how to compute them.</param>
    /// <param name="cancellationToken">Stops the map.</param>
    /// <exception cref="ProblemException">
    /// The problem of the item that ended the map, with its index; every fault of every item, when it was one of shape;
    /// <c>timeout</c>; <c>saturated</c>.
    /// </exception>
    public async Task<MapAnswer> RunAsync(string operation, MapRequest request, CancellationToken cancellationToken)
    {
        var clock = new RequestClock(time);
        var cpuOperation = catalog.FindCpu(operation);
        Check(cpuOperation, request);
        return await timeLimits.RunAsync(
            token => RunAsync(cpuOperation, request, clock, token), "The map", request.TimeoutSeconds, "/timeoutSeconds", cancellationToken);
    }

    private void Check(CpuOperation operation, MapRequest request)
    {
        if (request.Items.Count > limits.Value.MaxItems)
        {
            throw new ProblemException(Problem.TooLarge(string.Create(CultureInfo.InvariantCulture,
                $"A map has at most {limits.Value.MaxItems} items (Limits:MaxItems), not {request.Items.Count}.")));
        }

        if (request.Reduce is not (null or Reduction.Count) && !operation.IsNumeric)
        {
            throw new ProblemException(Problem.InvalidRequest("/reduce", $"must be 'count' for '{operation.Name}', whose results are no numbers"));
        }
    }

    private async ValueTask<MapAnswer> RunAsync(CpuOperation operation, MapRequest request, RequestClock clock, CancellationToken cancellationToken)
    {
        var workers = Math.Min(request.Workers ?? scheduler.Threads, scheduler.Threads);
        using var job = new MapJob(operation, request, workers, clock, describer, new ByteBudget(limits.Value.MaxResultBytes), cancellationToken);
        try
        {
            await scheduler.RunAsync(job, cancellationToken);
            return job.Answer();
        }
        catch (Exception) when (job.Fatal is not null && !cancellationToken.IsCancellationRequested)
        {
            throw new ProblemException(job.Fatal.Errors is null || request.ReturnExceptions == true
                ? job.Fatal
                : await WithAllFaultsAsync(job.Fatal, operation, request, cancellationToken));
        }
    }

    /// <summary>The map stopped at the first item at fault; whoever is to mend the items wants to know them all.</summary>
    private async Task<Problem> WithAllFaultsAsync(Problem first, CpuOperation operation, MapRequest request, CancellationToken cancellationToken)
    {
        try
        {
            return await scheduler.RunAsync(token => FindFaults(operation, request, token), cancellationToken) ?? first;
        }
        catch (ProblemException)
        {
            // No room to look for more.
            return first;
        }
    }

    /// <summary>Every fault of every item, with the index of the first item at fault; null when there is none.</summary>
    private static Problem? FindFaults(CpuOperation operation, MapRequest request, CancellationToken cancellationToken)
    {
        var faults = new Faults();
        int? first = null;
        for (var i = 0; i < request.Items.Count && !faults.IsFull; i++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            try
            {
                operation.Check(request.Items[i], request.Shape);
            }
            catch (ProblemException exception)
            {
                first ??= i;
                faults.Add(exception.Problem.Below(JsonPointer.Append("/items", i)));
            }
        }

        return first is null ? null : faults.ToProblem("") with { Index = first };
    }
}
