using System.Globalization;
using System.Runtime.CompilerServices;
using System.Threading.Channels;
using FunctionsApp.Core.Cpu;
using FunctionsApp.Core.Json;
using FunctionsApp.Core.Json.Schema;
using FunctionsApp.Core.Limits;
using FunctionsApp.Core.Operations;
using FunctionsApp.Core.Problems;
using FunctionsApp.Core.Requests;
using Microsoft.Extensions.Options;

namespace FunctionsApp.Core.Patterns.Gather;

/// <summary>
/// <c>asyncio.gather</c>, <c>TaskGroup</c>, <c>wait(FIRST_COMPLETED)</c> and <c>Semaphore</c>: runs calls concurrently.
/// Concurrency is structured: when a gather returns or throws, none of its calls is still running.
/// </summary>
public sealed class GatherService(
    OperationCatalog catalog, RequestReader reader, TimeLimits timeLimits, PatternRuns runs, IOptions<LimitsOptions> limits) : ITaskPattern
{
    /// <summary>The pattern's name.</summary>
    public const string Name = "gather";

    string ITaskPattern.Name => Name;

    /// <summary>How many results a stream buffers for its reader.</summary>
    private const int WaitingResults = 16;

    /// <summary>Runs the calls.</summary>
    /// <param name="request">The calls, and when to respond.</param>
    /// <param name="cancellationToken">Stops all calls.</param>
    /// <exception cref="ProblemException">
    /// Without <see cref="GatherRequest.ReturnExceptions"/>: the problem of the first call that failed, with its index and
    /// id, or <c>timeout</c>. Validation precedes the first call where possible.
    /// </exception>
    public async Task<GatherResponse> RunAsync(GatherRequest request, CancellationToken cancellationToken) =>
        await RunAsync(request, Prepare(request), publish: null, cancellationToken);

    /// <summary><c>asyncio.as_completed</c>: runs the calls, and yields each result as its call ends.</summary>
    /// <param name="request">The calls, and when to end.</param>
    /// <param name="cancellationToken">Stops all calls; so does leaving the enumeration.</param>
    /// <returns>
    /// One event for each call, then the summary. Enumerating throws the exceptions of
    /// <see cref="RunAsync(GatherRequest, CancellationToken)"/>, after the earlier results.
    /// </returns>
    /// <exception cref="ProblemException">The request is invalid; nothing has started.</exception>
    public IAsyncEnumerable<GatherEvent> StreamAsync(GatherRequest request, CancellationToken cancellationToken) =>
        EnumerateAsync(request, Prepare(request), cancellationToken);

    private async IAsyncEnumerable<GatherEvent> EnumerateAsync(
        GatherRequest request, Func<int, OperationCall> bind, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var readerLeft = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var results = Channel.CreateBounded<(GatherResult Result, RequestMemory Memory)>(
            new BoundedChannelOptions(WaitingResults) { SingleReader = true });
        var running = ProduceAsync();
        try
        {
            await foreach (var (result, memory) in results.Reader.ReadAllAsync(CancellationToken.None))
            {
                yield return new GatherEvent(result, Summary: null);
                memory.ReleaseResult(result.Result?.Utf8.Length ?? 0);
            }

            var response = await running;
            yield return new GatherEvent(
                Result: null, new GatherSummary(response.Succeeded, response.Failed, response.Cancelled, response.ElapsedMs));
        }
        finally
        {
            // A reader that leaves early stops all calls.
            await readerLeft.CancelAsync();
            await ((Task)running).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        async Task<GatherResponse> ProduceAsync()
        {
            try
            {
                return await RunAsync(
                    request, bind, (result, memory) => results.Writer.WriteAsync((result, memory), readerLeft.Token), readerLeft.Token);
            }
            finally
            {
                // Awaiting this task throws the error, after the earlier results.
                results.Writer.Complete();
            }
        }
    }

    private Task<GatherResponse> RunAsync(
        GatherRequest request, Func<int, OperationCall> bind, Func<GatherResult, RequestMemory, ValueTask>? publish,
        CancellationToken cancellationToken) => runs.RunAsync(Name, operation: null, request.TimeoutSeconds, async run =>
        {
            // All CPU calls of a gather count as one request. The value ends with this method, so the caller does not see it.
            RequestContext.Set(RequestContext.Get<CpuShare>() ?? new CpuShare());
            using var calls = new GatherRun(
                request, run, (index, token) => RunCallAsync(request.Calls[index], bind(index), token), publish);
            var response = await calls.RunAsync();
            cancellationToken.ThrowIfCancellationRequested();
            return response;
        }, cancellationToken);

    private ValueTask<RawJson> RunCallAsync(GatherCall call, OperationCall bound, CancellationToken cancellationToken) =>
        call.TimeoutSeconds is null ? bound.InvokeAsync(Name, cancellationToken) : RunLimitedAsync(call, bound, cancellationToken);

    private async ValueTask<RawJson> RunLimitedAsync(GatherCall call, OperationCall bound, CancellationToken cancellationToken)
    {
        using var limit = timeLimits.Start(call.TimeoutSeconds, pointer: "", cancellationToken);
        return await limit.RunAsync(token => bound.InvokeAsync(Name, token), $"The call of '{call.Operation}'");
    }

    string? ITaskPattern.Check(string? operation, RawJson request)
    {
        var gather = reader.Read<GatherRequest>(request.Utf8);
        Prepare(gather);
        runs.CheckTimeout(gather.TimeoutSeconds);
        return null;
    }

    async Task<TaskOutcome> ITaskPattern.RunAsync(string? operation, RawJson request, CancellationToken cancellationToken) =>
        TaskOutcome.Succeeded(await RunAsync(reader.Read<GatherRequest>(request.Utf8), cancellationToken));

    /// <summary>Checks a request as far as possible before the first call starts.</summary>
    /// <returns>The function that binds a call.</returns>
    private Func<int, OperationCall> Prepare(GatherRequest request)
    {
        EnsureLimits(request);
        return request.ReturnExceptions == true ? index => Bind(request.Calls[index], index) : BindAll(request.Calls);
    }

    private static string CallPointer(int index, string property) =>
        string.Create(CultureInfo.InvariantCulture, $"/calls/{index}/{property}");

    private void EnsureLimits(GatherRequest request)
    {
        if (request.Calls.Count > limits.Value.MaxCalls)
        {
            throw new ProblemException(Problem.TooLarge(string.Create(CultureInfo.InvariantCulture,
                $"A gather has at most {limits.Value.MaxCalls} calls (Limits:MaxCalls), not {request.Calls.Count}.")));
        }

        var errors = new ValidationErrors();
        for (var i = 0; i < request.Calls.Count; i++)
        {
            if (timeLimits.FindError(request.Calls[i].TimeoutSeconds) is { } error)
            {
                errors.Add(CallPointer(i, "timeoutSeconds"), error);
            }
        }

        errors.ThrowIfAny();
    }

    private OperationCall Bind(GatherCall call, int index)
    {
        var operation = catalog.Find<CallableOperation>(call.Operation);
        try
        {
            return operation.Bind((call.Input ?? RawJson.EmptyObject).Utf8, pointer: "");
        }
        catch (ProblemException exception)
        {
            // Only an error needs the pointer; the text of 10,000 pointers takes as long as reading a third of the inputs.
            throw new ProblemException(exception.Problem.Below(CallPointer(index, "input")));
        }
    }

    /// <summary>Binds every call, so that no call starts when one is invalid.</summary>
    private Func<int, OperationCall> BindAll(IReadOnlyList<GatherCall> calls)
    {
        var bound = new OperationCall[calls.Count];
        ValidationErrors.Collect(
            bound.Length, i => bound[i] = Bind(calls[i], i), (problem, i) => problem with { Index = i, Id = calls[i].Id });
        return index => bound[index];
    }
}
