using FunctionsApp.Core.Cpu;
using FunctionsApp.Core.Json;
using FunctionsApp.Core.Limits;
using FunctionsApp.Core.Operations;
using FunctionsApp.Core.Outbound;
using FunctionsApp.Core.Patterns;
using FunctionsApp.Core.Problems;
using FunctionsApp.Core.Requests;
using FunctionsApp.Core.Telemetry;

namespace FunctionsApp.Core.Tasks;

/// <summary>
/// Makes one attempt at a task. It depends only on the definition and the input, so that any engine can make an attempt
/// anywhere.
/// </summary>
public sealed class TaskRunner(TaskPatterns patterns, WorkGate gate, TimeLimits timeLimits, ProblemDescriber describer)
{
    /// <summary>Makes an attempt.</summary>
    /// <param name="id">The id of the task.</param>
    /// <param name="definition">What to run, and how.</param>
    /// <param name="input">The work's input.</param>
    /// <param name="progress">Receives the progress of the work.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    /// <returns>The outcome. A failure is an outcome too: only cancellation is thrown.</returns>
    public async Task<TaskOutcome> RunAsync(
        string id, TaskDefinition definition, RawJson input, ProgressReporter progress, CancellationToken cancellationToken)
    {
        using var watch = AppTelemetry.Start("task", definition.Operation, definition.TraceParent);
        RequestContext.Set(new CallChain(definition.CallChain), new CpuShare(isBackground: true), progress, new CurrentTask(id));
        try
        {
            var outcome = await RunPatternAsync(definition, input, cancellationToken);
            if (outcome.Problem is { } problem)
            {
                watch.Fail(problem.Slug);
            }

            return outcome;
        }
        catch (Exception exception)
        {
            watch.Fail(exception);
            if (cancellationToken.IsCancellationRequested)
            {
                throw;
            }

            return TaskOutcome.Failed(describer.Describe(exception, definition.Work));
        }
    }

    private async Task<TaskOutcome> RunPatternAsync(TaskDefinition definition, RawJson input, CancellationToken cancellationToken)
    {
        var pattern = patterns.Find(definition.Pattern) ?? throw new ProblemException(Problem.StorageFailed(
            $"The task runs the pattern '{Excerpt.Of(definition.Pattern)}', which this version of the app does not have."));
        using var limit = timeLimits.Start(definition.TimeoutSeconds, "/timeoutSeconds", cancellationToken);
        return await limit.RunAsync(async token =>
        {
            // The pattern parses its request first.
            await gate.EnterAsync(input.Utf8.Length);
            return await pattern.RunAsync(definition.Operation, input, token);
        }, "The task");
    }
}
