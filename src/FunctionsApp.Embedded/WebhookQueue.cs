using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using FunctionsApp.Core.Json;
using FunctionsApp.Core.Limits;
using FunctionsApp.Core.Problems;
using FunctionsApp.Core.Tasks;
using FunctionsApp.Core.Webhooks;
using FunctionsApp.Embedded.Storage;

namespace FunctionsApp.Embedded;

/// <summary>
/// Sends the webhooks of tasks that have ended. Every attempt is written to the database, so the schedule continues after a restart.
/// An attempt that a crash interrupted is repeated with the same id. Thread-safe.
/// </summary>
/// <remarks>
/// A receiver that hangs delays only its own webhooks, which take some bytes of memory each while they wait
/// (A_receiver_that_hangs_delays_only_its_own_messages).
/// </remarks>
internal sealed class WebhookQueue(DatabaseAccess database, WakeUps wakeUps, WebhookAttempt attempt, TaskClock clock) : IDisposable
{
    /// <summary>Maximum webhooks in flight: each may hold a message of 1 MiB.</summary>
    private const int MaxAtOnce = 256;

    private readonly SemaphoreSlim _slots = new(MaxAtOnce);
    private readonly Lock _gate = new();
    private readonly ReceiverLimit _receivers = new();

    /// <summary>The webhooks that are due and wait for a slot at their receiver, by its host and port.</summary>
    private readonly Dictionary<string, Queue<WakeUp>> _waiting = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>The tasks whose webhooks are in flight, or due and waiting for a slot, or about to be requested again.</summary>
    private readonly ConcurrentDictionary<long, bool> _inFlight = [];

    public void Dispose() => _slots.Dispose();

    /// <summary>Returns whether the webhook of a task is in flight. Its end is on disk before it no longer is.</summary>
    public bool IsInFlight(long task) => _inFlight.ContainsKey(task);

    /// <summary>Sends a webhook that is due, and not in flight, when its receiver has a slot.</summary>
    public void Send(WakeUp due, Uri url)
    {
        _inFlight[due.Task] = true;
        lock (_gate)
        {
            if (!_receivers.TryEnter(url))
            {
                (CollectionsMarshal.GetValueRefOrAddDefault(_waiting, url.Authority, out _) ??= new Queue<WakeUp>()).Enqueue(due);
                return;
            }
        }

        Start(due, url);
    }

    /// <summary>Has the webhook of a task that has ended sent at once, and restarts its schedule.</summary>
    /// <returns>The task with that change on disk, or unchanged if its webhook is in flight; null if it does not exist.</returns>
    /// <exception cref="StorageException">The change could not be written.</exception>
    public async Task<TaskRecord?> SendAgainAsync(long task)
    {
        TaskRecord? found = null, record = null;
        var isReserved = false;
        try
        {
            await database.WriteAsync(writes =>
            {
                // Nobody sends the webhook, or changes its delivery, until it is reserved no more.
                record = found = writes.Find(task);
                isReserved = isReserved || (found?.Delivery is not null && _inFlight.TryAdd(task, true));
                if (isReserved && found?.Delivery is { } delivery)
                {
                    record = found with { Delivery = TaskLifecycle.Redeliver(delivery, clock.Now) };
                    writes.PutDelivery(task, record.Delivery);
                }
            });
            found = record;
        }
        finally
        {
            if (isReserved)
            {
                _inFlight.TryRemove(task, out _);
                if (found is not null)
                {
                    wakeUps.Plan(found);
                }
            }
        }

        return record;
    }

    private void Start(WakeUp due, Uri url)
    {
        // Uses its own execution context, not that of the caller that freed the slot.
        using (ExecutionContext.SuppressFlow())
        {
            _ = SendAsync(due, url);
        }
    }

    private async Task SendAsync(WakeUp due, Uri url)
    {
        await Task.Yield();
        await _slots.WaitAsync(database.Stopping);
        TaskRecord? sent = null;
        try
        {
            if (database.Read(queries => queries.Find(due.Task)) is { Delivery: not null } record)
            {
                sent = record with
                {
                    Delivery = await attempt.RunAsync(record, memory => ReadOutcomeAsync(due.Task, memory), database.Stopping),
                };
            }
        }
        catch (ProblemException)
        {
            wakeUps.Postpone(due);
        }
        finally
        {
            _slots.Release();
            Leave(url);
        }

        if (sent is null)
        {
            _inFlight.TryRemove(due.Task, out _);
            return;
        }

        await database.RetryAsync(sent.Id, () => database.WriteAsync(
            writes => writes.PutDelivery(sent.Sequence, sent.Delivery!),
            afterCommit: () =>
            {
                _inFlight.TryRemove(sent.Sequence, out _);

                // The pause begins now, whatever has happened to the clock while the webhook was in flight.
                wakeUps.Plan(sent, maxPause: TimeSpan.MaxValue);
            }));
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

        Start(next, url);
    }

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
