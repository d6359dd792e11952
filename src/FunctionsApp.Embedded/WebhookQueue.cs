using System.Runtime.InteropServices;
using FunctionsApp.Core.Json;
using FunctionsApp.Core.Limits;
using FunctionsApp.Core.Problems;
using FunctionsApp.Core.Tasks;
using FunctionsApp.Core.Webhooks;
using FunctionsApp.Embedded.Storage;
using Microsoft.Extensions.Logging;

namespace FunctionsApp.Embedded;

/// <summary>
/// Sends the webhooks of tasks that have ended. Every attempt is written to the database, so the schedule continues after a restart.
/// An attempt that a crash interrupted is repeated with the same id. Thread-safe.
/// </summary>
/// <remarks>
/// A receiver that hangs delays only its own webhooks, which take some bytes of memory each while they wait
/// (A_receiver_that_hangs_delays_only_its_own_messages).
/// </remarks>
internal sealed class WebhookQueue(
    DatabaseAccess database, WakeUps wakeUps, WebhookAttempt attempt, MemoryBudget budget, TaskClock clock, ILogger<TaskStore> logger)
    : IDisposable
{
    /// <summary>Maximum webhooks in flight: each may hold a message of 1 MiB.</summary>
    private const int MaxAtOnce = 256;

    private readonly SemaphoreSlim _slots = new(MaxAtOnce);
    private readonly Lock _gate = new();
    private readonly ReceiverLimit _receivers = new();

    /// <summary>The webhooks that are due and wait for a slot at their receiver, by its host and port.</summary>
    private readonly Dictionary<string, Queue<WakeUp>> _waiting = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>The step for which a webhook is in flight, or waits for a slot; null while it is about to be requested again.</summary>
    private readonly Dictionary<long, TaskWake?> _inFlight = [];

    public void Dispose() => _slots.Dispose();

    /// <summary>Returns whether the webhook of a task is in flight. Its end is on disk before it no longer is.</summary>
    public bool IsInFlight(long task)
    {
        lock (_gate)
        {
            return _inFlight.ContainsKey(task);
        }
    }

    /// <summary>Sends a webhook that is due, unless it is in flight, when its receiver has a slot.</summary>
    public void Send(WakeUp due, Uri url)
    {
        lock (_gate)
        {
            if (!_inFlight.TryAdd(due.Task, due.Wake))
            {
                return;
            }

            if (!_receivers.TryEnter(url))
            {
                (CollectionsMarshal.GetValueRefOrAddDefault(_waiting, url.Authority, out _) ??= new Queue<WakeUp>()).Enqueue(due);
                return;
            }
        }

        _ = SendAsync(due, url);
    }

    /// <summary>Has the webhook of a task that has ended sent at once, and restarts its schedule.</summary>
    /// <returns>The task with that change on disk, or unchanged if its webhook is in flight; null if it does not exist.</returns>
    /// <exception cref="StorageException">The change could not be written.</exception>
    public async Task<TaskRecord?> SendAgainAsync(long task)
    {
        var record = database.Read(queries => queries.Find(task));
        if (record?.Delivery is null || !TryReserve(record))
        {
            return record;
        }

        try
        {
            // Until here, the webhook may have been sent. From here on it is not.
            record = database.Read(queries => queries.Find(task));
            if (record?.Delivery is { } delivery)
            {
                record = record with { Delivery = TaskLifecycle.Redeliver(delivery, clock.Now) };
                var update = new DeliveryUpdate(record);
                await database.Writer.WriteAsync(update);
                record = update.IsWritten ? record : null;
            }

            return record;
        }
        finally
        {
            End(task, step: null);
            if (record is not null)
            {
                wakeUps.PlanDelivery(record);
            }
        }
    }

    /// <summary>Reserves a webhook that is not in flight. One whose end is on disk is only about to be noted as such.</summary>
    private bool TryReserve(TaskRecord record)
    {
        lock (_gate)
        {
            if (_inFlight.TryGetValue(record.Sequence, out var sent) && (sent is null || sent == TaskLifecycle.WakeOf(record)))
            {
                return false;
            }

            _inFlight[record.Sequence] = null;
            return true;
        }
    }

    /// <summary>Notes that a webhook is no longer in flight for a step, unless it has been reserved since.</summary>
    private void End(long task, TaskWake? step)
    {
        lock (_gate)
        {
            if (_inFlight.TryGetValue(task, out var sent) && sent == step)
            {
                _inFlight.Remove(task);
            }
        }
    }

    private async Task SendAsync(WakeUp due, Uri url)
    {
        await Task.Yield();
        await _slots.WaitAsync(database.Stopping);
        TaskRecord? record = null;
        TaskRecord? sent = null;
        try
        {
            // A redelivery may have changed it since the wake-up.
            record = database.Read(queries => queries.Find(due.Task));
            if (record is { Delivery: not null } && TaskLifecycle.WakeOf(record) == due.Wake)
            {
                using var memory = budget.Open();
                var outcome = await ReadOutcomeAsync(due.Task, memory);
                sent = record with { Delivery = await attempt.RunAsync(record, outcome, database.Stopping) };
            }
        }
#pragma warning disable CA1031 // The exception is not swallowed: it is logged, and the webhook is sent later.
        catch (Exception exception) when (!database.Stopping.IsCancellationRequested)
#pragma warning restore CA1031
        {
            TaskLog.NotDone(logger, exception);
            wakeUps.Postpone(due);
            record = null;
        }
        finally
        {
            _slots.Release();
            Leave(url);
        }

        if (sent is null)
        {
            End(due.Task, due.Wake);
            if (record is not null)
            {
                wakeUps.PlanDelivery(record);
            }

            return;
        }

        // The pause begins now, whatever has happened to the clock while the webhook was in flight, or happens during the write.
        var next = clock.Uptime + (sent.Delivery!.NextAttemptAt - clock.Now);
        await database.WriteWithRetryAsync(sent.Id, new DeliveryUpdate(sent));
        End(due.Task, due.Wake);

        // After a webhook that was delivered, what follows is planned already: the removal of the task, since its end.
        wakeUps.PlanDelivery(sent, next);
    }

    /// <summary>Frees a slot at a receiver, and gives it to the next webhook.</summary>
    private void Leave(Uri url)
    {
        WakeUp next;
        lock (_gate)
        {
            _receivers.Leave(url);
            if (!_waiting.TryGetValue(url.Authority, out var others) || !_receivers.TryEnter(url))
            {
                return;
            }

            next = others.Dequeue();
            if (others.Count == 0)
            {
                _waiting.Remove(url.Authority);
            }
        }

        _ = SendAsync(next, url);
    }

    /// <summary>Reads the outcome of a task; null if there is none, it is too large for a message, or it cannot be read.</summary>
    private async ValueTask<RawJson?> ReadOutcomeAsync(long task, RequestMemory memory)
    {
        try
        {
            var length = database.Read(queries => queries.PayloadLength(task));
            if (length <= TaskMessage.MaxOutcomeBytes)
            {
                await memory.HoldWhenThereIsRoomAsync(2 * length, database.Stopping);
                return database.Read(queries => queries.Payload(task)) is { } outcome ? RawJson.FromUtf8(outcome) : null;
            }
        }
        catch (ProblemException)
        {
            // The message is useful even without the outcome.
        }

        return null;
    }
}
