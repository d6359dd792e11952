using FunctionsApp.Core.Tasks;
using FunctionsApp.Embedded.Storage;
using Microsoft.Extensions.Logging;

namespace FunctionsApp.Embedded;

/// <summary>Does the steps of tasks that no event causes, when they are due: attempts after a pause, webhooks and removals.</summary>
internal sealed class TaskSteps(
    TaskStore store, WakeUps wakeUps, TaskQueue queue, WebhookQueue webhooks, ILogger<TaskStore> logger)
{
    /// <summary>Tasks that one transaction deletes. The limit keeps other changes from waiting long.</summary>
    private const int MaxDeleted = 100;

    private const int PageSize = 1_000;

    /// <summary>Plans the webhooks and removals of the database, and does what is due until the host stops.</summary>
    public async Task RunAsync()
    {
        var running = Task.WhenAll(WakeAsync(), RemoveAsync());
        await LoadAsync();
        await running;
    }

    private async Task LoadAsync()
    {
        // All of them: when a task expires is known only in memory. The newest first: their webhooks are those that are due.
        var below = long.MaxValue;
        for (var count = PageSize; count == PageSize;)
        {
            var page = await store.Database.ReadAsync(queries => queries.ReadEnded(below, PageSize), int.MaxValue, store.Database.Stopping);
            foreach (var record in page)
            {
                below = record.Sequence;
                TaskLog.Flaw(logger, record);
                wakeUps.Plan(record);
            }

            count = page.Count;
        }

        wakeUps.IsComplete = true;
    }

    private async Task WakeAsync()
    {
        await foreach (var due in wakeUps.Due.ReadAllAsync(store.Database.Stopping))
        {
            try
            {
                // The end of a webhook that is in flight plans what comes next. Looked at before the record, which that end changes.
                if (webhooks.IsInFlight(due.Task) || store.Find(due.Task) is not { } record || TaskLifecycle.WakeOf(record) != due.Wake)
                {
                    continue;
                }

                if (due.Wake.Step == TaskStep.Attempt)
                {
                    queue.EnterAgain(record);
                }
                else
                {
                    webhooks.Send(due, record.Delivery!.Url);
                }
            }
#pragma warning disable CA1031 // The exception is not swallowed: it is logged, and the step is retried.
            catch (Exception exception)
#pragma warning restore CA1031
            {
                TaskLog.NotDone(logger, exception);
                wakeUps.Postpone(due);
            }
        }
    }

    private async Task RemoveAsync()
    {
        IReadOnlyCollection<long> deleted = [];
        while (await wakeUps.Removals.WaitToReadAsync(store.Database.Stopping))
        {
            var due = new List<WakeUp>();
            while (due.Count < MaxDeleted && wakeUps.Removals.TryRead(out var wakeUp))
            {
                due.Add(wakeUp);
            }

            try
            {
                var deletion = new TaskDeletion(due.Select(static wakeUp => wakeUp.Task));
                await store.Database.Writer.WriteAsync(deletion);

                // A batch later: a read that began before the deletion may still find them.
                foreach (var task in deleted)
                {
                    wakeUps.Forget(task);
                }

                deleted = deletion.Deleted;
            }
#pragma warning disable CA1031 // The exception is not swallowed: it is logged, and the deletion is retried.
            catch (Exception exception) when (!store.Database.Stopping.IsCancellationRequested)
#pragma warning restore CA1031
            {
                TaskLog.NotDone(logger, exception);
                due.ForEach(wakeUps.Postpone);
            }
        }
    }
}
