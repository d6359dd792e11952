using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace FunctionsApp.Core.Telemetry;

/// <summary>
/// Spans and metrics of the service layer, for whoever listens; without a listener they cost a look at a flag. None of them
/// has anything of what callers send but the names of operations: no input, URL, id of a task, or message of an error.
/// </summary>
public static class AppTelemetry
{
    /// <summary>The name of the <see cref="ActivitySource"/> and of the <see cref="Meter"/>.</summary>
    public const string Name = "FunctionsApp";

    private static readonly Meter Meter = new(Name);

    /// <summary>Where spans come from.</summary>
    public static ActivitySource Source { get; } = new(Name);

    internal static UpDownCounter<long> ActiveCalls { get; } = Meter.CreateUpDownCounter<long>(
        "functionsapp.operation.active", "{call}", "Calls of operations that are under way, by operation and pattern.");

    internal static Histogram<double> CallDuration { get; } = Meter.CreateHistogram<double>(
        "functionsapp.operation.duration", "s", "How long calls of operations took, by operation, pattern and outcome.");

    internal static UpDownCounter<long> ActiveRuns { get; } = Meter.CreateUpDownCounter<long>(
        "functionsapp.run.active", "{run}", "Runs of patterns, tasks and webhooks that are under way.");

    internal static Histogram<double> RunDuration { get; } = Meter.CreateHistogram<double>(
        "functionsapp.run.duration", "s", "How long runs of patterns, tasks and webhooks took, by outcome.");

    /// <summary>Whether anybody listens.</summary>
    internal static bool IsWatched => Source.HasListeners() || CallDuration.Enabled || RunDuration.Enabled || ActiveCalls.Enabled || ActiveRuns.Enabled;

    /// <summary>Runs a pattern.</summary>
    /// <param name="pattern">Its name.</param>
    /// <param name="operation">The operation, if it is one's.</param>
    /// <param name="work">The run.</param>
    internal static async Task<T> RunAsync<T>(string pattern, string? operation, Func<Task<T>> work)
    {
        if (!IsWatched)
        {
            return await work();
        }

        using var run = new WatchedRun(ActiveRuns, RunDuration, pattern, operation);
        try
        {
            return await work();
        }
        catch (Exception exception)
        {
            run.Fail(exception);
            throw;
        }
    }

    /// <summary>Begins a run whose end is not that of a method; whoever begins it disposes of it.</summary>
    /// <param name="pattern">Its name.</param>
    /// <param name="operation">The operation, if it is one's.</param>
    /// <param name="parent">The trace (W3C <c>traceparent</c>) that it belongs to, where that is not the one under way.</param>
    internal static WatchedRun Start(string pattern, string? operation = null, string? parent = null) => IsWatched
        ? new WatchedRun(ActiveRuns, RunDuration, pattern, operation, parent)
        : new WatchedRun(pattern, parent);
}
