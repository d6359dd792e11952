using System.Collections.Concurrent;
using System.Globalization;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Logging;

namespace FunctionsApp.Embedded.Storage;

/// <summary>
/// The SQLite database of a directory: one connection that writes, and as many readers as are needed at once. Thread-safe.
/// </summary>
/// <remarks>
/// The database is in WAL mode and is locked only during each transaction. With <c>locking_mode=EXCLUSIVE</c> no second
/// connection could read it: each read would wait for the current commit, and <c>sqlite3</c> could not open it while the host
/// runs. The <see cref="TaskDirectory"/> keeps other hosts out.
/// </remarks>
internal sealed class TaskDatabase : IDisposable
{
    private static readonly int MaxIdleReaders = Environment.ProcessorCount;

    private readonly TaskDirectory _directory;
    private readonly TaskQueries _place;
    private readonly ILogger _logger;
    private readonly ConcurrentBag<TaskQueries> _idle = [];
    private volatile bool _isClosed;

    private TaskDatabase(TaskDirectory directory, TaskWrites writes, TimeProvider time, ILogger logger)
    {
        (_directory, _logger) = (directory, logger);

        // A connection of its own, because a connection is locked while it commits. It reads nothing, so it locks no database.
        _place = new TaskQueries(Connect(directory.DatabasePath, SqliteOpenMode.ReadOnly));
        Writer = new DatabaseWriter(writes, time, logger);
    }

    /// <summary>The writer.</summary>
    public DatabaseWriter Writer { get; }

    /// <inheritdoc cref="TaskQueries.IsAtPath"/>
    public bool IsAtPath => _place.IsAtPath;

    /// <summary>Opens the database of a directory; creates it if it does not exist. Frees the directory in the end.</summary>
    /// <exception cref="StorageException">The database cannot be used; the message says what to do. No data is lost.</exception>
    public static TaskDatabase Open(TaskDirectory directory, TimeProvider time, ILogger logger)
    {
        var path = directory.DatabasePath;
        TaskWrites? writes = null;
        try
        {
            directory.CreateDatabaseFile();
            DatabaseCheck.EnsureUsable(path);
            writes = new TaskWrites(Connect(path, SqliteOpenMode.ReadWrite));
            SetUp(writes);
            return new TaskDatabase(directory, writes, time, logger);
        }
        catch (Exception exception)
        {
            writes?.Dispose();
            directory.Dispose();
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

    /// <summary>Reads with a connection that no other caller uses meanwhile, without waiting for a change in progress.</summary>
    /// <exception cref="StorageException">The database cannot be read; the log says why.</exception>
    public T Read<T>(Func<TaskQueries, T> read)
    {
        TaskQueries? queries = null;
        try
        {
            queries = _idle.TryTake(out var idle) ? idle : OpenReader();
            var result = read(queries);
            if (!_isClosed && _idle.Count < MaxIdleReaders)
            {
                _idle.Add(queries);
                queries = null;
                CloseIdleAtEnd();
            }

            return result;
        }
        catch (Exception exception) when (exception is SqliteException or StorageException)
        {
            TaskLog.NotRead(_logger, _directory.DatabasePath, exception);
            throw new StorageException($"'{_directory.DatabasePath}' cannot be read: {exception.Message}", exception);
        }
        finally
        {
            queries?.Dispose();
        }
    }

    /// <summary>Commits the queued changes, closes the database and frees the directory.</summary>
    public void Dispose()
    {
        _isClosed = true;
        CloseIdleAtEnd();
        Writer.Dispose();
        _place.Dispose();
        _directory.Dispose();
    }

    private void CloseIdleAtEnd()
    {
        while (_isClosed && _idle.TryTake(out var queries))
        {
            queries.Dispose();
        }
    }

    private TaskQueries OpenReader()
    {
        if (_isClosed)
        {
            throw new StorageException("The database of the tasks is closed.");
        }

        // Otherwise the connection could open another process's database.
        _place.EnsureAtPath();
        return new TaskQueries(Connect(_directory.DatabasePath, SqliteOpenMode.ReadOnly));
    }

    private static void SetUp(TaskWrites writes)
    {
        // The file shrinks when rows are deleted. Both settings must precede the first table.
        writes.Run(string.Create(CultureInfo.InvariantCulture, $"PRAGMA page_size={TaskWrites.PageBytes}; PRAGMA auto_vacuum=FULL"));
        if (writes.Scalar("PRAGMA journal_mode=WAL") is not "wal")
        {
            throw new StorageException("The file system of the database does not support a write-ahead log.");
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
}
