using FunctionsApp.Core.Json;
using FunctionsApp.Core.Telemetry;
using FunctionsApp.Core.Webhooks;

namespace FunctionsApp.Core.Tasks.Embedded;

/// <summary>
/// Sends the webhooks of tasks that have ended, each by its schedule. Every attempt is kept with the task, so the schedule
/// goes on after a restart; an attempt that a crash cut off is made again, with the same id. Members are called under the
/// store's gate.
/// </summary>
internal sealed class WebhookQueue(
    TaskStore store, Lazy<WebhookSender> sender, DeliverySchedule schedule, Agenda agenda, TimeProvider time, CancellationToken stopping) : IDisposable
{
    /// <summary>Webhooks that are sent at once: each may hold a message of 1 MiB.</summary>
    private const int MostAtOnce = 256;

    private readonly SemaphoreSlim _places = new(MostAtOnce);
    private readonly DeliveryLanes _lanes = new();

    public void Dispose() => _places.Dispose();

    /// <summary>The webhook of a task that ends now.</summary>
    public Delivery New(Uri url, DateTimeOffset now) => new() { Url = url, NextAttemptAt = schedule.Due(1, now, retryAfter: null) };

    /// <summary>Sends the webhook of a task when it is due, if one is still to be sent.</summary>
    public void Plan(TaskEntry entry)
    {
        if (entry.Decided.Delivery is { State: DeliveryState.Pending, NextAttemptAt: { } due })
        {
            agenda.Add(due, () =>
            {
                lock (store.Gate)
                {
                    Send(entry, due);
                }
            });
        }
    }

    /// <summary>Sends the webhook of a task at once, and begins its schedule anew.</summary>
    /// <returns>Done when that is kept.</returns>
    public async Task SendAgain(TaskEntry entry)
    {
        if (entry.IsDelivering)
        {
            return;
        }

        var delivery = entry.Decided.Delivery!;
        await store.CommitAsync(entry, entry.Decided with
        {
            Delivery = delivery with { State = DeliveryState.Pending, NextAttemptAt = time.GetUtcNow(), EarlierAttempts = delivery.Sent },
        });
        lock (store.Gate)
        {
            Plan(entry);
        }
    }

    private void Send(TaskEntry entry, DateTimeOffset due)
    {
        // Another time may have been set meanwhile.
        if (entry.Decided.Delivery is not { State: DeliveryState.Pending } delivery || delivery.NextAttemptAt != due || entry.IsDelivering)
        {
            return;
        }

        entry.IsDelivering = true;
        if (_lanes.TryEnter(delivery.Url, entry))
        {
            Start(entry);
        }
    }

    private void Start(TaskEntry entry)
    {
        using (ExecutionContext.SuppressFlow())
        {
            _ = SendAsync(entry, entry.Decided.Delivery!);
        }
    }

    private async Task SendAsync(TaskEntry entry, Delivery delivery)
    {
        await Task.Yield();
        WebhookResult result;
        await _places.WaitAsync(stopping);
        try
        {
            using var watch = AppTelemetry.Start("webhook", operation: null, entry.Decided.Definition.TraceParent);
            result = await sender.Value.SendAsync(delivery.Url, TaskMessage.IdOf(entry.Decided.Id), Message(entry), stopping);
            if (result.Outcome != WebhookOutcome.Delivered)
            {
                watch.Fail("upstream-failed");
            }
        }
        finally
        {
            _places.Release();
        }

        Task kept;
        lock (store.Gate)
        {
            entry.IsDelivering = false;
            kept = store.CommitForSureAsync(entry, entry.Decided with { Delivery = After(delivery, result) });
            if (_lanes.Leave(delivery.Url) is { } next)
            {
                Start(next);
            }
        }

        await kept;
        lock (store.Gate)
        {
            Plan(entry);
        }
    }

    private ReadOnlyMemory<byte> Message(TaskEntry entry)
    {
        RawJson? outcome = null;
        try
        {
            outcome = entry.Payload is { PayloadLength: > 0 and <= TaskMessage.MostOutcomeBytes } ? RawJson.FromUtf8(store.Read(entry)) : null;
        }
        catch (JournalException)
        {
            // How it ended is worth telling all the same.
        }

        return TaskMessage.Write(entry.Decided, outcome);
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
            Attempts = [.. delivery.Attempts.TakeLast(Delivery.MostAttemptsKept - 1), attempt],
        };
    }
}
