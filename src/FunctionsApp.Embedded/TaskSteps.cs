using FunctionsApp.Core.Tasks;
using FunctionsApp.Embedded.Storage;
using Microsoft.Extensions.Logging;

namespace FunctionsApp.Embedded;

/// <summary>Does the steps of tasks that no event causes, when they are due: attempts after a pause, webhooks and removals.</summary>
internal sealed class TaskSteps(
    TaskStore store, WakeUps wakeUps, TaskQueue queue, WebhookQueue webhooks, TimeProvider time, ILogger<TaskStore> logger)
{
    /// <summary>Tasks that one transaction deletes. The limit keeps other changes from waiting long.</summary>
    private const int MaxDeleted = 100;

    private const int PageSize = 1_000;
    private static readonly TimeSpan PauseAfterFailure = TimeSpan.FromSeconds(30);

    /// <summary>Plans the webhooks and removals of the database, and does what is due until the host stops.</summary>
    public async Task RunAsync()
    {
        var running = Task.WhenAll(WakeAsync(), RemoveAsync());
        await LoadAsync();
        await running;
    }

    private async Task LoadAsync()
    {
        var after = 0L;
        for (var count = PageSize; count == PageSize;)
        {
            var page = await store.Database.ReadAsync(queries => queries.ReadEnded(after, PageSize), int.MaxValue, store.Database.Stopping);
            foreach (var record in page)
            {
                after = record.Sequence;
                wakeUps.Plan(record);
                wakeUps.PlanRemoval(record);
            }

            count = page.Count;
        }

        wakeUps.SetComplete();
    }

    private async Task WakeAsync()
    {
        await foreach (var due in wakeUps.Due.ReadAllAsync(store.Database.Stopping))
        {
            try
            {
                Wake(due);
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

    private void Wake(WakeUp due)
    {
        // The end of a webhook that is in flight plans what comes next. Looked at before the record, which that end changes.
        if (webhooks.IsInFlight(due.Task) || store.Find(due.Task) is not { } record || TaskLifecycle.WakeOf(record) != due.Wake)
        {
            return;
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

    private async Task RemoveAsync()
    {
        while (await wakeUps.Removals.WaitToReadAsync(store.Database.Stopping))
        {
            var tasks = new List<long>();
            while (tasks.Count < MaxDeleted && wakeUps.Removals.TryRead(out var task))
            {
                tasks.Add(task);
            }

            try
            {
                IReadOnlyList<long> deleted = [];
                await store.Database.WriteAsync(writes => deleted = writes.Delete(tasks));
                wakeUps.Forget(deleted);
            }
#pragma warning disable CA1031 // The exception is not swallowed: it is logged, and the deletion is retried.
            catch (Exception exception) when (!store.Database.Stopping.IsCancellationRequested)
#pragma warning restore CA1031
            {
                TaskLog.NotDone(logger, exception);
                await Task.Delay(PauseAfterFailure, time, store.Database.Stopping);
                tasks.ForEach(wakeUps.RemoveAgain);
            }
        }
    }
}
