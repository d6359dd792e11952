using FunctionsApp.Core.Json;
using FunctionsApp.Core.Problems;
using FunctionsApp.Core.Tasks;
using FunctionsApp.Embedded.Storage;
using Microsoft.Extensions.Logging;

namespace FunctionsApp.Embedded;

/// <summary>
/// The tasks of the embedded engine. Those that have not ended are in memory; all are in the database.
/// A change is visible to callers only once it is on disk. Then the next step of its task is planned.
/// </summary>
/// <remarks>Members that say so are called under <see cref="Gate"/>, which is never held during a read or write of the database.</remarks>
internal sealed class TaskStore(DatabaseAccess database, WakeUps wakeUps, ILogger<TaskStore> logger, ILogger<TaskFailures> failures)
{
    /// <summary>The maximum tasks that one page examines, so that a filter without matches stays cheap.</summary>
    private const int MaxExamined = 10_000;

    private readonly Dictionary<string, TaskEntry> _live = new(StringComparer.Ordinal);
    private long _lastSequence;

    /// <summary>The database.</summary>
    public DatabaseAccess Database => database;

    /// <summary>Guards the tasks in memory.</summary>
    public Lock Gate { get; } = new();

    /// <summary>Tasks that wait for their turn or their next attempt.</summary>
    public int Queued { get; private set; }

    /// <summary>The tasks that have not ended. Under the gate.</summary>
    public IReadOnlyCollection<TaskEntry> Live => _live.Values;

    /// <summary>Takes a database over, and has its live tasks resumed, under the gate, before any other use of them.</summary>
    /// <exception cref="StorageException">The database cannot be read.</exception>
    public void Open(TaskDatabase opened, Action resume)
    {
        var (last, live) = opened.Read(static queries => (queries.LastSequence(), queries.ReadLive()));
        lock (Gate)
        {
            database.Open(opened);
            _lastSequence = last;
            foreach (var (record, inputBytes) in live)
            {
                var entry = new TaskEntry(record, inputBytes);
                entry.Commit(record);
                _live.Add(record.Id, entry);
                Count(record, +1);
            }

            resume();
            foreach (var (record, _) in live)
            {
                TaskLog.Flaw(logger, record);
                if (!record.IsFinished)
                {
                    wakeUps.Plan(record);
                }
            }
        }

        if (live.Count > 0)
        {
            var waiting = live.Count(static task => task.Record.State == TaskState.Queued);
            var interrupted = live.Count(static task => task.Record.State == TaskState.Running);
            TaskLog.Resumed(logger, waiting, interrupted);
        }
    }

    /// <summary>Finds a task that has not ended and whose creation is on disk. Under the gate.</summary>
    public TaskEntry? FindLive(string id) => _live.TryGetValue(id, out var entry) && entry.Committed is not null ? entry : null;

    /// <summary>Finds a task that has been accepted and has not expired.</summary>
    /// <exception cref="ProblemException"><c>storage-failed</c>: the database cannot be read.</exception>
    public TaskView? Find(string id)
    {
        lock (Gate)
        {
            if (FindLive(id) is { } entry)
            {
                return entry.View;
            }
        }

        return database.Read(queries => queries.Find(id)) is { } record && !wakeUps.IsExpired(record) ? TaskEntry.ViewOf(record) : null;
    }

    /// <summary>Finds a task by its sequence number, as callers see it.</summary>
    /// <exception cref="ProblemException"><c>storage-failed</c>: the database cannot be read.</exception>
    public TaskRecord? Find(long sequence) => database.Read(queries => queries.Find(sequence)) is { } record ? Shown(record) : null;

    /// <summary>Finds the task of an earlier request with the same idempotency key.</summary>
    /// <exception cref="ProblemException"><c>idempotency-key-reused</c>: that request was another one. <c>storage-failed</c>.</exception>
    public TaskRecord? FindEarlier(TaskDefinition definition) =>
        definition.IdempotencyKey is not { } key || database.Read(queries => queries.FindByKey(key)) is not { } record
            || wakeUps.IsExpired(record) ? null
        : record.Flaw is not null || string.Equals(record.Definition.Fingerprint, definition.Fingerprint, StringComparison.Ordinal)
            ? Find(record.Id)?.Record
        : throw new ProblemException(Problem.IdempotencyKeyReused());

    /// <summary>Reads a page of tasks below a sequence number, newest first.</summary>
    /// <returns>The tasks, and where the next page begins, if there is one.</returns>
    /// <exception cref="ProblemException"><c>storage-failed</c>: the database cannot be read.</exception>
    public (IReadOnlyList<TaskRecord> Items, long? Next) List(TaskQuery query, long below)
    {
        var items = new List<TaskRecord>();
        return database.Read<(IReadOnlyList<TaskRecord>, long?)>(queries =>
        {
            var examined = 0;
            foreach (var (sequence, record) in queries.List(query, below, MaxExamined))
            {
                if (items.Count == query.Limit)
                {
                    return (items, below);
                }

                below = sequence;
                examined++;
                if (record is not null && Shown(record) is { } shown && !wakeUps.IsExpired(shown)
                    && (query.State is null || shown.State == query.State))
                {
                    items.Add(shown);
                }
            }

            return (items, examined < MaxExamined ? null : below);
        });
    }

    /// <summary>Returns the sequence number of a new task. Under the gate.</summary>
    public long NextSequence() => ++_lastSequence;

    /// <summary>Adds a new task. Under the gate; the caller must not hold it while awaiting the result.</summary>
    /// <returns>The task when it is on disk. Callers see it once it is committed.</returns>
    /// <exception cref="ProblemException">From the task: <c>storage-failed</c>, and it does not exist.</exception>
    public async Task<TaskEntry> AddAsync(TaskRecord record, RawJson input)
    {
        var entry = new TaskEntry(record, input.Utf8.Length);
        _live.Add(record.Id, entry);
        Count(record, +1);
        try
        {
            await database.Writer.WriteAsync(new TaskInsertion(record, input.Utf8));
            return entry;
        }
        catch (Exception exception)
        {
            lock (Gate)
            {
                _live.Remove(record.Id);
                Count(record, -1);
            }

            if (exception is StorageException)
            {
                throw TaskProblems.NotAccepted();
            }

            throw;
        }
    }

    /// <summary>
    /// Changes a task that has not ended. A write that fails is usually retried until it, or that of a later change, succeeds. Under the
    /// gate; the caller must not hold it while awaiting the result.
    /// </summary>
    /// <returns>Completes when the change is on disk, and visible.</returns>
    /// <exception cref="StorageException">From the task: it could not be written; the change stays pending.</exception>
    /// <exception cref="OperationCanceledException">From the task: the host ended before a retry succeeded.</exception>
    public async Task ChangeAsync(TaskEntry entry, TaskChange change, bool retries = true)
    {
        var record = change.Record;
        Count(entry.Pending, -1);
        entry.Pending = record;
        Count(record, +1);
        var update = new TaskUpdate(record, change.Outcome?.Utf8 ?? default)
        {
            // The end of a task without watchers and without a webhook needs no flush of its own.
            Lingers = record is { IsFinished: true, Delivery: null } && !entry.IsWatched,
        };
        await (retries ? database.WriteWithRetryAsync(entry.Id, update) : database.Writer.WriteAsync(update));
        lock (Gate)
        {
            if (record.Version < entry.Committed!.Version)
            {
                // A later change was written, and is visible.
                return;
            }

            entry.Commit(record);
            wakeUps.Plan(record);
            if (record.IsFinished)
            {
                _live.Remove(record.Id);
            }
        }

        TaskFailures.Note(failures, record);
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

    private void Count(TaskRecord record, int by) => Queued += record.State == TaskState.Queued ? by : 0;
}
