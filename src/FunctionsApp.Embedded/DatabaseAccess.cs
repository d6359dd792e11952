using System.Globalization;
using FunctionsApp.Core.Limits;
using FunctionsApp.Core.Problems;
using FunctionsApp.Core.Tasks;
using FunctionsApp.Embedded.Storage;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace FunctionsApp.Embedded;

/// <summary>The database of the tasks. It is opened after the start of the host, or cannot be. Thread-safe.</summary>
internal sealed class DatabaseAccess(IOptions<TasksOptions> options, TimeProvider time, ILogger<TaskStore> logger) : IDisposable
{
    /// <summary>The maximum length of an input or outcome, in bytes: SQLite limits values to 1,000,000,000.</summary>
    private const int MaxPayloadBytes = 999_000_000;

    private readonly TaskCompletionSource _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly CancellationTokenSource _stopping = new();
    private readonly CancellationTokenSource _closing = new();
    private volatile TaskDatabase? _database;
    private volatile string _unavailable = "The task engine has not been started.";
    private volatile bool _isFaulty;
    private volatile Exception? _bug;

    /// <summary>Is cancelled when the host stops: nothing begins any more. Changes can still be written.</summary>
    public CancellationToken Stopping => _stopping.Token;

    /// <summary>Takes ownership of an open database, and ends the wait for it.</summary>
    public void Open(TaskDatabase database)
    {
        _database = database;
        _ready.TrySetResult();
    }

    /// <summary>
    /// Ends the wait for the directory: tasks are refused for a reason until it is open. A fault of storage also changes readiness. Another
    /// process that uses the directory does not: it may wait for this one to be ready.
    /// </summary>
    public void Refuse(string reason, bool isFault = false)
    {
        (_unavailable, _isFaulty) = (reason, isFault);
        _ready.TrySetResult();
    }

    /// <summary>Ends the wait for the directory: a bug keeps it from being opened. Storage is fine, so the app stays ready.</summary>
    public void SetFailed(Exception bug)
    {
        TaskLog.NotResumed(logger, bug);
        _bug = bug;
        _ready.TrySetResult();
    }

    /// <summary>Waits while the directory is being opened.</summary>
    /// <exception cref="ProblemException"><c>storage-failed</c>: the directory cannot be used.</exception>
    public async ValueTask EnsureOpenAsync()
    {
        if (_database is null)
        {
            await _ready.Task;
            if (_database is null)
            {
                throw _bug ?? new ProblemException(Problem.StorageFailed(_unavailable));
            }
        }
    }

    /// <inheritdoc cref="ITaskEngine.EnsureReady"/>
    public void EnsureReady()
    {
        var reason = _database is not { } database ? _isFaulty ? _unavailable : null
            : database.IsAtPath && database.Writer.CanWrite ? null
            : "New tasks cannot be stored: the directory of the tasks cannot be written. The log has the cause.";
        if (reason is not null)
        {
            throw new ProblemException(Problem.StorageFailed(reason));
        }
    }

    /// <summary>Checks that there is room for the input of a new task: <see cref="TasksOptions.MaxStateBytes"/>.</summary>
    /// <exception cref="ProblemException"><c>too-large</c>, <c>saturated</c>.</exception>
    public void EnsureRoom(int bytes)
    {
        if (bytes > MaxPayloadBytes)
        {
            throw new ProblemException(Problem.TooLarge(
                string.Create(CultureInfo.InvariantCulture, $"An input of a task has at most {MaxPayloadBytes} bytes.")));
        }

        if (!HasRoom(bytes))
        {
            throw TaskProblems.StateFull(options.Value.MaxStateBytes);
        }
    }

    /// <summary>Returns whether there is room for a payload, in place of one of another length.</summary>
    public bool HasRoom(int bytes, int replaced = 0) => bytes <= MaxPayloadBytes
        && (_database?.Writer.UsedBytes ?? 0) - replaced + bytes <= options.Value.MaxStateBytes;

    /// <summary>The connection that writes.</summary>
    /// <exception cref="ProblemException"><c>storage-failed</c>: the directory is not open.</exception>
    public DatabaseWriter Writer => _database?.Writer ?? throw new ProblemException(Problem.StorageFailed(_unavailable));

    /// <summary>Reads with a connection of its own.</summary>
    /// <exception cref="ProblemException"><c>storage-failed</c>: the database cannot be read.</exception>
    public T Read<T>(Func<TaskQueries, T> read)
    {
        try
        {
            return _database is { } database ? database.Read(read) : throw new ProblemException(Problem.StorageFailed(_unavailable));
        }
        catch (StorageException)
        {
            throw new ProblemException(Problem.StorageFailed("The tasks cannot be read. The log has the cause."));
        }
    }

    /// <summary>Reads, and retries up to <paramref name="maxReads"/> times if that fails.</summary>
    /// <exception cref="ProblemException"><c>storage-failed</c>: the database cannot be read.</exception>
    /// <exception cref="OperationCanceledException"><paramref name="stop"/> was cancelled.</exception>
    public async Task<T> ReadAsync<T>(Func<TaskQueries, T> read, int maxReads, CancellationToken stop)
    {
        var pause = NewPause();
        for (var reads = 1; ; reads++)
        {
            try
            {
                return Read(read);
            }
            catch (ProblemException) when (reads < maxReads)
            {
                await pause.WaitAsync(stop);
            }
        }
    }

    /// <summary>Writes what has happened to a task, and retries until that succeeds.</summary>
    /// <exception cref="OperationCanceledException">The database was closed first.</exception>
    public async Task WriteWithRetryAsync(string id, DatabaseChange change)
    {
        for (var pause = NewPause(); ;)
        {
            try
            {
                await Writer.WriteAsync(change);
                return;
            }
#pragma warning disable CA1031 // The exception is logged. What has happened to a task must be written, even after a bug.
            catch (Exception exception)
#pragma warning restore CA1031
            {
                _closing.Token.ThrowIfCancellationRequested();
                TaskLog.NotWritten(logger, id, pause.Next.TotalSeconds, exception);
                await pause.WaitAsync(_closing.Token);
            }
        }
    }

    /// <summary>Cancels <see cref="Stopping"/>.</summary>
    public Task StopAsync() => _stopping.CancelAsync();

    /// <summary>Commits the pending changes, and frees the directory.</summary>
    public void Dispose()
    {
        Refuse("The host is shutting down.");
        _closing.Cancel();
        Interlocked.Exchange(ref _database, null)?.Dispose();
    }

    private DoublingPause NewPause() => new(TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(30), time);
}
