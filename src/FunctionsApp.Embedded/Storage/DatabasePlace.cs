using System.Runtime.InteropServices;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Logging;
using SQLitePCL;

namespace FunctionsApp.Embedded.Storage;

/// <summary>
/// Checks whether the path of a database still leads to the open file. A deleted or moved file can still be written, but
/// what it holds is lost to the next start. Thread-safe.
/// </summary>
/// <remarks>
/// SQLite compares the inode at the path with that of the open file: one system call, some microseconds beside a flush of
/// milliseconds. Windows does not allow an open file to be deleted, so SQLite has no such check there, and it always passes.
/// </remarks>
internal sealed class DatabasePlace : IDisposable
{
    // SQLITE_FCNTL_HAS_MOVED
    private const int HasMoved = 20;

    private readonly string _path;
    private readonly ILogger _logger;

    // A separate connection, because a connection is locked while it commits. It reads nothing, so it locks no database.
    private readonly SqliteConnection _connection;
    private int _isLost;

    /// <summary>Opens the file that is at the path now.</summary>
    public DatabasePlace(string path, ILogger logger)
    {
        (_path, _logger) = (path, logger);
        _connection = TaskDatabase.Connect(path, SqliteOpenMode.ReadOnly);
    }

    /// <summary>Throws unless the path still leads to the open file.</summary>
    /// <exception cref="StorageException">The file has been deleted, moved or replaced.</exception>
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

    // SQLitePCLRaw does not expose this function of its library.
    [DllImport("e_sqlite3", EntryPoint = "sqlite3_file_control")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories | DllImportSearchPath.AssemblyDirectory)]
    private static extern int FileControl(
        sqlite3 database, [MarshalAs(UnmanagedType.LPUTF8Str)] string name, int operation, out int result);
}
