using FunctionsApp.Core.Json;
using FunctionsApp.Core.Limits;
using FunctionsApp.Core.Tasks;
using FunctionsApp.Durable.Orchestration;
using Microsoft.DurableTask;

namespace FunctionsApp.Durable.Activities;

/// <summary>Sends the webhook of a task once. If its process dies it is sent again, with the same id.</summary>
internal sealed class DeliveryActivity(TaskHub hub, WebhookAttempt webhook, AttemptSlots slots) : TaskActivity<DeliveryOrder, Delivery>
{
    /// <inheritdoc/>
    public override async Task<Delivery> RunAsync(TaskActivityContext context, DeliveryOrder input)
    {
        var record = TaskRecords.RecordOf(input.Id, input.Start, input.Status, attempts: null);
        await hub.ProvideSigningKeyAsync(slots.Stopping);
        return await webhook.RunAsync(record, memory => ReadOutcomeAsync(input, memory), slots.Stopping);
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
        return await hub.Blobs.ReadOutcomeAsync(order.Id, slots.Stopping);
    }
}
