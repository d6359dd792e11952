using FunctionsApp.Core.Tasks;
using FunctionsApp.Core.Webhooks;

namespace FunctionsApp.Embedded;

/// <summary>
/// Takes tasks through their <see cref="TaskLifecycle"/>: stores what that returns and, once the end of a task is on disk, plans its
/// webhook and its expiry. Members are called under the store's gate. The tasks that they return complete when the change is on disk.
/// </summary>
internal sealed class TaskChanges(
    TaskStore store, WebhookQueue webhooks, TaskRetention retention, DeliverySchedule schedule, TaskClock clock)
{
    private TimeSpan DeliveryPause => schedule.PauseBeforeFirst();

    /// <summary>An attempt begins.</summary>
    public Task Begin(TaskEntry entry) => StoreAsync(entry, new TaskChange(TaskLifecycle.Begin(entry.Pending, clock.Now)));

    /// <summary>An attempt has ended.</summary>
    public Task After(TaskEntry entry, AttemptVerdict verdict) =>
        StoreAsync(entry, TaskLifecycle.After(entry.Pending with { Progress = entry.Progress }, verdict, clock.Now, DeliveryPause));

    /// <summary>Takes over a task of an earlier process. No attempt runs, whatever the disk says until the change is there.</summary>
    public void TakeOver(TaskEntry entry)
    {
        var change = TaskLifecycle.Interrupt(entry.Pending, clock.Now, DeliveryPause);
        if (change.Record != entry.Pending)
        {
            var isVisible = change.Record.State is TaskState.Queued || entry.Pending.Flaw is not null;
            _ = StoreAsync(entry, change);
            if (isVisible)
            {
                entry.Commit(entry.Pending);
            }
        }
    }

    private Task StoreAsync(TaskEntry entry, TaskChange change)
    {
        var ended = change.Record;
        if (!ended.IsFinished)
        {
            return store.CommitWithRetryAsync(entry, ended);
        }

        var (sending, expiry) = (webhooks.DueOf(ended), retention.DueOf(ended));
        return store.CommitWithRetryAsync(entry, ended, change.Outcome, () =>
        {
            webhooks.Plan(ended, sending);
            retention.Plan(ended, expiry);
        });
    }
}
