using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using FunctionsApp.Core.Json;
using FunctionsApp.Core.Limits;
using FunctionsApp.Core.Problems;
using FunctionsApp.Core.Tasks;
using FunctionsApp.Core.Webhooks;
using FunctionsApp.Embedded.Storage;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace FunctionsApp.Embedded;

/// <summary>
/// The task engine that needs only a directory. Every change is flushed to disk before it is reported or acted on. After a crash
/// the engine therefore resumes from the state that it has reported.
/// </summary>
internal sealed class EmbeddedTaskEngine : ITaskEngine, IDisposable
{
    private readonly CancellationTokenSource _stopping = new();
    private readonly Lock _gate = new();
    private readonly Dictionary<string, Task> _creating = new(StringComparer.Ordinal);
    private readonly TasksOptions _options;
    private readonly DirectoryOpening _directory;
    private readonly TaskStore _store;
    private readonly TimerQueue<Action> _timers;
    private readonly TaskQueue _queue;
    private readonly WebhookQueue _webhooks;
    private readonly TaskRetention _retention;
    private readonly ILogger _logger;
    private Task? _opening;

    /// <summary>Creates the engine. The runner is created on first use.</summary>
    public EmbeddedTaskEngine(
        Lazy<TaskRunner> runner, WebhookAttempt webhook, SigningKeys keys, DeliverySchedule schedule, ProblemDescriber describer,
        MemoryBudget memory, IOptions<TasksOptions> options, TimeProvider time, ILogger<TaskStore> logger)
    {
        (_options, _logger) = (options.Value, logger);
        var clock = new TaskClock(time);
        _timers = new TimerQueue<Action>(clock, static action => action());
        _store = new TaskStore(clock, logger);
        _directory = new DirectoryOpening(_store, keys, time, logger);
        _retention = new TaskRetention(_store, clock, logger, _stopping.Token);
        _webhooks = new WebhookQueue(_store, webhook, _retention, clock, _stopping.Token);
        var changes = new TaskChanges(_store, _webhooks, _retention, schedule, clock);
        var attempts = new AttemptRunner(runner, _store, describer, _timers);
        _queue = new TaskQueue(_store, memory, attempts, changes, _options, _timers, _stopping.Token);
    }

    /// <summary>
    /// Starts to open the directory and to resume its tasks, on the first call only. The first use calls it too, and waits for it.
    /// </summary>
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
        _queue.Dispose();
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
        TaskView? view = null;
        var committed = Task.CompletedTask;
        lock (_store.Gate)
        {
            if (_store.FindLive(id) is { } entry)
            {
                view = entry.View with { Record = _queue.Cancel(entry, out committed) };
            }
        }

        try
        {
            await committed;
        }
        catch (StorageException)
        {
            throw new ProblemException(Problem.StorageFailed(
                "The task is being stopped, but its cancellation could not be stored: "
                + "if the host ends before it is stored, the task runs again."));
        }

        return view ?? Read(() => _store.Find(id));
    }

    public async ValueTask<TaskPage> ListAsync(TaskQuery query)
    {
        var below = ParseCursor(query.Cursor);
        await EnsureOpenAsync();
        var (items, next) = Read(() => _store.List(query, below));
        return new TaskPage(items, TaskCursor.Encode(next?.ToString(CultureInfo.InvariantCulture)));
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

    /// <summary>Returns the sequence number of a cursor; the page has tasks with lower ones.</summary>
    private static long ParseCursor(string? cursor) => TaskCursor.Decode(cursor) is not { } text ? long.MaxValue
        : long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var below) && below > 1 ? below
        : throw TaskProblems.InvalidCursor();

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
            if (await _directory.RunAsync(_options.Directory, Open, _stopping.Token))
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

    private void Open(TaskDatabase database)
    {
        var (last, live) = database.Read(static queries => (queries.LastSequence(), queries.ReadLive()));
        lock (_store.Gate)
        {
            _store.Open(database, last, live);
            _queue.Resume();
        }

        if (live.Count > 0)
        {
            var waiting = live.Count(static task => task.Record.State == TaskState.Queued);
            var interrupted = live.Count(static task => task.Record.State == TaskState.Running);
            TaskLog.GoesOn(_logger, waiting, interrupted);
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
