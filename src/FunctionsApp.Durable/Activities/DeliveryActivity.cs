using FunctionsApp.Core.Json;
using FunctionsApp.Core.Limits;
using FunctionsApp.Core.Tasks;
using FunctionsApp.Core.Webhooks;
using FunctionsApp.Durable.Records;
using FunctionsApp.Durable.Storage;

namespace FunctionsApp.Durable.Activities;

/// <summary>Sends the webhook of a task once. If the process dies, another one sends it again, with the same id.</summary>
internal sealed class DeliveryActivity(
    TaskHub hub, TaskReader reader, WebhookAttempt webhook, ReceiverLimit receivers, MemoryBudget budget, TimeProvider time)
{
    /// <summary>The maximum number of calls that wait for their receivers at once: others have the rest of the process.</summary>
    private const int MaxWaiting = 8;

    /// <summary>How long a call waits for its receiver, and the pause between two tries. That costs no request to storage.</summary>
    private static readonly TimeSpan MaxBusyTime = TimeSpan.FromSeconds(20), BusyWait = TimeSpan.FromMilliseconds(100);

    /// <summary>
    /// The minimum pause of a webhook whose receiver is busy for longer; up to twice that, at random. Such a pause costs 14 requests.
    /// </summary>
    private static readonly TimeSpan BusyPause = TimeSpan.FromSeconds(30);

    /// <summary>How long a call waits until the end that it reports is stored, and the pause between two reads.</summary>
    private static readonly TimeSpan MaxWait = TimeSpan.FromSeconds(30), WaitPause = TimeSpan.FromMilliseconds(100);

    private int _waiting;

    /// <summary>Sends the webhook.</summary>
    /// <param name="input">What to send.</param>
    /// <param name="stopping">Is cancelled when the process is ending.</param>
    /// <returns>The delivery then.</returns>
    public async Task<Delivery> RunAsync(DeliveryInput input, CancellationToken stopping)
    {
        if (await FindOtherAsync(input, stopping) is { } other)
        {
            return other;
        }

        var record = new StoredTask(input.Id, input.Start, input.Status).Record;
        var delivery = record.Delivery!;
        if (!await TryEnterAsync(delivery.Url, stopping))
        {
            return delivery with { NextAttemptAt = time.GetUtcNow() + (BusyPause * (1 + Random.Shared.NextDouble())) };
        }

        try
        {
            await hub.ProvideSigningKeyAsync(stopping);
            using var memory = budget.Open();
            return await webhook.RunAsync(record, await ReadOutcomeAsync(input, memory, stopping), stopping);
        }
        finally
        {
            receivers.Leave(delivery.Url);
        }
    }

    /// <summary>Waits until the maximum number of webhooks is not in flight to the receiver any more.</summary>
    private async Task<bool> TryEnterAsync(Uri url, CancellationToken stopping)
    {
        var started = time.GetTimestamp();
        var mayWait = Interlocked.Increment(ref _waiting) <= MaxWaiting;
        try
        {
            while (!receivers.TryEnter(url))
            {
                if (!mayWait || time.GetElapsedTime(started) > MaxBusyTime)
                {
                    return false;
                }

                await Task.Delay(BusyWait, time, stopping);
            }

            return true;
        }
        finally
        {
            Interlocked.Decrement(ref _waiting);
        }
    }

    /// <summary>
    /// Returns the delivery of a call that must send nothing. The framework sends a call before it stores the step that made it. If the
    /// process dies in between, the step is repeated, and the task may end at another time or in another state. That end has a call of
    /// its own. This call waits for it, because the orchestration takes the first of the two results (shown by DeliveryActivityTests).
    /// </summary>
    /// <returns>Null when the end that the call reports is stored.</returns>
    private async Task<Delivery?> FindOtherAsync(DeliveryInput input, CancellationToken stopping)
    {
        var started = time.GetTimestamp();
        var delivery = input.Status.Delivery!;
        while (time.GetElapsedTime(started) < MaxWait)
        {
            var status = await hub.FindAsync(input.Id) is { } instance ? reader.Parse(instance).Status : null;
            if (status?.Version > input.Status.Version)
            {
                // The process may have died after it had reported the delivery, and before it deleted the message of the call.
                return status.Delivery ?? delivery;
            }

            if (status?.Version == input.Status.Version)
            {
                if (status.FinishedAt == input.Status.FinishedAt)
                {
                    return null;
                }

                // The orchestration may take this result for that of the stored end, whose URL may differ.
                delivery = status.Delivery ?? delivery;
            }

            await Task.Delay(WaitPause, time, stopping);
        }

        return delivery with { NextAttemptAt = time.GetUtcNow() + WaitPause };
    }

    /// <summary>
    /// Reads the outcome of a task; null if there is none, or it is too large for a message. If storage fails, so does the activity, which
    /// is called again.
    /// </summary>
    private async ValueTask<RawJson?> ReadOutcomeAsync(DeliveryInput input, RequestMemory memory, CancellationToken stopping)
    {
        var attempts = input.Status.Attempts;
        if (attempts.Outcome is { } outcome)
        {
            return Payload.Read(outcome);
        }

        if (input.Status.State == TaskState.Cancelled || attempts.OutcomeBytes > TaskMessage.MaxOutcomeBytes)
        {
            return null;
        }

        await memory.HoldWhenThereIsRoomAsync(2L * attempts.OutcomeBytes, stopping);
        return await hub.Blobs.ReadOutcomeAsync(input.Id, attempts.Begun, stopping);
    }
}
