using FunctionsApp.Core.Json;
using FunctionsApp.Core.Patterns;
using FunctionsApp.Core.Problems;
using FunctionsApp.Core.Tasks;

namespace FunctionsApp.Embedded;

/// <summary>Ends tasks: writes the outcome; once it is on disk, plans webhook and expiry. Members are called under the store's gate.</summary>
internal sealed class TaskCompletion(TaskStore store, WebhookQueue webhooks, TaskRetention retention, TaskClock clock)
{
    /// <summary>Fails a task.</summary>
    /// <returns>Completes when the end is on disk.</returns>
    public Task Fail(TaskEntry entry, Problem problem) => End(entry, TaskState.Failed, TaskOutcome.Failed(problem).Value);

    /// <summary>Ends a task.</summary>
    /// <param name="entry">The task, which neither waits nor runs any more.</param>
    /// <param name="state">Its final state.</param>
    /// <param name="outcome">The outcome; null when it was cancelled.</param>
    /// <param name="isContinued">Whether an operation has already continued with the outcome.</param>
    /// <returns>Completes when the end is on disk.</returns>
    public Task End(TaskEntry entry, TaskState state, RawJson? outcome = null, bool isContinued = false)
    {
        var now = entry.Pending.NotBefore(clock.Now);
        var definition = entry.Pending.Definition;
        var url = isContinued ? null : definition.UrlFor(state);
        var ended = entry.Pending with
        {
            State = state,
            Flaw = null,
            FinishedAt = now,
            NextAttemptAt = null,
            Progress = entry.Progress,
            ExpiresAt = now.AddSeconds(definition.TtlSeconds),
            Delivery = url is null ? null : webhooks.New(url, now),
        };
        var (sending, expiry) = (webhooks.DueOf(ended), retention.DueOf(ended));
        return store.CommitWithRetryAsync(entry, ended, outcome, () =>
        {
            webhooks.Plan(ended, sending);
            retention.Plan(ended, expiry);
        });
    }
}
