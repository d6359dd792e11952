using FunctionsApp.Core.Webhooks;

namespace FunctionsApp.Core.Tasks.Embedded;

/// <summary>
/// Sends the webhooks of tasks that have ended, each by its schedule. Every attempt is written to the database, so the
/// schedule goes on after a restart; an attempt that a crash cut off is repeated, with the same id. Thread-safe.
/// </summary>
/// <remarks>In memory are the webhooks that are due: some bytes each, and the message while it is sent.</remarks>
internal sealed class WebhookQueue : IDisposable
{
    /// <summary>Webhooks that are sent at once: each may hold a message of 1 MiB.</summary>
    private const int MaxAtOnce = 256;

    private const int PageSize = 1_000;
    private static readonly TimeSpan PauseAfterFailure = TimeSpan.FromSeconds(30);

    private readonly Lock _gate = new();
    private readonly SemaphoreSlim _slots = new(MaxAtOnce);
    private readonly SemaphoreSlim _loading = new(1);
    private readonly ReceiverQueues _receivers = new();

    // By the places of their tasks: those that wait or are being sent, without a task; and those whose attempt is over, with its commit.
    private readonly Dictionary<long, Task?> _known = [];
    private readonly TaskStore _store;
    private readonly WebhookAttempt _attempt;
    private readonly DeliverySchedule _schedule;
    private readonly TaskRetention _retention;
    private readonly TimeProvider _time;
    private readonly CancellationToken _stopping;
    private readonly Alarm _alarm;

    // What was due then has been read from the database, or came by Plan.
    private DateTimeOffset _loadedUntil = DateTimeOffset.MinValue;

    public WebhookQueue(
        TaskStore store, WebhookAttempt attempt, DeliverySchedule schedule, TaskRetention retention, TimerQueue timers, TimeProvider time, CancellationToken stopping)
    {
        (_store, _attempt, _schedule, _retention, _time, _stopping) = (store, attempt, schedule, retention, time, stopping);
        _alarm = new Alarm(timers, () => _ = LoadAsync());
    }

    /// <summary>Begins with what was due while the host was down.</summary>
    public void Start() => _alarm.Set(_time.GetUtcNow());

    public void Dispose()
    {
        _slots.Dispose();
        _loading.Dispose();
    }

    /// <summary>The webhook of a task that ends now.</summary>
    public Delivery New(Uri url, DateTimeOffset now) => new() { Url = url, NextAttemptAt = _schedule.Due(1, now, retryAfter: null) };

    /// <summary>Sends the webhook of a task when it is due, if it is still to be sent. The database has that.</summary>
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

    /// <summary>Sends the webhook of a task that has ended at once, and begins its schedule anew.</summary>
    /// <param name="task">The place of the task.</param>
    /// <returns>The task with that change on the disk, or as it is if its webhook is being sent already; null when there is no such task with a webhook.</returns>
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
                // Whether it was written or not: what fell due meanwhile was passed over.
                Plan(planned);
            }
        }
    }

    /// <summary>Reads what has become due, and sets the alarm for what comes next.</summary>
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
        // In a context of its own, and not in that of whoever made room for it.
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
            sent = await _attempt.RunAsync(task, _stopping);
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
