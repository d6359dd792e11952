using System.Collections.Concurrent;
using System.Globalization;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Logging;

namespace FunctionsApp.Core.Tasks.Embedded;

/// <summary>The SQLite database of a directory: one connection that writes, and as many that read as are needed at once. Thread-safe.</summary>
/// <remarks>
/// The database is in WAL mode and locks itself for each transaction alone. In <c>locking_mode=EXCLUSIVE</c> no second
/// connection could read it, so each read would wait for the commit that is under way; and no <c>sqlite3</c> could look into
/// it while the host runs. What keeps other hosts out is the <see cref="DirectoryLock"/>.
/// </remarks>
internal sealed class TaskDatabase : IDisposable
{
    /// <summary>The name of the file.</summary>
    public const string FileName = "tasks.db";

    private static readonly int MaxIdleReaders = Environment.ProcessorCount;

    private readonly string _path;
    private readonly DirectoryLock _lock;
    private readonly ILogger _logger;
    private readonly ConcurrentBag<TaskQueries> _idle = [];
    private volatile bool _isClosed;

    private TaskDatabase(string path, DirectoryLock @lock, TaskWrites writes, DatabasePlace place, ILogger logger)
    {
        (_path, _lock, _logger, Place) = (path, @lock, logger, place);
        Writer = new DatabaseWriter(writes, place.EnsureHeld);
    }

    /// <summary>Whether it is where it was opened.</summary>
    public DatabasePlace Place { get; }

    /// <summary>What changes it.</summary>
    public DatabaseWriter Writer { get; }

    /// <summary>Opens the database of a directory, and creates it if there is none.</summary>
    /// <param name="directory">The directory, which exists.</param>
    /// <param name="lock">Its lock; freed when the database is closed, or cannot be opened.</param>
    /// <param name="logger">Logs what is damaged.</param>
    /// <exception cref="StorageException">It cannot be used; the message says what to do. Nothing is lost by that.</exception>
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

    /// <summary>Opens a connection. None is pooled, or its file would stay open after the database is closed.</summary>
    public static SqliteConnection Connect(string path, SqliteOpenMode mode)
    {
        // Somebody else may look into the database, or even change it: then it is waited for.
        var options = new SqliteConnectionStringBuilder { DataSource = path, Mode = mode, ForeignKeys = true, Pooling = false, DefaultTimeout = 5 };
        var connection = new SqliteConnection(options.ToString());
        connection.Open();
        return connection;
    }

    /// <summary>Reads, at once: no change that is under way holds it up.</summary>
    /// <param name="read">Reads with a connection that nobody else has meanwhile.</param>
    /// <exception cref="StorageException">It cannot be read; the log says why.</exception>
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

    /// <summary>Commits what is queued, closes the database and frees the directory.</summary>
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
        // Or it could be the database of somebody else that is read.
        Place.EnsureHeld();
        return new TaskQueries(Connect(_path, SqliteOpenMode.ReadOnly));
    }

    private static void SetUp(TaskWrites writes, string path)
    {
        // The file shrinks with what is deleted. Both can be said only before the first table is made.
        writes.Run(string.Create(CultureInfo.InvariantCulture, $"PRAGMA page_size={TaskWrites.PageBytes}; PRAGMA auto_vacuum=FULL"));
        if (writes.Scalar("PRAGMA journal_mode=WAL") is not "wal")
        {
            throw new StorageException($"'{path}' has no write-ahead log: the file system has none of what that needs.");
        }

        // The log is flushed by every commit: what has been told to somebody outlives a loss of power.
        writes.Run("PRAGMA synchronous=FULL");
        writes.Run("PRAGMA temp_store=MEMORY");
        for (var version = (int)(long)writes.Scalar("PRAGMA user_version")!; version < TaskSchema.Version; version++)
        {
            writes.Run(string.Create(CultureInfo.InvariantCulture, $"BEGIN IMMEDIATE; {TaskSchema.Steps[version]} PRAGMA user_version={version + 1}; COMMIT"));
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
