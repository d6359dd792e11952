using System.Diagnostics.Metrics;
using FunctionsApp.Core.Telemetry;

namespace FunctionsApp.Embedded;

/// <summary>The tasks that wait for their turn, in order, and their metrics. Members are called under the store's gate.</summary>
internal sealed class WaitingTasks : IDisposable
{
    private readonly TaskClock _clock;
    private readonly LinkedList<TaskEntry> _entries = [];
    private readonly Meter _meter = new(AppTelemetry.Name);
    private readonly Histogram<double> _wait;

    /// <summary>Creates an empty line.</summary>
    public WaitingTasks(TaskStore store, TaskClock clock)
    {
        _clock = clock;
        _wait = _meter.CreateHistogram<double>("functionsapp.task.wait", "s", "The time that tasks waited for their turn.");
        _meter.CreateObservableGauge(
            "functionsapp.task.queue.length", () => store.Queued, "{task}", "Tasks that wait for their turn or a retry.");
    }

    /// <summary>The task whose turn is next; null if none waits.</summary>
    public TaskEntry? First => _entries.First?.Value;

    public void Dispose() => _meter.Dispose();

    /// <summary>Adds a task at the end.</summary>
    public void Add(TaskEntry entry) => (entry.Waiting, entry.WaitsSince) = (_entries.AddLast(entry), _clock.Uptime);

    /// <summary>Removes a task whose turn it is.</summary>
    public void Begin(TaskEntry entry)
    {
        Remove(entry);
        _wait.Record((_clock.Uptime - entry.WaitsSince).TotalSeconds);
    }

    /// <summary>Removes a task, if it waits.</summary>
    public void Remove(TaskEntry entry)
    {
        if (entry.Waiting is { } place)
        {
            _entries.Remove(place);
            entry.Waiting = null;
        }
    }
}
