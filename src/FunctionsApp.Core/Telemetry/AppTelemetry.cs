using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace FunctionsApp.Core.Telemetry;

/// <summary>
/// Spans and metrics of the service layer. Without a listener they cost one check of a flag. Of what callers send they hold
/// only the names of operations: no input, URL, task id or error message.
/// </summary>
public static class AppTelemetry
{
    /// <summary>The name of the <see cref="ActivitySource"/> and of the <see cref="Meter"/>.</summary>
    public const string Name = "FunctionsApp";

    private static readonly Meter Meter = new(Name);

    /// <summary>The time that tasks wait for a slot, with every engine.</summary>
    public static Histogram<double> TaskWait { get; } = Meter.CreateHistogram<double>(
        "functionsapp.task.wait", "s", "The time that tasks waited for their turn.");

    /// <summary>The source of the spans.</summary>
    public static ActivitySource Source { get; } = new(Name);

    internal static UpDownCounter<long> ActiveCalls { get; } = Meter.CreateUpDownCounter<long>(
        "functionsapp.operation.active", "{call}", "Calls of operations in flight, by operation and pattern.");

    internal static Histogram<double> CallDuration { get; } = Meter.CreateHistogram<double>(
        "functionsapp.operation.duration", "s", "The duration of calls of operations, by operation, pattern and outcome.");

    internal static UpDownCounter<long> ActiveRuns { get; } = Meter.CreateUpDownCounter<long>(
        "functionsapp.run.active", "{run}", "Runs of patterns, tasks and webhooks in flight.");

    internal static Histogram<double> RunDuration { get; } = Meter.CreateHistogram<double>(
        "functionsapp.run.duration", "s", "The duration of runs of patterns, tasks and webhooks, by outcome.");

    /// <summary>Whether there is a listener.</summary>
    internal static bool IsWatched =>
        Source.HasListeners() || CallDuration.Enabled || RunDuration.Enabled || ActiveCalls.Enabled || ActiveRuns.Enabled;

    /// <summary>Starts a run of a pattern, a task or a webhook. It ends when the caller disposes of it.</summary>
    /// <param name="pattern">The pattern's name.</param>
    /// <param name="operation">The operation, if there is exactly one.</param>
    /// <param name="parent">The trace (W3C <c>traceparent</c>) that the run belongs to; null for the current one.</param>
    internal static WatchedRun Start(string pattern, string? operation = null, string? parent = null) => IsWatched
        ? new WatchedRun(ActiveRuns, RunDuration, pattern, operation, parent)
        : new WatchedRun(pattern, parent);
}
