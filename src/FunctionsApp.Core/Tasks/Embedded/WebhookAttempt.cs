using FunctionsApp.Core.Json;
using FunctionsApp.Core.Limits;
using FunctionsApp.Core.Outbound;
using FunctionsApp.Core.Telemetry;
using FunctionsApp.Core.Webhooks;
using Microsoft.Extensions.Logging;

namespace FunctionsApp.Core.Tasks.Embedded;

/// <summary>Sends the webhook of a task once, and decides whether and when to retry.</summary>
internal sealed class WebhookAttempt(TaskStore store, MemoryBudget budget, Lazy<WebhookSender> sender, DeliverySchedule schedule, TimeProvider time, ILogger logger)
{
    /// <summary>Sends the webhook, if it is due.</summary>
    /// <param name="task">The task's sequence number.</param>
    /// <param name="stopping">Aborts the attempt.</param>
    /// <returns>The task with the attempt; null when nothing was due, because another attempt has ended meanwhile.</returns>
    public async Task<TaskRecord?> RunAsync(long task, CancellationToken stopping)
    {
        if (store.Read(queries => queries.Find(task)) is not { Delivery: { State: DeliveryState.Pending } delivery } record || delivery.NextAttemptAt > time.GetUtcNow())
        {
            return null;
        }

        using var memory = budget.Open();
        using var watch = AppTelemetry.Start("webhook", operation: null, record.Definition.TraceParent);

        // All webhooks count as one caller: a stranger may request any number of them.
        CallChain.Current = new CallChain(record.Definition.CallChain, caller: this);
        var result = await sender.Value.SendAsync(delivery.Url, TaskMessage.IdOf(record.Id), await MessageAsync(record, memory, stopping), stopping);
        var after = After(delivery, result);
        if (result.Outcome != WebhookOutcome.Delivered)
        {
            watch.Fail("upstream-failed");
            LogFailure(record.Id, HostName.AsWritten(delivery.Url), result.Error ?? "", after.NextAttemptAt);
        }

        return record with { Delivery = after };
    }

    private void LogFailure(string id, string host, string error, DateTimeOffset? next)
    {
        if (next is { } due)
        {
            TaskLog.Failed(logger, id, host, error, due);
        }
        else
        {
            TaskLog.GivenUp(logger, id, host, error);
        }
    }

    private async Task<ReadOnlyMemory<byte>> MessageAsync(TaskRecord record, RequestMemory memory, CancellationToken stopping)
    {
        byte[]? outcome = null;
        try
        {
            var length = store.Read(queries => queries.PayloadLength(record.Sequence));
            if (length <= TaskMessage.MaxOutcomeBytes)
            {
                await memory.HoldWhenThereIsRoomAsync(2 * length, stopping);
                outcome = store.Read(queries => queries.Payload(record.Sequence));
            }
        }
        catch (StorageException)
        {
            // The message is useful even without the outcome.
        }

        return TaskMessage.Write(record, outcome is null ? null : RawJson.FromUtf8(outcome));
    }

    private Delivery After(Delivery delivery, WebhookResult result)
    {
        var number = delivery.Sent + 1;
        var due = result.Outcome == WebhookOutcome.Failed
            ? schedule.Due(number - delivery.EarlierAttempts + 1, time.GetUtcNow(), result.RetryAfter)
            : null;
        var attempt = new DeliveryAttempt(number, result.StartedAt, result.ElapsedMs, result.Status, result.Error, due);
        return delivery with
        {
            State = result.Outcome == WebhookOutcome.Delivered ? DeliveryState.Delivered : due is null ? DeliveryState.Failed : DeliveryState.Pending,
            NextAttemptAt = due,
            Attempts = [.. delivery.Attempts.TakeLast(Delivery.MaxAttempts - 1), attempt],
        };
    }
}
