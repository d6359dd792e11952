using FunctionsApp.Core.Limits;
using FunctionsApp.Core.Problems;
using FunctionsApp.Core.Telemetry;

namespace FunctionsApp.Core.Patterns;

/// <summary>Starts runs of patterns.</summary>
public sealed class PatternRuns(TimeLimits timeLimits, MemoryBudget memory, ProblemDescriber describer, TimeProvider time)
{
    /// <summary>Runs a pattern, with a span and metrics.</summary>
    /// <param name="pattern">The pattern's name.</param>
    /// <param name="operation">The operation, if there is exactly one.</param>
    /// <param name="timeoutSeconds">The time limit, in seconds; null means the maximum.</param>
    /// <param name="work">What the pattern does.</param>
    /// <param name="cancellationToken">Stops the run.</param>
    /// <exception cref="ProblemException"><c>invalid-request</c>: the time limit is out of range. Or that of the work.</exception>
    internal async Task<T> RunAsync<T>(
        string pattern, string? operation, double? timeoutSeconds, Func<PatternRun, Task<T>> work, CancellationToken cancellationToken)
    {
        using var watch = AppTelemetry.Start(pattern, operation);
        try
        {
            using var run = Start(timeoutSeconds, cancellationToken);
            return await work(run);
        }
        catch (Exception exception)
        {
            watch.Fail(exception);
            throw;
        }
    }

    /// <summary>Starts a run.</summary>
    /// <param name="timeoutSeconds">The time limit, in seconds; null means the maximum.</param>
    /// <param name="cancellationToken">Stops the run.</param>
    /// <exception cref="ProblemException"><c>invalid-request</c>: the time limit is out of range.</exception>
    internal PatternRun Start(double? timeoutSeconds, CancellationToken cancellationToken) => new(time, describer)
    {
        Limit = timeLimits.Start(timeoutSeconds, "/timeoutSeconds", cancellationToken),
        Memory = memory.ForRequest(),
    };

    /// <summary>Checks the time limit of a request.</summary>
    /// <exception cref="ProblemException"><c>invalid-request</c>: the time limit is out of range.</exception>
    internal void CheckTimeout(double? seconds) => timeLimits.Check(seconds, "/timeoutSeconds");
}

/// <summary>One run of a pattern.</summary>
internal sealed class PatternRun(TimeProvider time, ProblemDescriber describer) : IDisposable
{
    /// <summary>The time since the start.</summary>
    public RequestClock Clock { get; } = new(time);

    /// <summary>The clock of the app.</summary>
    public TimeProvider Time => time;

    /// <summary>Describes failures.</summary>
    public ProblemDescriber Describer => describer;

    /// <summary>The time limit of the run.</summary>
    public required TimeLimit Limit { get; init; }

    /// <summary>The memory of the request.</summary>
    public required RequestMemory Memory { get; init; }

    /// <summary>Describes why work of the run has stopped; as a timeout if it stopped because of the limit.</summary>
    /// <param name="exception">What the work has thrown.</param>
    /// <param name="whose">What the limit applies to, such as "The sequence".</param>
    /// <param name="operation">What has thrown, for the log of an internal error.</param>
    public Problem Describe(Exception exception, string whose, string operation) =>
        exception is OperationCanceledException && Limit.RanOut ? Limit.TimedOut(whose).Problem : describer.Describe(exception, operation);

    public void Dispose() => Limit.Dispose();
}
