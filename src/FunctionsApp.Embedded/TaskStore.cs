using FunctionsApp.Core.Json;
using FunctionsApp.Core.Problems;
using FunctionsApp.Core.Tasks;
using FunctionsApp.Embedded.Storage;
using Microsoft.Extensions.Logging;

namespace FunctionsApp.Embedded;

/// <summary>
/// The tasks of the embedded engine. Those that have not ended are in memory; all are in a <see cref="TaskDatabase"/>.
/// A change is visible to callers only once it is on disk.
/// </summary>
/// <remarks>Members that say so are called under <see cref="Gate"/>, which is never held during a read or write of the database.</remarks>
internal sealed class TaskStore(TaskClock clock, ILogger<TaskStore> logger) : IDisposable
{
    /// <summary>The maximum tasks that one page examines, so that a filter without matches stays cheap.</summary>
    private const int MaxExamined = 10_000;

    private readonly Dictionary<string, TaskEntry> _live = new(StringComparer.Ordinal);
    private readonly TaskCompletionSource _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly CancellationTokenSource _closing = new();
    private readonly StorageRetry _retry = new(clock.Time, logger);
    private volatile TaskDatabase? _database;
    private volatile string _unavailable = "The task engine has not been started.";
    private long _lastSequence;
    private volatile bool _isFaulty;

    /// <summary>Guards the tasks in memory.</summary>
    public Lock Gate { get; } = new();

    /// <summary>Tasks that wait for their turn or their next attempt.</summary>
    public int Queued { get; private set; }

    /// <summary>The tasks that have not ended. Under the gate.</summary>
    public IReadOnlyCollection<TaskEntry> Live => _live.Values;

    /// <summary>Bytes that the database uses, including pending writes.</summary>
    public long UsedBytes => _database?.Writer.UsedBytes ?? 0;

    /// <summary>The tasks that have expired, and are not deleted yet: they are not found any more.</summary>
    public ExpiredTasks Expired { get; } = new(clock);

    /// <summary>Takes ownership of an open database. Under the gate.</summary>
    /// <param name="database">The database.</param>
    /// <param name="lastSequence">The sequence number of its newest task.</param>
    /// <param name="live">Its tasks that have not ended, with the lengths of their inputs.</param>
    public void Open(TaskDatabase database, long lastSequence, IEnumerable<(TaskRecord Record, int InputBytes)> live)
    {
        (_database, _lastSequence) = (database, lastSequence);
        foreach (var (record, inputBytes) in live)
        {
            var entry = new TaskEntry(record, inputBytes);
            entry.Commit(record);
            _live.Add(record.Id, entry);
            Count(record, +1);
        }

        _ready.TrySetResult();
    }

    /// <summary>Ends the wait for the directory: tasks are refused for a reason until it is open.</summary>
    /// <param name="reason">The reason.</param>
    /// <param name="isFault">
    /// Whether storage is at fault, so that the app is not ready. It is not if another process uses the directory: that may wait for
    /// this one to be ready.
    /// </param>
    public void Refuse(string reason, bool isFault = false)
    {
        (_unavailable, _isFaulty) = (reason, isFault);
        _ready.TrySetResult();
    }

    /// <summary>Ends the wait for the directory: a bug keeps it from being opened.</summary>
    public void SetFailed(Exception bug)
    {
        if (_ready.TrySetException(bug))
        {
            // Observed, even if there is no request.
            _ = _ready.Task.Exception;
        }
    }

    /// <summary>Waits while the directory is being opened.</summary>
    /// <exception cref="ProblemException"><c>storage-failed</c>: the directory cannot be used.</exception>
    public ValueTask EnsureOpenAsync()
    {
        return _database is not null ? default : WaitAsync();

        async ValueTask WaitAsync()
        {
            await _ready.Task;
            if (_database is null)
            {
                throw new ProblemException(Problem.StorageFailed(_unavailable));
            }
        }
    }

    /// <summary>Throws if a new task could not be stored, as far as is known. Does not throw while the directory is being opened.</summary>
    /// <exception cref="StorageException">The directory cannot be used or is gone, or the last write failed.</exception>
    public void EnsureWritable()
    {
        if (_database is not { } database)
        {
            if (_isFaulty)
            {
                throw new StorageException(_unavailable, reason: _unavailable);
            }

            return;
        }

        database.Writer.EnsureAtPath();
        if (database.Writer.Failure is { } failure)
        {
            throw failure;
        }
    }

    /// <summary>Finds a task that has not ended and whose creation is on disk. Under the gate.</summary>
    public TaskEntry? FindLive(string id) => _live.TryGetValue(id, out var entry) && entry.Committed is not null ? entry : null;

    /// <summary>Finds a task that has been accepted and has not expired.</summary>
    /// <exception cref="StorageException">The database cannot be read.</exception>
    public TaskView? Find(string id)
    {
        lock (Gate)
        {
            if (FindLive(id) is { } entry)
            {
                return entry.View;
            }
        }

        return Read(queries => queries.Find(id)) is { } record && !Expired.Contains(record) ? TaskEntry.ViewOf(record) : null;
    }

    /// <summary>Reads a page of tasks, newest first.</summary>
    /// <param name="query">What to list; its cursor is ignored.</param>
    /// <param name="below">Returns only tasks with lower sequence numbers.</param>
    /// <returns>The tasks, and where the next page begins, if there is one.</returns>
    /// <exception cref="StorageException">The database cannot be read.</exception>
    public (IReadOnlyList<TaskRecord> Items, long? Next) List(TaskQuery query, long below)
    {
        var items = new List<TaskRecord>();
        var (examined, isEnd) = (0, true);
        Read(queries =>
        {
            queries.Visit(query, below, MaxExamined, (sequence, record) =>
            {
                if (items.Count == query.Limit)
                {
                    isEnd = false;
                    return false;
                }

                below = sequence;
                examined++;
                if (record is not null && Shown(record) is { } shown && !Expired.Contains(shown)
                    && (query.State is null || shown.State == query.State))
                {
                    items.Add(shown);
                }

                return true;
            });
            return true;
        });
        return (items, isEnd && examined < MaxExamined ? null : below);
    }

    /// <summary>Reads with a connection of its own.</summary>
    /// <exception cref="StorageException">The database cannot be read.</exception>
    public T Read<T>(Func<TaskQueries, T> read) =>
        _database is { } database ? database.Read(read) : throw new StorageException(_unavailable);

    /// <summary>Writes a change that affects no task in memory.</summary>
    /// <returns>Completes when it is on disk.</returns>
    /// <exception cref="StorageException">From the task: the change could not be written.</exception>
    public Task WriteAsync(Action<TaskWrites> write, int bytes = 0, bool lingers = false, Action? committed = null) =>
        _database?.Writer.WriteAsync(write, bytes, lingers, committed) ?? Task.FromException(new StorageException(_unavailable));

    /// <summary>Adds a task. Under the gate; the caller must not hold it while awaiting the result.</summary>
    /// <param name="create">Creates the record from the task's sequence number.</param>
    /// <param name="input">Its input.</param>
    /// <returns>The task, and the completion of its write.</returns>
    /// <exception cref="StorageException">From the task: it could not be written. The caller must remove it then.</exception>
    public (TaskEntry Entry, Task Committed) Add(Func<long, TaskRecord> create, RawJson input)
    {
        var record = create(++_lastSequence);
        var entry = new TaskEntry(record, input.Utf8.Length);
        _live.Add(record.Id, entry);
        Count(record, +1);
        return (entry, WriteAsync(writes => writes.Insert(record, input.Utf8), entry.InputBytes, committed: () => Show(entry, record)));
    }

    /// <summary>Removes a task that could not be added. Under the gate.</summary>
    public void Remove(TaskEntry entry)
    {
        _live.Remove(entry.Id);
        Count(entry.Pending, -1);
    }

    /// <summary>Changes a task. Under the gate; the caller must not hold it while awaiting the result.</summary>
    /// <param name="entry">The task.</param>
    /// <param name="record">The task after the change.</param>
    /// <param name="outcome">The outcome, if it ends with one.</param>
    /// <param name="committed">Runs when the change is on disk, before it is visible; must be quick.</param>
    /// <returns>Completes when the change is on disk, and visible.</returns>
    /// <exception cref="StorageException">From the task: it could not be written; the change stays pending.</exception>
    public Task CommitAsync(TaskEntry entry, TaskRecord record, RawJson? outcome = null, Action? committed = null)
    {
        Count(entry.Pending, -1);
        entry.Pending = record;
        Count(entry.Pending, +1);
        return WriteAsync(entry, entry.Pending, outcome?.Utf8 ?? default, committed);
    }

    /// <summary>Makes an irreversible change to a task: the write is retried until it succeeds. Under the gate.</summary>
    /// <inheritdoc cref="CommitAsync"/>
    /// <exception cref="OperationCanceledException">The store was closed first.</exception>
    public Task CommitWithRetryAsync(TaskEntry entry, TaskRecord record, RawJson? outcome = null, Action? committed = null)
    {
        var first = CommitAsync(entry, record, outcome, committed);
        var pending = entry.Pending;
        return _retry.WriteAsync(entry.Id, first, () =>
        {
            lock (Gate)
            {
                // A later change includes this one.
                return ReferenceEquals(entry.Pending, pending)
                    ? WriteAsync(entry, pending, outcome?.Utf8 ?? default, committed)
                    : Task.CompletedTask;
            }
        }, _closing.Token);
    }

    /// <summary>Reads, and retries if that fails.</summary>
    /// <inheritdoc cref="StorageRetry.ReadAsync"/>
    public Task<T> ReadWithRetryAsync<T>(Func<TaskQueries, T> read, int maxReads, CancellationToken stop) =>
        _retry.ReadAsync(() => Read(read), maxReads, stop);

    /// <summary>Writes a change of a task that has ended; retries until that succeeds.</summary>
    /// <exception cref="OperationCanceledException">The store was closed first.</exception>
    public Task WriteWithRetryAsync(string id, Action<TaskWrites> write) =>
        _retry.WriteAsync(id, WriteAsync(write), () => WriteAsync(write), _closing.Token);

    /// <summary>Commits the pending changes, and frees the directory.</summary>
    public void Dispose()
    {
        TaskDatabase? database;
        lock (Gate)
        {
            database = _database;
            Refuse("The host is shutting down.");
            _database = null;
        }

        _closing.Cancel();
        database?.Dispose();
    }

    /// <summary>
    /// Returns a record of the database as callers see it, in step with the task in memory. Null before its creation is visible.
    /// </summary>
    private TaskRecord? Shown(TaskRecord record)
    {
        lock (Gate)
        {
            return _live.TryGetValue(record.Id, out var entry) ? entry.Committed is null ? null : entry.View.Record : record;
        }
    }

    private void Show(TaskEntry entry, TaskRecord record)
    {
        lock (Gate)
        {
            entry.Commit(record);
            if (record.IsFinished)
            {
                _live.Remove(record.Id);
            }
        }
    }

    private void Count(TaskRecord record, int by) => Queued += record.State == TaskState.Queued ? by : 0;

    private Task WriteAsync(TaskEntry entry, TaskRecord record, ReadOnlyMemory<byte> outcome, Action? committed)
    {
        // The end of a task without watchers and without a webhook needs no flush of its own.
        var lingers = record is { IsFinished: true, Delivery: null } && !entry.IsWatched;
        return WriteAsync(writes => writes.Update(record, outcome), outcome.Length, lingers, () =>
        {
            committed?.Invoke();
            Show(entry, record);
        });
    }
}
