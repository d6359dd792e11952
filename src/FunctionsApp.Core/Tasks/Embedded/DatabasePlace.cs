using System.Runtime.InteropServices;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Logging;
using SQLitePCL;

namespace FunctionsApp.Core.Tasks.Embedded;

/// <summary>
/// Knows whether the path of a database still leads to the file that is open. A file that is deleted or moved away can be
/// written on, and nobody finds what it holds after a restart. Thread-safe.
/// </summary>
/// <remarks>
/// SQLite compares the inode at the path with that of the open file: one call of the system, some microseconds beside a flush
/// of milliseconds. Windows lets nobody delete an open file, so there SQLite has no such question, and the answer is yes.
/// </remarks>
internal sealed class DatabasePlace : IDisposable
{
    // SQLITE_FCNTL_HAS_MOVED
    private const int HasMoved = 20;

    private readonly string _path;
    private readonly ILogger _logger;

    // A connection of its own, as each is locked while it commits. It reads nothing, so it holds no lock of the database.
    private readonly SqliteConnection _connection;
    private int _isLost;

    /// <summary>Remembers the file that is at the path now.</summary>
    public DatabasePlace(string path, ILogger logger)
    {
        (_path, _logger) = (path, logger);
        _connection = TaskDatabase.Connect(path, SqliteOpenMode.ReadOnly);
    }

    /// <summary>Does nothing while the file is in its place.</summary>
    /// <exception cref="StorageException">It has been deleted, moved or replaced.</exception>
    public void EnsureHeld()
    {
        var isLost = FileControl(_connection.Handle!, "main", HasMoved, out var moved) == raw.SQLITE_OK && moved != 0;
        if (Interlocked.Exchange(ref _isLost, isLost ? 1 : 0) != (isLost ? 1 : 0))
        {
            if (isLost)
            {
                TaskLog.Lost(_logger, _path);
            }
            else
            {
                TaskLog.Found(_logger, _path);
            }
        }

        if (isLost)
        {
            throw new StorageException($"'{_path}' has been deleted, moved or replaced while it was open.");
        }
    }

    public void Dispose() => _connection.Dispose();

    // SQLitePCLRaw has no name for this function of its library.
    [DllImport("e_sqlite3", EntryPoint = "sqlite3_file_control"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories | DllImportSearchPath.AssemblyDirectory)]
    private static extern int FileControl(sqlite3 database, [MarshalAs(UnmanagedType.LPUTF8Str)] string name, int operation, out int result);
}
