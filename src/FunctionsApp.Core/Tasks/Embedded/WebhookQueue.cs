using FunctionsApp.Core.Json;
using FunctionsApp.Core.Limits;
using FunctionsApp.Core.Webhooks;

namespace FunctionsApp.Core.Tasks.Embedded;

/// <summary>
/// Sends the webhooks of tasks that have ended, each by its schedule. Every attempt is written to the database, so the schedule
/// continues after a restart. An attempt that a crash interrupted is repeated with the same id. Thread-safe.
/// </summary>
/// <remarks>Due webhooks are in memory: some bytes each, plus the message while it is in flight.</remarks>
internal sealed class WebhookQueue : IDisposable
{
    /// <summary>Maximum webhooks in flight: each may hold a message of 1 MiB.</summary>
    private const int MaxAtOnce = 256;

    private const int PageSize = 1_000;
    private static readonly TimeSpan PauseAfterFailure = TimeSpan.FromSeconds(30);

    private readonly Lock _gate = new();
    private readonly SemaphoreSlim _slots = new(MaxAtOnce);
    private readonly SemaphoreSlim _loading = new(1);
    private readonly ReceiverQueues _receivers = new();

    // By sequence number: webhooks that wait or are in flight have no task; those whose attempt has ended have its commit.
    private readonly Dictionary<long, Task?> _known = [];
    private readonly TaskStore _store;
    private readonly WebhookAttempt _attempt;
    private readonly DeliverySchedule _schedule;
    private readonly TaskRetention _retention;
    private readonly TimeProvider _time;
    private readonly CancellationToken _stopping;
    private readonly Alarm _alarm;

    // Webhooks due by then have been read from the database, or arrived through Plan.
    private DateTimeOffset _loadedUntil = DateTimeOffset.MinValue;

    public WebhookQueue(
        TaskStore store, WebhookAttempt attempt, DeliverySchedule schedule, TaskRetention retention, TimerQueue timers, TimeProvider time, CancellationToken stopping)
    {
        (_store, _attempt, _schedule, _retention, _time, _stopping) = (store, attempt, schedule, retention, time, stopping);
        _alarm = new Alarm(timers, () => _ = LoadAsync());
    }

    /// <summary>Sends what became due while the host was down.</summary>
    public void Start() => _alarm.Set(_time.GetUtcNow());

    public void Dispose()
    {
        _slots.Dispose();
        _loading.Dispose();
    }

    /// <summary>Creates the webhook of a task that ends now.</summary>
    public Delivery New(Uri url, DateTimeOffset now) => new() { Url = url, NextAttemptAt = _schedule.Due(1, now, retryAfter: null) };

    /// <summary>Sends the webhook of a task when it is due, if it is pending. The database already holds it.</summary>
    public void Plan(TaskRecord record)
    {
        if (record.Delivery is not { State: DeliveryState.Pending, NextAttemptAt: { } due } delivery)
        {
            return;
        }

        lock (_gate)
        {
            if (due <= _time.GetUtcNow() || due <= _loadedUntil)
            {
                Enqueue(record.Sequence, delivery.Url);
                return;
            }
        }

        _alarm.Set(due);
    }

    /// <summary>Sends the webhook of a task that has ended at once, and restarts its schedule.</summary>
    /// <param name="task">The task's sequence number.</param>
    /// <returns>The task with that change on disk, or unchanged if that is already queued or in flight; null when no such task has a webhook.</returns>
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
            var record = found with { Delivery = delivery with { State = DeliveryState.Pending, NextAttemptAt = _time.GetUtcNow(), EarlierAttempts = delivery.Sent } };
            await _store.WriteAsync(writes => writes.UpdateDelivery(record));
            return planned = record;
        }
        finally
        {
            Forget(task);
            if (planned is not null)
            {
                // Even if the write failed: webhooks that became due meanwhile were skipped.
                Plan(planned);
            }
        }
    }

    /// <summary>Reads the webhooks that have become due, and sets the alarm for the next one.</summary>
    private async Task LoadAsync()
    {
        await _loading.WaitAsync(_stopping);
        try
        {
            await Task.Yield();
            var now = _time.GetUtcNow();
            var (after, task) = (_loadedUntil, long.MaxValue);
            for (var count = PageSize; count == PageSize;)
            {
                var page = _store.Read(queries => queries.ReadDue(after, task, now, PageSize));
                lock (_gate)
                {
                    foreach (var due in page)
                    {
                        (after, task) = (due.At, due.Task);
                        Enqueue(due.Task, due.Url);
                    }
                }

                count = page.Count;
            }

            lock (_gate)
            {
                _loadedUntil = now;
            }

            if (_store.Read(queries => queries.NextDue(now)) is { } next)
            {
                _alarm.Set(next);
            }
        }
        catch (StorageException)
        {
            LoadAgain();
        }
        finally
        {
            _loading.Release();
        }
    }

    private void LoadAgain()
    {
        if (_stopping.IsCancellationRequested)
        {
            return;
        }

        lock (_gate)
        {
            _loadedUntil = DateTimeOffset.MinValue;
        }

        _alarm.Set(_time.GetUtcNow() + PauseAfterFailure);
    }

    /// <summary>Under the gate.</summary>
    private void Enqueue(long task, Uri url)
    {
        if (_known.TryAdd(task, null) && _receivers.TryEnter(url, task))
        {
            Start(task, url);
        }
    }

    private void Start(long task, Uri url)
    {
        // Uses its own execution context, not that of the caller that freed the slot.
        using (ExecutionContext.SuppressFlow())
        {
            _ = SendAsync(task, url);
        }
    }

    private async Task SendAsync(long task, Uri url)
    {
        TaskRecord? sent = null;
        await Task.Yield();
        await _slots.WaitAsync(_stopping);
        try
        {
            sent = await SendIfDueAsync(task);
        }
        catch (StorageException)
        {
            LoadAgain();
        }
        finally
        {
            _slots.Release();
            lock (_gate)
            {
                if (_receivers.Leave(url) is { } next)
                {
                    Start(next, url);
                }
            }
        }

        if (sent is null)
        {
            Forget(task);
            return;
        }

        var committed = _store.CommitDeliveryWithRetryAsync(sent);
        lock (_gate)
        {
            _known[task] = committed;
        }

        await committed;
        Forget(task);
        Plan(sent);
        _retention.Plan(sent);
    }

    /// <summary>Returns the task with the attempt; null when nothing was due, because another attempt has ended meanwhile.</summary>
    private async Task<TaskRecord?> SendIfDueAsync(long task) =>
        _store.Read(queries => queries.Find(task)) is { Delivery: { State: DeliveryState.Pending } delivery } record && delivery.NextAttemptAt <= _time.GetUtcNow()
            ? record with { Delivery = await _attempt.RunAsync(record, memory => ReadOutcomeAsync(task, memory), _stopping) }
            : null;

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
