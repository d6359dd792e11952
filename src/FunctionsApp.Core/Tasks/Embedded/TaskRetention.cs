using FunctionsApp.Core.Webhooks;
using Microsoft.Extensions.Logging;

namespace FunctionsApp.Core.Tasks.Embedded;

/// <summary>Deletes expired tasks with their payloads. A task with a pending webhook is kept.</summary>
internal sealed class TaskRetention
{
    /// <summary>Tasks that one transaction deletes. The limit keeps other changes from waiting long.</summary>
    private const int MaxDeleted = 100;

    private static readonly TimeSpan PauseAfterFailure = TimeSpan.FromSeconds(30);

    private readonly TaskStore _store;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly CancellationToken _stopping;
    private readonly Alarm _alarm;

    public TaskRetention(TaskStore store, TimerQueue timers, TimeProvider time, ILogger logger, CancellationToken stopping)
    {
        (_store, _time, _logger, _stopping) = (store, time, logger, stopping);
        _alarm = new Alarm(timers, () => _ = DeleteAsync());
    }

    /// <summary>Deletes what expired while the host was down.</summary>
    public void Start() => _alarm.Set(_time.GetUtcNow());

    /// <summary>Schedules the deletion of a task, unless its webhook is pending.</summary>
    public void Plan(TaskRecord record)
    {
        if (record.IsFinished && record.Delivery is not { State: DeliveryState.Pending })
        {
            _alarm.Set(record.ExpiresAt);
        }
    }

    private async Task DeleteAsync()
    {
        await Task.Yield();
        try
        {
            var deleted = MaxDeleted;
            while (deleted == MaxDeleted)
            {
                await _store.WriteAsync(writes => deleted = writes.DeleteExpired(_time.GetUtcNow(), MaxDeleted));
            }

            if (_store.Read(static queries => queries.NextExpiry()) is { } next)
            {
                _alarm.Set(next);
            }
        }
        catch (StorageException exception) when (!_stopping.IsCancellationRequested)
        {
            TaskLog.NotDeleted(_logger, exception);
            _alarm.Set(_time.GetUtcNow() + PauseAfterFailure);
        }
    }
}
