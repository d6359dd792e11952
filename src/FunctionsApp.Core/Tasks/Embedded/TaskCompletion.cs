using FunctionsApp.Core.Json;
using FunctionsApp.Core.Patterns;
using FunctionsApp.Core.Problems;

namespace FunctionsApp.Core.Tasks.Embedded;

/// <summary>Ends tasks: writes the outcome and, when the disk has it, sees to the webhook and to the expiry. Members are called under the store's gate.</summary>
internal sealed class TaskCompletion(TaskStore store, WebhookQueue webhooks, TaskRetention retention, TimeProvider time)
{
    /// <summary>Fails a task.</summary>
    /// <returns>Done when the disk has it.</returns>
    public Task Fail(TaskEntry entry, Problem problem) => End(entry, TaskState.Failed, TaskOutcome.Failed(problem).Value);

    /// <summary>Ends a task.</summary>
    /// <param name="entry">The task, which waits and runs no more.</param>
    /// <param name="state">How it ends.</param>
    /// <param name="outcome">What it came to; null when it was cancelled.</param>
    /// <param name="isContinued">Whether an operation has gone on with the outcome already.</param>
    /// <returns>Done when the disk has it.</returns>
    public Task End(TaskEntry entry, TaskState state, RawJson? outcome = null, bool isContinued = false)
    {
        var now = time.GetUtcNow();
        var definition = entry.Pending.Definition;
        var url = isContinued ? null : state == TaskState.Succeeded ? definition.OnSuccess : definition.OnError;
        var committed = store.CommitWithRetryAsync(entry, entry.Pending with
        {
            State = state,
            FinishedAt = now,
            NextAttemptAt = null,
            Progress = entry.Progress,
            ExpiresAt = now.AddSeconds(definition.TtlSeconds),
            Delivery = url is null ? null : webhooks.New(url, now),
        }, outcome);
        return AfterAsync(committed, entry.Pending);
    }

    private async Task AfterAsync(Task committed, TaskRecord record)
    {
        await committed;
        webhooks.Plan(record);
        retention.Plan(record);
    }
}
