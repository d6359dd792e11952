using FunctionsApp.Core.Json;
using FunctionsApp.Core.Problems;
using Microsoft.Extensions.Logging;

namespace FunctionsApp.Core.Tasks.Embedded;

/// <summary>
/// The tasks of the embedded engine: those that have not ended are in memory, and all of them are in a
/// <see cref="TaskDatabase"/>. A change is shown when it is on the disk, not before.
/// </summary>
/// <remarks>Members that say so are called under <see cref="Gate"/>, which is never held while something is written or read.</remarks>
internal sealed class TaskStore(TimeProvider time, ILogger<TaskStore> logger) : IDisposable
{
    /// <summary>The longest input or outcome, in bytes: SQLite has no longer values than 1,000,000,000.</summary>
    public const int MaxPayloadBytes = 999_000_000;

    /// <summary>Tasks that one page looks at, so that a filter which nothing passes stays cheap.</summary>
    private const int MaxExamined = 10_000;

    private static readonly TimeSpan FirstPause = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan MaxPause = TimeSpan.FromSeconds(30);

    /// <summary>How long a failed write says that the next one would fail. It is longer than any pause between two tries.</summary>
    private static readonly TimeSpan FailureLifetime = TimeSpan.FromMinutes(1);

    private readonly Dictionary<string, TaskEntry> _live = new(StringComparer.Ordinal);
    private readonly TaskCompletionSource _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly CancellationTokenSource _closing = new();
    private volatile TaskDatabase? _database;
    private volatile string _unavailable = "The task engine has not been started.";
    private long _lastSequence;
    private (StorageException? Failure, DateTimeOffset SeenAt) _failing;

    /// <summary>Guards the tasks in memory.</summary>
    public Lock Gate { get; } = new();

    /// <summary>Tasks that wait for their turn or their next attempt.</summary>
    public int Queued { get; private set; }

    /// <summary>The tasks that have not ended. Under the gate.</summary>
    public IReadOnlyCollection<TaskEntry> Live => _live.Values;

    /// <summary>Bytes that the database uses, with what is about to be written.</summary>
    public long UsedBytes => _database?.Writer.UsedBytes ?? 0;

    /// <summary>Takes over an open database. Under the gate.</summary>
    /// <param name="database">The database.</param>
    /// <param name="lastSequence">The place of its newest task.</param>
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
    }

    /// <summary>Ends the wait for the directory: it is open, or tasks are refused for a reason until it is.</summary>
    public void SetReady(string? reason = null)
    {
        _unavailable = reason ?? _unavailable;
        _ready.TrySetResult();
    }

    /// <summary>Waits while the directory is being opened.</summary>
    /// <exception cref="ProblemException"><c>storage-failed</c>: it cannot be used.</exception>
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

    /// <summary>Does nothing while a new task could be kept, as far as is known. A directory that has never been opened is no reason to say no.</summary>
    /// <exception cref="StorageException">The directory is gone, or the last write failed.</exception>
    public void EnsureWritable()
    {
        if (_database is not { } database)
        {
            return;
        }

        database.Place.EnsureHeld();
        lock (Gate)
        {
            var (failure, now) = (database.Writer.Failure, time.GetUtcNow());
            _failing = failure == _failing.Failure ? _failing : (failure, now);

            // Without an end to this nothing would be written by which it could be seen that writes succeed.
            if (failure is not null && now - _failing.SeenAt < FailureLifetime)
            {
                throw failure;
            }
        }
    }

    /// <summary>Finds a task that has not ended, and whose creation is on the disk. Under the gate.</summary>
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

        return Read(queries => queries.Find(id)) is { } record && !record.IsExpired(time.GetUtcNow()) ? TaskEntry.ViewOf(record) : null;
    }

    /// <summary>Reads a page of tasks, newest first.</summary>
    /// <param name="query">Which, but for the cursor.</param>
    /// <param name="below">Only those that were created before this place.</param>
    /// <returns>The tasks, and where the next page begins, if there is one.</returns>
    /// <exception cref="StorageException">The database cannot be read.</exception>
    public (IReadOnlyList<TaskRecord> Items, long? Next) List(TaskQuery query, long below)
    {
        var items = new List<TaskRecord>();
        var (now, examined, isEnd) = (time.GetUtcNow(), 0, true);
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
                if (record is not null && Shown(record) is { } shown && !shown.IsExpired(now) && (query.State is null || shown.State == query.State))
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
    public T Read<T>(Func<TaskQueries, T> read) => _database is { } database ? database.Read(read) : throw new StorageException(_unavailable);

    /// <summary>Writes what concerns no task in memory.</summary>
    /// <returns>Done when it is on the disk.</returns>
    /// <exception cref="StorageException">Of the task: it could not be written.</exception>
    public Task WriteAsync(Action<TaskWrites> write, int bytes = 0, bool lingers = false, Action? committed = null) =>
        _database?.Writer.WriteAsync(write, bytes, lingers, committed) ?? Task.FromException(new StorageException(_unavailable));

    /// <summary>Adds a task. Under the gate; whoever awaits the result does not hold it.</summary>
    /// <param name="create">Makes the record, from the task's place among all.</param>
    /// <param name="input">Its input.</param>
    /// <returns>The task, and when it is on the disk.</returns>
    /// <exception cref="StorageException">Of the task: it could not be written. It is to be removed then.</exception>
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

    /// <summary>Changes a task. Under the gate; whoever awaits the result does not hold it.</summary>
    /// <param name="entry">The task.</param>
    /// <param name="record">What it is from now on.</param>
    /// <param name="outcome">What it came to, if it ends with something.</param>
    /// <returns>Done when the change is on the disk, and shown.</returns>
    /// <exception cref="StorageException">Of the task: it could not be written; the change stays pending.</exception>
    public Task CommitAsync(TaskEntry entry, TaskRecord record, RawJson? outcome = null)
    {
        Count(entry.Pending, -1);
        entry.Pending = record with { Version = entry.Pending.Version + 1 };
        Count(entry.Pending, +1);
        return WriteAsync(entry, entry.Pending, outcome?.Utf8 ?? default);
    }

    /// <summary>Changes a task in a way that cannot be taken back: it is written as soon as the disk allows. Under the gate.</summary>
    /// <inheritdoc cref="CommitAsync"/>
    /// <exception cref="OperationCanceledException">The store was closed before.</exception>
    public Task CommitWithRetryAsync(TaskEntry entry, TaskRecord record, RawJson? outcome = null)
    {
        var first = CommitAsync(entry, record, outcome);
        var pending = entry.Pending;
        return RetryAsync(entry.Id, first, () =>
        {
            lock (Gate)
            {
                // A later change says all that this one would.
                return ReferenceEquals(entry.Pending, pending) ? WriteAsync(entry, pending, outcome?.Utf8 ?? default) : Task.CompletedTask;
            }
        });
    }

    /// <summary>Writes how the webhook of a task that has ended fares, as soon as the disk allows.</summary>
    /// <exception cref="OperationCanceledException">The store was closed before.</exception>
    public Task CommitDeliveryWithRetryAsync(TaskRecord record)
    {
        return RetryAsync(record.Id, WriteAsync(), WriteAsync);

        Task WriteAsync() => this.WriteAsync(writes => writes.UpdateDelivery(record));
    }

    /// <summary>Commits what is pending, and frees the directory.</summary>
    public void Dispose()
    {
        TaskDatabase? database;
        lock (Gate)
        {
            database = _database;
            SetReady("The host is shutting down.");
            _database = null;
        }

        _closing.Cancel();
        database?.Dispose();
    }

    /// <summary>A record of the database as callers see it: what is in memory is not to be ahead of it, or behind. Null before its creation is shown.</summary>
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

    private Task WriteAsync(TaskEntry entry, TaskRecord record, ReadOnlyMemory<byte> outcome)
    {
        // An end that nobody watches, and that is to be told to nobody, is worth no flush of its own.
        var lingers = record is { IsFinished: true, Delivery: null } && !entry.IsWatched;
        return WriteAsync(writes => writes.Update(record, outcome), outcome.Length, lingers, () => Show(entry, record));
    }

    /// <summary>Writes until that succeeds.</summary>
    /// <param name="id">The task.</param>
    /// <param name="first">The first try.</param>
    /// <param name="again">Tries again.</param>
    private async Task RetryAsync(string id, Task first, Func<Task> again)
    {
        var pause = FirstPause;
        for (var writing = first; ; writing = again())
        {
            try
            {
                await writing;
                return;
            }
            catch (StorageException exception)
            {
                _closing.Token.ThrowIfCancellationRequested();
                TaskLog.NotWritten(logger, id, pause.TotalSeconds, exception);
                await Task.Delay(pause, time, _closing.Token);
                pause = pause * 2 < MaxPause ? pause * 2 : MaxPause;
            }
        }
    }
}
