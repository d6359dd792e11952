using FunctionsApp.Core.Json;
using FunctionsApp.Core.Outbound;
using FunctionsApp.Core.Telemetry;
using FunctionsApp.Core.Webhooks;
using Microsoft.Extensions.Logging;

namespace FunctionsApp.Core.Tasks.Embedded;

/// <summary>
/// Sends the webhooks of tasks that have ended, each by its schedule. Every attempt is written to the database, so the
/// schedule goes on after a restart; an attempt that a crash cut off is repeated, with the same id. Thread-safe.
/// </summary>
/// <remarks>In memory are the webhooks that are due: some bytes each, and the message while it is sent.</remarks>
internal sealed partial class WebhookQueue : IDisposable
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
    private readonly Lazy<WebhookSender> _sender;
    private readonly DeliverySchedule _schedule;
    private readonly TaskRetention _retention;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly CancellationToken _stopping;
    private readonly Alarm _alarm;

    // What was due then has been read from the database, or came by Plan.
    private DateTimeOffset _loadedUntil = DateTimeOffset.MinValue;

    public WebhookQueue(
        TaskStore store, Lazy<WebhookSender> sender, DeliverySchedule schedule, TaskRetention retention, TimerQueue timers, TimeProvider time,
        ILogger logger, CancellationToken stopping)
    {
        (_store, _sender, _schedule, _retention, _time, _logger, _stopping) = (store, sender, schedule, retention, time, logger, stopping);
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
            sent = await AttemptAsync(task);
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

    /// <returns>The task with the attempt; null when there was nothing to send, as an attempt has ended since it was found due.</returns>
    private async Task<TaskRecord?> AttemptAsync(long task)
    {
        if (_store.Read(queries => queries.Find(task)) is not { Delivery: { State: DeliveryState.Pending } delivery } record || delivery.NextAttemptAt > _time.GetUtcNow())
        {
            return null;
        }

        using var watch = AppTelemetry.Start("webhook", operation: null, record.Definition.TraceParent);

        // All webhooks are one caller: a stranger may ask for any number of them.
        CallChain.Current = new CallChain(record.Definition.CallChain, caller: this);
        var result = await _sender.Value.SendAsync(delivery.Url, TaskMessage.IdOf(record.Id), Message(record), _stopping);
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
            LogFailed(_logger, id, host, error, due);
        }
        else
        {
            LogGivenUp(_logger, id, host, error);
        }
    }

    private ReadOnlyMemory<byte> Message(TaskRecord record)
    {
        byte[]? outcome = null;
        try
        {
            outcome = _store.Read(queries => queries.PayloadLength(record.Sequence) <= TaskMessage.MaxOutcomeBytes ? queries.Payload(record.Sequence) : null);
        }
        catch (StorageException)
        {
            // How the task ended is worth telling all the same.
        }

        return TaskMessage.Write(record, outcome is null ? null : RawJson.FromUtf8(outcome));
    }

    private Delivery After(Delivery delivery, WebhookResult result)
    {
        var number = delivery.Sent + 1;
        var due = result.Outcome == WebhookOutcome.Failed
            ? _schedule.Due(number - delivery.EarlierAttempts + 1, _time.GetUtcNow(), result.RetryAfter)
            : null;
        var attempt = new DeliveryAttempt(number, result.StartedAt, result.ElapsedMs, result.Status, result.Error, due);
        return delivery with
        {
            State = result.Outcome == WebhookOutcome.Delivered ? DeliveryState.Delivered : due is null ? DeliveryState.Failed : DeliveryState.Pending,
            NextAttemptAt = due,
            Attempts = [.. delivery.Attempts.TakeLast(Delivery.MaxAttempts - 1), attempt],
        };
    }

    [LoggerMessage(EventId = 20, Level = LogLevel.Warning, Message = "The webhook of task {Id} to {Host} failed: {Error} Next attempt: {NextAttemptAt:O}")]
    private static partial void LogFailed(ILogger logger, string id, string host, string error, DateTimeOffset nextAttemptAt);

    [LoggerMessage(EventId = 21, Level = LogLevel.Warning, Message = "The webhook of task {Id} to {Host} failed: {Error} No attempt is left")]
    private static partial void LogGivenUp(ILogger logger, string id, string host, string error);
}
