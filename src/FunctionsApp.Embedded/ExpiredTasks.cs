using System.Collections.Concurrent;
using FunctionsApp.Core.Tasks;
using FunctionsApp.Core.Webhooks;

namespace FunctionsApp.Embedded;

/// <summary>The tasks that have expired, and are not deleted yet. Thread-safe.</summary>
internal sealed class ExpiredTasks(TaskClock clock)
{
    private readonly ConcurrentDictionary<long, bool> _tasks = [];
    private volatile bool _isComplete;

    /// <summary>Adds a task.</summary>
    public void Add(long task) => _tasks[task] = true;

    /// <summary>Removes a task that has been deleted, or that a webhook has kept.</summary>
    public void Remove(long task) => _tasks.TryRemove(task, out _);

    /// <summary>Notes that all are known. Until then, shortly after a start, the times in the database count too.</summary>
    public void SetComplete() => _isComplete = true;

    /// <summary>Returns whether a task has expired. A pending webhook keeps it.</summary>
    public bool Contains(TaskRecord record) => record.IsFinished && record.Delivery is not { State: DeliveryState.Pending }
        && (_tasks.ContainsKey(record.Sequence) || (!_isComplete && record.IsExpired(clock.Now)));
}
