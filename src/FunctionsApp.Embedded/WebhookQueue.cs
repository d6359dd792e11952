using FunctionsApp.Core.Json;
using FunctionsApp.Core.Limits;
using FunctionsApp.Core.Tasks;
using FunctionsApp.Core.Webhooks;
using FunctionsApp.Embedded.Storage;

namespace FunctionsApp.Embedded;

/// <summary>
/// Sends the webhooks of tasks that have ended, each by its schedule. Every attempt is written to the database, so the schedule
/// continues after a restart. An attempt that a crash interrupted is repeated with the same id. Thread-safe.
/// </summary>
/// <remarks>When each webhook is due is in memory: some bytes each, plus the message while it is in flight.</remarks>
internal sealed class WebhookQueue : IDisposable
{
    /// <summary>Maximum webhooks in flight: each may hold a message of 1 MiB.</summary>
    private const int MaxAtOnce = 256;

    private const int PageSize = 1_000;
    private static readonly TimeSpan PauseAfterFailure = TimeSpan.FromSeconds(30);

    private readonly Lock _gate = new();
    private readonly SemaphoreSlim _slots = new(MaxAtOnce);
    private readonly ReceiverQueue _receivers = new();

    // By sequence number: webhooks that are due or in flight have no task; those whose attempt has ended have its commit. Whoever
    // adds one plans it again after its removal: if it is due meanwhile, it is passed over.
    private readonly Dictionary<long, Task?> _known = [];
    private readonly TaskStore _store;
    private readonly WebhookAttempt _attempt;
    private readonly TaskRetention _retention;
    private readonly TaskClock _clock;
    private readonly CancellationToken _stopping;
    private readonly TimerQueue<DueDelivery> _timers;

    public WebhookQueue(
        TaskStore store, WebhookAttempt attempt, TaskRetention retention, TaskClock clock, CancellationToken stopping)
    {
        (_store, _attempt, _retention, _clock, _stopping) = (store, attempt, retention, clock, stopping);
        _timers = new TimerQueue<DueDelivery>(clock, Enqueue);
    }

    /// <summary>Plans the pending webhooks of the database; sends those that became due while the host was down.</summary>
    public async Task LoadAsync()
    {
        var (after, task) = (long.MinValue, 0L);
        for (var count = PageSize; count == PageSize;)
        {
            var page = await _store.ReadWithRetryAsync(queries => queries.ReadPending(after, task, PageSize), int.MaxValue, _stopping);
            foreach (var (at, record) in page)
            {
                (after, task) = (at, record.Sequence);
                PlanAgain(record);
                _retention.Plan(record, _retention.DueOf(record));
            }

            count = page.Count;
        }
    }

    public void Dispose()
    {
        _timers.Dispose();
        _slots.Dispose();
    }

    /// <summary>Returns the uptime at which the webhook of a task is due, if it is pending.</summary>
    public TimeSpan DueOf(TaskRecord record)
    {
        if (record.Delivery?.NextAttemptAt is not { } at)
        {
            return default;
        }

        // The pause began when the last attempt ended, or the task.
        var since = record.Delivery.Attempts is [.., var last] ? last.StartedAt.AddMilliseconds(last.ElapsedMs) : record.FinishedAt ?? at;
        return _clock.UptimeAt(at, at > since ? at - since : TimeSpan.Zero);
    }

    /// <summary>Sends the webhook of a task when it is due, if it is pending. The database already holds it.</summary>
    public void Plan(TaskRecord record, TimeSpan due)
    {
        if (record.Delivery is { State: DeliveryState.Pending, NextAttemptAt: { } at })
        {
            _timers.Add(due, new DueDelivery(record.Sequence, at));
        }
    }

    /// <summary>Sends the webhook of a task that has ended at once, and restarts its schedule.</summary>
    /// <param name="task">The task's sequence number.</param>
    /// <returns>
    /// The task with that change on disk, or unchanged if that is already queued or in flight; null when no such task has a webhook.
    /// </returns>
    /// <exception cref="StorageException">The change could not be written.</exception>
    public async Task<TaskRecord?> SendAgainAsync(long task)
    {
        while (!TryReserve(task, out var committing))
        {
            if (committing is null)
            {
                return _store.Read(queries => queries.Find(task));
            }

            await committing;
            await Task.Yield();
        }

        TaskRecord? planned = null;
        try
        {
            if (_store.Read(queries => queries.Find(task)) is not { Delivery: { } delivery } found)
            {
                return null;
            }

            planned = found;
            var record = found with { Delivery = TaskLifecycle.Redeliver(delivery, _clock.Now) };
            await _store.WriteAsync(writes => writes.UpdateDelivery(record));
            return planned = record;
        }
        finally
        {
            Forget(task);
            if (planned is not null)
            {
                Plan(planned, DueOf(planned));
            }
        }
    }

    /// <summary>Plans the webhook of a task as the database has it. That of a task that cannot be read is never sent.</summary>
    private void PlanAgain(TaskRecord? record)
    {
        if (record?.Flaw is not null)
        {
            _ = AbandonAsync(record);
        }
        else if (record is not null)
        {
            Plan(record, DueOf(record));
        }
    }

    private async Task AbandonAsync(TaskRecord record)
    {
        await _store.WriteWithRetryAsync(record.Id, writes => writes.AbandonDelivery(record.Sequence));
        _retention.Settle(record);
    }

    private void Enqueue(DueDelivery due)
    {
        if (TryReserve(due.Task, out _))
        {
            _ = EnterAsync(due);
        }
    }

    /// <summary>Sends a due webhook when its receiver has a slot.</summary>
    private async Task EnterAsync(DueDelivery due)
    {
        await Task.Yield();
        if (FindDue(due) is { Delivery.Url: { } url } && _receivers.TryEnter(due, url))
        {
            Start(due, url);
        }
    }

    /// <summary>
    /// Reads the task of a due webhook. Null if that is not to be sent now: it is forgotten then, and planned if it is pending.
    /// </summary>
    private TaskRecord? FindDue(DueDelivery due)
    {
        TaskRecord? record;
        try
        {
            record = _store.Read(queries => queries.Find(due.Task));
        }
        catch (StorageException)
        {
            Forget(due.Task);
            _timers.Add(_clock.Uptime + PauseAfterFailure, due);
            return null;
        }

        if (record is { Flaw: null, Delivery: { State: DeliveryState.Pending } delivery } && delivery.NextAttemptAt == due.At)
        {
            return record;
        }

        // Another attempt has ended meanwhile.
        Forget(due.Task);
        PlanAgain(record);
        return null;
    }

    private void Start(DueDelivery due, Uri url)
    {
        // Uses its own execution context, not that of the caller that freed the slot.
        using (ExecutionContext.SuppressFlow())
        {
            _ = SendAsync(due, url);
        }
    }

    private async Task SendAsync(DueDelivery due, Uri url)
    {
        TaskRecord? sent = null;
        TimeSpan next = default;
        await Task.Yield();
        await _slots.WaitAsync(_stopping);
        try
        {
            if (FindDue(due) is { } record)
            {
                sent = record with { Delivery = await _attempt.RunAsync(record, memory => ReadOutcomeAsync(due.Task, memory), _stopping) };

                // The pause begins now, whatever has happened to the clock while the webhook was in flight.
                next = sent.Delivery?.NextAttemptAt is { } at ? _clock.UptimeAt(at, TimeSpan.MaxValue) : default;
            }
        }
        finally
        {
            _slots.Release();
            if (_receivers.Leave(url) is { } waiting)
            {
                Start(waiting, url);
            }
        }

        if (sent is null)
        {
            return;
        }

        var committed = _store.WriteWithRetryAsync(sent.Id, writes => writes.UpdateDelivery(sent));
        lock (_gate)
        {
            _known[due.Task] = committed;
        }

        await committed;
        Forget(due.Task);
        Plan(sent, next);
        _retention.Settle(sent);
    }

    private async ValueTask<RawJson?> ReadOutcomeAsync(long task, RequestMemory memory)
    {
        try
        {
            var length = _store.Read(queries => queries.PayloadLength(task));
            if (length <= TaskMessage.MaxOutcomeBytes)
            {
                await memory.HoldWhenThereIsRoomAsync(2 * length, _stopping);
                return _store.Read(queries => queries.Payload(task)) is { } outcome ? RawJson.FromUtf8(outcome) : null;
            }
        }
        catch (StorageException)
        {
            // The message is useful even without the outcome.
        }

        return null;
    }

    private bool TryReserve(long task, out Task? committing)
    {
        lock (_gate)
        {
            return !_known.TryGetValue(task, out committing) && _known.TryAdd(task, null);
        }
    }

    private void Forget(long task)
    {
        lock (_gate)
        {
            _known.Remove(task);
        }
    }
}
