using System.Globalization;
using FunctionsApp.Core.Json;
using FunctionsApp.Core.Limits;
using FunctionsApp.Core.Operations;
using FunctionsApp.Core.Problems;
using Microsoft.Extensions.Options;

namespace FunctionsApp.Core.Gather;

/// <summary>
/// <c>asyncio.gather</c>, <c>TaskGroup</c>, <c>wait(FIRST_COMPLETED)</c> and <c>Semaphore</c>: runs calls at once. It is
/// structured: when it returns or throws, nothing that it started is running any more.
/// </summary>
public sealed class GatherService(
    OperationCatalog catalog, TimeLimits timeLimits, ProblemDescriber describer, IOptions<LimitsOptions> limits, TimeProvider time)
{
    /// <summary>Runs the calls.</summary>
    /// <param name="request">The calls, and when to answer.</param>
    /// <param name="cancellationToken">Stops all calls.</param>
    /// <exception cref="ProblemException">
    /// Without <see cref="GatherRequest.ReturnExceptions"/> the problem of the first call that failed, with its index and
    /// id, or <c>timeout</c>. What can be checked before the first call starts is.
    /// </exception>
    public async Task<GatherAnswer> RunAsync(GatherRequest request, CancellationToken cancellationToken)
    {
        var clock = new RequestClock(time);
        EnsureLimits(request);
        var calls = request.ReturnExceptions == true ? null : BindAll(request.Calls);
        using var limit = timeLimits.Start(request.TimeoutSeconds, "/timeoutSeconds", cancellationToken);
        using var run = new GatherRun(request, calls ?? (index => Bind(request.Calls[index], index)), clock, limit, timeLimits, describer,
            new ByteBudget(limits.Value.MaxResultBytes));
        var answer = await run.RunAsync();
        cancellationToken.ThrowIfCancellationRequested();
        return answer;
    }

    private static string CallPointer(int index, string property) => string.Create(CultureInfo.InvariantCulture, $"/calls/{index}/{property}");

    private void EnsureLimits(GatherRequest request)
    {
        if (request.Calls.Count > limits.Value.MaxCalls)
        {
            throw new ProblemException(Problem.TooLarge(string.Create(CultureInfo.InvariantCulture,
                $"A gather has at most {limits.Value.MaxCalls} calls (Limits:MaxCalls), not {request.Calls.Count}.")));
        }

        var faults = new Faults();
        for (var i = 0; i < request.Calls.Count; i++)
        {
            if (timeLimits.Fault(request.Calls[i].TimeoutSeconds) is { } fault)
            {
                faults.Add(CallPointer(i, "timeoutSeconds"), fault);
            }
        }

        faults.ThrowIfAny();
    }

    private OperationCall Bind(GatherCall call, int index) =>
        catalog.FindCallable(call.Operation).Bind(JsonInput.Utf8(call.Input), CallPointer(index, "input"));

    /// <summary>Binds every call, so that nothing starts when one of them is at fault.</summary>
    private Func<int, OperationCall> BindAll(IReadOnlyList<GatherCall> calls)
    {
        var faults = new Faults();
        var bound = new OperationCall[calls.Count];
        for (var i = 0; i < bound.Length; i++)
        {
            try
            {
                bound[i] = Bind(calls[i], i);
            }
            catch (ProblemException exception)
            {
                faults.Add(exception.Problem with { Index = i, Id = calls[i].Id });
            }
        }

        faults.ThrowIfAny();
        return index => bound[index];
    }
}
