using Microsoft.Extensions.Logging;

namespace FunctionsApp.Embedded.Storage;

/// <summary>
/// The only thread that writes. Changes that are queued during a commit share the next transaction and its flush (group
/// commit). Changes are committed in the order in which they were queued. Thread-safe.
/// </summary>
internal sealed class DatabaseWriter : IDisposable
{
    /// <summary>The maximum bytes of payloads in a shared transaction. The log grows by as much.</summary>
    private const int MaxGroupBytes = 16 * 1024 * 1024;

    /// <summary>
    /// How long a lingering change waits for others, to share their flush: the time of a few disk flushes. With one client that creates
    /// task after task, a task takes one flush, not two.
    /// </summary>
    private static readonly TimeSpan Linger = TimeSpan.FromMilliseconds(1);

    /// <summary>How long a failed write counts as a sign that the next fails too. Longer than any pause between two retries.</summary>
    private static readonly TimeSpan FailureLifetime = TimeSpan.FromMinutes(1);

    // A monitor, not a Lock, because the thread waits on it. Nothing is read or written while it is held.
    private readonly object _gate = new();
    private readonly TaskWrites _writes;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly Thread _thread;
    private Queue<Queued> _queued = new();
    private long _queuedBytes;
    private long _usedBytes;
    private bool _isUrgent;
    private bool _stopped;
    private volatile bool _fails;
    private long _triedAt;

    /// <summary>Starts the thread, which alone uses the connection from now on, and closes it.</summary>
    public DatabaseWriter(TaskWrites writes, TimeProvider time, ILogger logger)
    {
        (_writes, _time, _logger, _usedBytes) = (writes, time, logger, writes.UsedBytes);
        _thread = new Thread(Run) { IsBackground = true, Name = "tasks" };
        _thread.UnsafeStart();
    }

    /// <summary>Bytes that the database uses, including queued payloads.</summary>
    public long UsedBytes => Interlocked.Read(ref _usedBytes) + Interlocked.Read(ref _queuedBytes);

    /// <summary>
    /// Whether the last transaction that had something to write has not failed within the last minute. For longer no failure counts:
    /// nobody sends tasks to a host that is not ready, so no write would show that the disk works again.
    /// </summary>
    public bool CanWrite => !(_fails && _time.GetElapsedTime(Interlocked.Read(ref _triedAt)) < FailureLifetime);

    /// <summary>Queues a change. Never blocks.</summary>
    /// <returns>Completes when the change is on disk.</returns>
    /// <exception cref="StorageException">From the task: the change was not made. Any other exception is a bug of the change.</exception>
    public Task WriteAsync(DatabaseChange change)
    {
        var queued = new Queued(change, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
        lock (_gate)
        {
            if (_stopped)
            {
                return Task.FromException(new StorageException("The database of the tasks is closed."));
            }

            Interlocked.Add(ref _queuedBytes, change.Bytes);
            _queued.Enqueue(queued);
            if (_queued.Count == 1 || (!_isUrgent && !change.Lingers))
            {
                Monitor.Pulse(_gate);
            }

            _isUrgent |= !change.Lingers;
        }

        return queued.Written.Task;
    }

    /// <summary>Commits the queued changes, and ends the thread.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _stopped = true;
            Monitor.Pulse(_gate);
        }

        _thread.Join();
        _writes.Dispose();
    }

    private void Run()
    {
        while (Take() is { Count: > 0 } taken)
        {
            while (taken.TryDequeue(out var first))
            {
                List<Queued> group = [first];
                for (long bytes = first.Change.Bytes; taken.TryPeek(out var next) && (bytes += next.Change.Bytes) <= MaxGroupBytes;)
                {
                    group.Add(taken.Dequeue());
                }

                Commit(group);
            }
        }
    }

    /// <returns>The queued changes; none at the end.</returns>
    private Queue<Queued> Take()
    {
        lock (_gate)
        {
            while (_queued.Count == 0 && !_stopped)
            {
                Monitor.Wait(_gate);
            }

            if (!_isUrgent && !_stopped)
            {
                // Until a change that does not linger, usually: that shares the flush.
                Monitor.Wait(_gate, Linger);
            }

            var taken = _queued;
            (_queued, _isUrgent) = (new Queue<Queued>(), false);
            return taken;
        }
    }

    /// <summary>
    /// Commits changes in one transaction. If that fails, commits each alone, so that one without room does not fail the others.
    /// </summary>
    private void Commit(List<Queued> group)
    {
        Exception? failure = null;
        var changes = _writes.Changes;
        try
        {
            _writes.Run("BEGIN IMMEDIATE");
            group.ForEach(queued => queued.Change.Apply(_writes));
            var usedBytes = _writes.UsedBytes;

            // One look: a directory that is deleted during the flush could as well be deleted right after it.
            _writes.EnsureAtPath();
            _writes.Run("COMMIT");
            Interlocked.Exchange(ref _usedBytes, usedBytes);
        }
#pragma warning disable CA1031 // The exception is not swallowed: the change's task throws it. The thread must continue.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            failure = RollBack(exception);
        }

        if (failure is not null && group.Count > 1)
        {
            group.ForEach(queued => Commit([queued]));
            return;
        }

        var reason = failure is not null && StorageException.IsCausedBy(failure)
            ? new StorageException($"The tasks cannot be written: {failure.Message}", failure)
            : failure;
        if (reason is StorageException || (failure is null && _writes.Changes != changes))
        {
            // A transaction without writes proves nothing, and a bug says nothing about storage.
            Note(reason);
        }

        foreach (var (change, written) in group)
        {
            Interlocked.Add(ref _queuedBytes, -change.Bytes);
            if (reason is null)
            {
                written.SetResult();
            }
            else
            {
                written.SetException(reason);
            }
        }
    }

    private void Note(Exception? failure)
    {
        if (failure is null && _fails)
        {
            TaskLog.WritesSucceed(_logger);
        }
        else if (failure is not null && !_fails)
        {
            TaskLog.WritesFail(_logger, failure.Message);
        }

        Interlocked.Exchange(ref _triedAt, _time.GetTimestamp());
        _fails = failure is not null;
    }

    private Exception RollBack(Exception exception)
    {
        try
        {
            _writes.RollBack();
            return exception;
        }
        catch (Exception second) when (StorageException.IsCausedBy(second))
        {
            return new StorageException(second.Message, new AggregateException(exception, second));
        }
    }

    private sealed record Queued(DatabaseChange Change, TaskCompletionSource Written);
}
