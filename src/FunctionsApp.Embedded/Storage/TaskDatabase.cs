using System.Collections.Concurrent;
using System.Globalization;
using FunctionsApp.Core.Tasks;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Logging;

namespace FunctionsApp.Embedded.Storage;

/// <summary>
/// The SQLite database of a directory: one connection that writes, and as many readers as are needed at once. Thread-safe.
/// </summary>
/// <remarks>
/// The database is in WAL mode and is locked only during each transaction. With <c>locking_mode=EXCLUSIVE</c> no second
/// connection could read it: each read would wait for the current commit, and <c>sqlite3</c> could not open it while the host
/// runs. The <see cref="DirectoryLock"/> keeps other hosts out.
/// </remarks>
internal sealed class TaskDatabase : IDisposable
{
    /// <summary>The file name.</summary>
    public const string FileName = "tasks.db";

    private static readonly int MaxIdleReaders = Environment.ProcessorCount;

    private readonly string _path;
    private readonly DirectoryLock _lock;
    private readonly ILogger _logger;
    private readonly ConcurrentBag<TaskQueries> _idle = [];
    private readonly ConcurrentDictionary<long, bool> _unreadable = [];
    private volatile bool _isClosed;

    private TaskDatabase(string path, DirectoryLock @lock, TaskWrites writes, DatabasePlace place, ILogger logger)
    {
        (_path, _lock, _logger, Place) = (path, @lock, logger, place);
        Writer = new DatabaseWriter(writes, place.EnsureHeld);
    }

    /// <summary>Checks the path of the open file.</summary>
    public DatabasePlace Place { get; }

    /// <summary>The writer.</summary>
    public DatabaseWriter Writer { get; }

    /// <summary>Opens the database of a directory; creates it if it does not exist.</summary>
    /// <param name="directory">An existing directory.</param>
    /// <param name="lock">The directory's lock; freed when the database is closed or cannot be opened.</param>
    /// <param name="logger">Logs damage.</param>
    /// <exception cref="StorageException">The database cannot be used; the message says what to do. No data is lost.</exception>
    public static TaskDatabase Open(string directory, DirectoryLock @lock, ILogger logger)
    {
        var path = Path.Combine(directory, FileName);
        TaskWrites? writes = null;
        DatabasePlace? place = null;
        try
        {
            DatabaseCheck.EnsureUsable(directory, logger);
            PrivateDirectory.OpenFile(path, FileShare.ReadWrite).Dispose();
            writes = new TaskWrites(Connect(path, SqliteOpenMode.ReadWrite));
            place = new DatabasePlace(path, logger);
            SetUp(writes, path);
            return new TaskDatabase(path, @lock, writes, place, logger);
        }
        catch (Exception exception)
        {
            place?.Dispose();
            writes?.Dispose();
            @lock.Dispose();
            if (exception is not StorageException && StorageException.IsCausedBy(exception))
            {
                throw new StorageException($"'{path}' cannot be opened: {exception.Message}", exception);
            }

            throw;
        }
    }

    /// <summary>Opens a connection. It is not pooled: that would keep the file open after the database is closed.</summary>
    public static SqliteConnection Connect(string path, SqliteOpenMode mode)
    {
        // Another process may read the database, or even change it: the timeout waits for its lock.
        var options = new SqliteConnectionStringBuilder
        {
            DataSource = path,
            Mode = mode,
            ForeignKeys = true,
            Pooling = false,
            DefaultTimeout = 5,
        };
        var connection = new SqliteConnection(options.ToString());
        connection.Open();
        return connection;
    }

    /// <summary>Reads without waiting for a change in progress.</summary>
    /// <param name="read">Reads with a connection that no other caller uses meanwhile.</param>
    /// <exception cref="StorageException">The database cannot be read; the log says why.</exception>
    public T Read<T>(Func<TaskQueries, T> read)
    {
        if (_isClosed)
        {
            throw new StorageException("The database of the tasks is closed.");
        }

        TaskQueries? queries = null;
        try
        {
            queries = _idle.TryTake(out var idle) ? idle : Open();
            var result = read(queries);
            if (_idle.Count < MaxIdleReaders)
            {
                _idle.Add(queries);
                queries = null;
            }

            return result;
        }
        catch (Exception exception) when (exception is SqliteException or StorageException)
        {
            TaskLog.NotRead(_logger, _path, exception);
            throw new StorageException($"'{_path}' cannot be read: {exception.Message}", exception);
        }
        finally
        {
            queries?.Dispose();
            CloseIdle();
        }
    }

    /// <summary>Commits the queued changes, closes the database and frees the directory.</summary>
    public void Dispose()
    {
        _isClosed = true;
        CloseIdle();
        Writer.Dispose();
        Place.Dispose();
        _lock.Dispose();
    }

    private TaskQueries Open()
    {
        // Otherwise the connection could open another process's database.
        Place.EnsureHeld();
        return new TaskQueries(Connect(_path, SqliteOpenMode.ReadOnly), LogUnreadable);
    }

    /// <summary>Logs a task that cannot be read, once.</summary>
    private void LogUnreadable(TaskRecord record)
    {
        if (_unreadable.TryAdd(record.Sequence, true))
        {
            TaskLog.Unreadable(_logger, record.Id, record.Flaw!);
        }
    }

    private static void SetUp(TaskWrites writes, string path)
    {
        // The file shrinks when rows are deleted. Both settings must precede the first table.
        writes.Run(string.Create(CultureInfo.InvariantCulture, $"PRAGMA page_size={TaskWrites.PageBytes}; PRAGMA auto_vacuum=FULL"));
        if (writes.Scalar("PRAGMA journal_mode=WAL") is not "wal")
        {
            throw new StorageException($"'{path}' cannot have a write-ahead log: the file system does not support it.");
        }

        // Every commit flushes the log: a change that has been reported survives a loss of power.
        writes.Run("PRAGMA synchronous=FULL");
        writes.Run("PRAGMA temp_store=MEMORY");
        for (var version = (int)(long)writes.Scalar("PRAGMA user_version")!; version < TaskSchema.Version; version++)
        {
            writes.Run(string.Create(
                CultureInfo.InvariantCulture, $"BEGIN IMMEDIATE; {TaskSchema.Steps[version]} PRAGMA user_version={version + 1}; COMMIT"));
        }
    }

    private void CloseIdle()
    {
        while (_isClosed && _idle.TryTake(out var queries))
        {
            queries.Dispose();
        }
    }
}
