using System.Globalization;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Logging;

namespace FunctionsApp.Embedded.Storage;

/// <summary>
/// Checks what a directory holds before anything is written to it. The check changes no database: it moves a damaged one
/// unchanged, and leaves that of another version in place.
/// </summary>
internal static class DatabaseCheck
{
    private const string Remedy = "docs/reliability.md says how to recover it; to begin without its tasks, remove that file";

    // SQLITE_CORRUPT and SQLITE_NOTADB.
    private const int Corrupt = 11;
    private const int NoDatabase = 26;

    /// <summary>Checks a directory, under its lock.</summary>
    /// <exception cref="StorageException">The directory's tasks cannot be used; the message says what to do.</exception>
    public static void EnsureUsable(string directory, ILogger logger)
    {
        var path = Path.Combine(directory, TaskDatabase.FileName);
        var damaged = Path.Combine(directory, "damaged");
        string[] before = Directory.Exists(damaged) ? Directory.GetFiles(damaged, "tasks-*.db") : [];
        if (File.Exists(path) && (before.Length == 0 || new FileInfo(path).Length > 0))
        {
            if (FindError(path) is { } error)
            {
                PrivateDirectory.Create(damaged);
                var aside = Path.Combine(damaged, string.Create(CultureInfo.InvariantCulture, $"tasks-{before.Length + 1:d3}.db"));
                File.Move(path, aside);
                MoveLog(path, aside);
                TaskLog.Damaged(logger, path, error, aside, Remedy);
                throw new StorageException($"The database is damaged and was moved to '{aside}'. {Remedy}.");
            }
        }
        else if (before.Max(StringComparer.Ordinal) is { } aside)
        {
            // Otherwise the next start would forget the tasks that were set aside. A failed recovery leaves an empty file.
            MoveLog(path, aside);
            throw new StorageException($"'{path}' is empty or missing, and '{aside}' is a damaged database. {Remedy}.");
        }
    }

    /// <returns>The damage that SQLite's own check finds; null when there is none.</returns>
    /// <exception cref="StorageException">It was written by a later version of the app.</exception>
    private static string? FindError(string path)
    {
        try
        {
            // Read-only: closing the connection must write nothing to a damaged file.
            using var session = new Session(TaskDatabase.Connect(path, SqliteOpenMode.ReadOnly));
            if (session.Scalar("PRAGMA user_version") is long version && version > TaskSchema.Version)
            {
                throw new StorageException(
                    string.Create(CultureInfo.InvariantCulture,
                        $"'{path}' has version {version}, but this version of the app supports {TaskSchema.Version}: "
                        + $"a later version wrote the file. Run that version, or use another directory."),
                    reason: string.Create(CultureInfo.InvariantCulture,
                        $"A later version of the app wrote the database of the tasks: the database has version {version}, "
                        + $"and this version supports {TaskSchema.Version}."));
            }

            return session.Scalar("PRAGMA quick_check(1)") is "ok" ? null : "quick_check found an error";
        }
        catch (SqliteException exception) when (exception.SqliteErrorCode is Corrupt or NoDatabase)
        {
            return exception.Message;
        }
    }

    /// <summary>Moves the write-ahead log after its database. If the process ends before, the next start does it.</summary>
    private static void MoveLog(string path, string aside)
    {
        File.Delete(path + "-shm");
        if (File.Exists(path + "-wal"))
        {
            File.Move(path + "-wal", aside + "-wal");
        }
    }
}
