using System.Diagnostics.CodeAnalysis;
using System.Diagnostics.Metrics;
using System.Globalization;
using FunctionsApp.Core.Json;
using FunctionsApp.Core.Limits;
using FunctionsApp.Core.Problems;
using FunctionsApp.Core.Telemetry;
using FunctionsApp.Core.Webhooks;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace FunctionsApp.Core.Tasks.Embedded;

/// <summary>
/// The task engine that needs only a directory. Every change is flushed to disk before it is reported or acted on. After a crash
/// the engine therefore resumes from the state that it has reported.
/// </summary>
internal sealed class EmbeddedTaskEngine : ITaskEngine, IDisposable
{
    /// <summary>A cursor that starts with a digit would be parsed as a number.</summary>
    private const char CursorPrefix = 'p';

    private readonly CancellationTokenSource _stopping = new();
    private readonly Lock _gate = new();
    private readonly Dictionary<string, Task> _creating = new(StringComparer.Ordinal);
    private readonly Meter _meter = new(AppTelemetry.Name);
    private readonly TasksOptions _options;
    private readonly DirectoryOpening _directory;
    private readonly TaskStore _store;
    private readonly TimerQueue<Action> _timers;
    private readonly TaskQueue _queue;
    private readonly WebhookQueue _webhooks;
    private readonly TaskRetention _retention;
    private readonly TaskCompletion _completion;
    private readonly ILogger _logger;
    private Task? _opening;

    /// <summary>Creates the engine. The runner is created on first use.</summary>
    public EmbeddedTaskEngine(
        Lazy<TaskRunner> runner, WebhookAttempt webhook, SigningKeys keys, DeliverySchedule schedule, ProblemDescriber describer, MemoryBudget memory,
        IOptions<TasksOptions> options, TimeProvider time, ILogger<TaskStore> logger)
    {
        (_options, _logger) = (options.Value, logger);
        var clock = new TaskClock(time);
        _timers = new TimerQueue<Action>(clock, static action => action());
        _store = new TaskStore(clock, logger);
        _directory = new DirectoryOpening(_store, keys, time, logger);
        _retention = new TaskRetention(_store, clock, logger, _stopping.Token);
        _webhooks = new WebhookQueue(_store, webhook, schedule, _retention, clock, _stopping.Token);
        _completion = new TaskCompletion(_store, _webhooks, _retention, clock);
        var wait = _meter.CreateHistogram<double>("functionsapp.task.wait", "s", "The time that tasks waited for their turn.");
        var attempts = new AttemptRunner(runner, _store, describer, _timers, clock);
        _queue = new TaskQueue(_store, memory, attempts, _completion, _options, _timers, clock, wait, _stopping.Token);
        _meter.CreateObservableGauge("functionsapp.task.queue.length", () => _store.Queued, "{task}", "Tasks that wait for their turn or a retry.");
    }

    /// <summary>Starts to open the directory and to resume its tasks, on the first call only. The first use calls it too, and waits for it.</summary>
    public void Start()
    {
        lock (_gate)
        {
            _opening ??= OpenAsync();
        }
    }

    /// <summary>Interrupts running tasks, and writes pending changes. Interrupted tasks run again after the next start.</summary>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        await _stopping.CancelAsync();
        lock (_gate)
        {
            _opening ??= Task.CompletedTask;
        }

        await _opening.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await _queue.StopAsync().WaitAsync(cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        Dispose();
    }

    public void Dispose()
    {
        _meter.Dispose();
        _timers.Dispose();
        _webhooks.Dispose();
        _retention.Dispose();
        _store.Dispose();
    }

    public string Name => "embedded";

    public async Task<TaskRecord> CreateAsync(TaskDefinition definition, RawJson input)
    {
        await EnsureOpenAsync();
        if (definition.IdempotencyKey is not { } key)
        {
            return await AcceptAsync(definition, input);
        }

        // Requests with the same key are processed one after the other, so that later ones find the task of the first.
        var created = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        while (!TryReserve(key, created.Task, out var other))
        {
            await other;
        }

        try
        {
            return FindByKey(key, definition.Fingerprint) ?? await AcceptAsync(definition, input);
        }
        finally
        {
            lock (_gate)
            {
                _creating.Remove(key);
            }

            created.SetResult();
        }
    }

    public async ValueTask<TaskView?> FindAsync(string id)
    {
        await EnsureOpenAsync();
        return Read(() => _store.Find(id));
    }

    public async ValueTask<TaskView?> WaitAsync(string id, long after, CancellationToken cancellationToken)
    {
        await EnsureOpenAsync();
        for (TaskEntry? entry = null; ;)
        {
            Task changed;
            lock (_store.Gate)
            {
                // The entry outlives its place in the store: it shows the end of the task after its removal.
                entry ??= _store.FindLive(id);
                if (entry is null)
                {
                    break;
                }

                var view = entry.View;
                if (view.Revision > after || view.Record.IsFinished)
                {
                    return view;
                }

                changed = entry.ChangedAsync();
            }

            await changed.WaitAsync(cancellationToken);
        }

        return Read(() => _store.Find(id));
    }

    public async ValueTask<RawJson?> ReadOutcomeAsync(string id)
    {
        await EnsureOpenAsync();
        return Read(() => StoredOutcome.Find(_store, id));
    }

    public async Task<TaskView?> CancelAsync(string id)
    {
        await EnsureOpenAsync();
        TaskView? view;
        var committed = Task.CompletedTask;
        lock (_store.Gate)
        {
            view = _store.FindLive(id) is { } entry ? Cancel(entry, out committed) : null;
        }

        try
        {
            await committed;
        }
        catch (StorageException)
        {
            throw new ProblemException(Problem.StorageFailed(
                "The task is being stopped, but its cancellation could not be stored: if the host ends before it is stored, the task runs again."));
        }

        return view ?? Read(() => _store.Find(id));
    }

    public async ValueTask<TaskPage> ListAsync(TaskQuery query)
    {
        var below = query.Cursor is null ? long.MaxValue : ParseCursor(query.Cursor);
        await EnsureOpenAsync();
        var (items, next) = Read(() => _store.List(query, below));
        return new TaskPage(items, next is { } place ? string.Create(CultureInfo.InvariantCulture, $"{CursorPrefix}{place:x}") : null);
    }

    public async Task<TaskRecord?> RedeliverAsync(string id)
    {
        await EnsureOpenAsync();
        var record = Read(() => _store.Find(id))?.Record;
        try
        {
            return record is { IsFinished: true, Delivery: not null } ? await _webhooks.SendAgainAsync(record.Sequence) : record;
        }
        catch (StorageException)
        {
            throw new ProblemException(Problem.StorageFailed("The redelivery of the webhook could not be stored."));
        }
    }

    public void EnsureReady()
    {
        try
        {
            _store.EnsureWritable();
        }
        catch (StorageException exception)
        {
            throw new ProblemException(Problem.StorageFailed(
                exception.Reason ?? "New tasks cannot be stored: the directory of the tasks cannot be written. The log has the cause."));
        }
    }

    private static long ParseCursor(string cursor) =>
        cursor.StartsWith(CursorPrefix) && long.TryParse(cursor.AsSpan(1), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var below) && below > 1
            ? below
            : throw new ProblemException(Problem.InvalidRequest("/cursor", "must be the nextCursor of an earlier page"));

    private static T Read<T>(Func<T> read)
    {
        try
        {
            return read();
        }
        catch (StorageException)
        {
            throw new ProblemException(Problem.StorageFailed("The tasks cannot be read. The log has the cause."));
        }
    }

    private ValueTask EnsureOpenAsync()
    {
        Start();
        return _store.EnsureOpenAsync();
    }

    private async Task OpenAsync()
    {
        await Task.Yield();
        try
        {
            if (await _directory.RunAsync(_options.Directory, _queue.Resume, _stopping.Token))
            {
                await Task.WhenAll(_webhooks.LoadAsync(), _retention.LoadAsync());
            }
        }
#pragma warning disable CA1031 // A bug: it is logged here, and for each request. Storage is fine, so readiness does not change.
        catch (Exception exception) when (!_stopping.IsCancellationRequested)
#pragma warning restore CA1031
        {
            TaskLog.NotResumed(_logger, exception);
            _store.SetFailed(exception);
        }
    }

    private async Task<TaskRecord> AcceptAsync(TaskDefinition definition, RawJson input)
    {
        var entry = await _queue.AcceptAsync(definition, input);
        lock (_store.Gate)
        {
            return entry.View.Record;
        }
    }

    /// <summary>Cancels a task that has not ended. Under the gate.</summary>
    private TaskView Cancel(TaskEntry entry, out Task committed)
    {
        committed = Task.CompletedTask;
        if (entry.Pending.IsFinished || entry.Pending.State == TaskState.Cancelling)
        {
            return entry.View with { Record = entry.Pending };
        }

        committed = _store.CommitAsync(entry, entry.Pending with { State = TaskState.Cancelling, NextAttemptAt = null });
        var view = entry.View with { Record = entry.Pending };
        if (entry.Stop is null)
        {
            _queue.Leave(entry);
            _ = _completion.End(entry, TaskState.Cancelled);
        }
        else
        {
            // Not Cancel(): it would run the cancellation callbacks of the task here, under the lock.
            _ = entry.Stop.CancelAsync();
        }

        return view;
    }

    /// <summary>Reserves a key, unless a task with it is being created.</summary>
    private bool TryReserve(string key, Task created, [NotNullWhen(false)] out Task? other)
    {
        lock (_gate)
        {
            return !_creating.TryGetValue(key, out other) && _creating.TryAdd(key, created);
        }
    }

    private TaskRecord? FindByKey(string key, string? fingerprint) =>
        Read(() => _store.Read(queries => queries.FindByKey(key))) is not { } record || _store.Expired.Contains(record) ? null
        : record.Flaw is not null || string.Equals(record.Definition.Fingerprint, fingerprint, StringComparison.Ordinal)
            ? Read(() => _store.Find(record.Id))?.Record
        : throw new ProblemException(Problem.IdempotencyKeyReused());
}
