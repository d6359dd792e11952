using FunctionsApp.Core.Patterns.Await;
using FunctionsApp.Core.Patterns.Callback;
using FunctionsApp.Core.Cpu;
using FunctionsApp.Core.Patterns.Gather;
using FunctionsApp.Core.Json;
using FunctionsApp.Core.Limits;
using FunctionsApp.Core.Patterns.Map;
using FunctionsApp.Core.Operations;
using FunctionsApp.Core.Outbound;
using FunctionsApp.Core.Problems;
using FunctionsApp.Core.Patterns.Sequence;
using FunctionsApp.Core.Telemetry;

namespace FunctionsApp.Core.Tasks;

/// <summary>
/// Makes one attempt at a task. It knows of nothing but the definition and the input, so that an attempt can be made
/// anywhere, and by any engine.
/// </summary>
public sealed class TaskRunner(
    AwaitService awaiting, SequenceService sequence, GatherService gather, MapService map, CallbackService callback,
    RequestReader reader, WorkGate gate, TimeLimits timeLimits, ProblemDescriber describer)
{
    /// <summary>What a task gets of the cores beside a request that somebody waits for. A share below 1 also waits where a request is refused.</summary>
    private const double CpuWeight = 0.25;

    /// <summary>Makes an attempt.</summary>
    /// <param name="definition">What is asked of the task.</param>
    /// <param name="input">The work's input.</param>
    /// <param name="progress">Is told how far the work has come.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    /// <returns>What it came to. A failure is an outcome too: only cancellation is raised.</returns>
    public async Task<TaskOutcome> RunAsync(TaskDefinition definition, RawJson input, ProgressReporter progress, CancellationToken cancellationToken)
    {
        using var watch = AppTelemetry.Start("task", definition.Operation, definition.TraceParent);
        CallChain.Current = new CallChain(definition.CallChain);
        CpuShare.Current = new CpuShare(CpuWeight);
        ProgressReporter.Current = progress;
        try
        {
            var outcome = await timeLimits.RunAsync(
                token => new ValueTask<TaskOutcome>(input.Utf8.Length > WorkGate.LargeBytes ? gate.RunAsync(() => RunAsync(definition, input, token)) : RunAsync(definition, input, token)),
                "The task", definition.TimeoutSeconds, "/timeoutSeconds", cancellationToken);
            if (outcome.Problem is { } problem)
            {
                watch.Fail(problem.Slug);
            }

            return outcome;
        }
        catch (Exception exception) when (!cancellationToken.IsCancellationRequested)
        {
            watch.Fail(exception);
            return TaskOutcome.Failed(describer.Describe(exception));
        }
        catch (OperationCanceledException exception)
        {
            watch.Fail(exception);
            throw;
        }
    }

    private async Task<TaskOutcome> RunAsync(TaskDefinition definition, RawJson input, CancellationToken cancellationToken) => definition.Kind switch
    {
        TaskKind.Operation => TaskOutcome.Succeeded((await awaiting.RunAsync(definition.Operation!, input, timeoutSeconds: null, cancellationToken)).Result),
        TaskKind.Sequence => Succeeded(await sequence.RunAsync(reader.Read<SequenceRequest>(input.Utf8), cancellationToken)),
        TaskKind.Gather => Succeeded(await gather.RunAsync(reader.Read<GatherRequest>(input.Utf8), cancellationToken)),
        TaskKind.Map => Succeeded(await map.RunAsync(definition.Operation!, reader.Read<NamedMapRequest>(input.Utf8), cancellationToken)),
        TaskKind.Callback => Ended(await callback.RunToEndAsync(definition.Operation!, reader.Read<CallbackRequest>(input.Utf8), cancellationToken)),
        var kind => throw new NotSupportedException($"There are no tasks of kind {kind}."),
    };

    private static TaskOutcome Ended(CallbackOutcome outcome) =>
        outcome.Answer is { } answer ? Succeeded(answer) with { IsContinued = true }
        : outcome.Problem is { } problem ? TaskOutcome.Failed(problem)
        : TaskOutcome.Succeeded(outcome.Result);

    private static TaskOutcome Succeeded<T>(T answer) => TaskOutcome.Succeeded(RawJson.From(answer, CoreJson.TypeInfo<T>()));
}

/// <summary>What an attempt came to.</summary>
public sealed record TaskOutcome
{
    private TaskOutcome(RawJson value, Problem? problem) => (Value, Problem) = (value, problem);

    /// <summary>The result, or the problem in JSON.</summary>
    public RawJson Value { get; }

    /// <summary>The problem; null for success.</summary>
    public Problem? Problem { get; }

    /// <summary>Whether an operation has gone on with the outcome already, so that it is not to be delivered.</summary>
    public bool IsContinued { get; init; }

    /// <summary>Success.</summary>
    public static TaskOutcome Succeeded(RawJson result) => new(result, problem: null);

    /// <summary>Failure.</summary>
    public static TaskOutcome Failed(Problem problem) => new(RawJson.From(problem, CoreJson.TypeInfo<Problem>()), problem);
}
