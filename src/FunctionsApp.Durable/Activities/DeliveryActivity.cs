using FunctionsApp.Core.Json;
using FunctionsApp.Core.Limits;
using FunctionsApp.Core.Tasks;
using FunctionsApp.Durable.Orchestration;
using Microsoft.DurableTask;

namespace FunctionsApp.Durable.Activities;

/// <summary>Sends the webhook of a task once. If its process dies it is sent again, with the same id.</summary>
internal sealed class DeliveryActivity(TaskHub hub, WebhookAttempt webhook, ReceiverLimit receivers, AttemptSlots slots, TimeProvider time) : TaskActivity<DeliveryOrder, Delivery>
{
    /// <summary>The pause, and as much again at random, when enough webhooks are in flight to the same receiver.</summary>
    private static readonly TimeSpan BusyPause = TimeSpan.FromSeconds(1);

    /// <inheritdoc/>
    public override async Task<Delivery> RunAsync(TaskActivityContext context, DeliveryOrder input)
    {
        // Its process may have died after it had reported the delivery, and before this call was deleted.
        if (await hub.FindAsync(input.Id) is { } instance && TaskHub.Parse(instance).Status is { } status && status.Version > input.Status.Version)
        {
            return status.Delivery!;
        }

        var record = TaskRecords.RecordOf(input.Id, input.Start, input.Status, attempts: null);
        var delivery = record.Delivery!;
        if (!receivers.TryEnter(delivery.Url))
        {
            return delivery with { NextAttemptAt = time.GetUtcNow() + (BusyPause * (1 + Random.Shared.NextDouble())) };
        }

        try
        {
            await hub.ProvideSigningKeyAsync(slots.Stopping);
            return await webhook.RunAsync(record, memory => ReadOutcomeAsync(input, memory), slots.Stopping);
        }
        finally
        {
            receivers.Leave(delivery.Url);
        }
    }

    private async ValueTask<RawJson?> ReadOutcomeAsync(DeliveryOrder order, RequestMemory memory)
    {
        if (order.Status.Problem is { } problem)
        {
            return problem;
        }

        if (order.Status is { State: TaskState.Cancelled } or { OutcomeBytes: > TaskMessage.MaxOutcomeBytes })
        {
            return null;
        }

        await memory.HoldWhenThereIsRoomAsync(2L * order.Status.OutcomeBytes, slots.Stopping);
        return await hub.Blobs.ReadOutcomeAsync(order.Id, order.Status.Attempts, slots.Stopping);
    }
}
