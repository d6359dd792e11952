using System.Globalization;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Logging;

namespace FunctionsApp.Core.Tasks.Embedded;

/// <summary>
/// Looks at what a directory holds before it is written to. It changes no database: what is damaged is moved as it is, and
/// what another version wrote stays where it is.
/// </summary>
internal static partial class DatabaseCheck
{
    private const string DamagedDirectory = "damaged";
    private const string Remedy = "docs/reliability.md says how to recover it; to begin without its tasks, remove that file";

    // What SQLite calls SQLITE_CORRUPT and SQLITE_NOTADB.
    private const int Corrupt = 11;
    private const int NoDatabase = 26;

    /// <summary>Checks a directory, under its lock.</summary>
    /// <exception cref="StorageException">Its tasks cannot be gone on with; the message says what to do.</exception>
    public static void EnsureUsable(string directory, ILogger logger)
    {
        if (Directory.EnumerateFiles(directory, "??????????.log").FirstOrDefault() is { } earlier)
        {
            throw new StorageException(
                $"'{earlier}' was written by an earlier version of the app: run that version until its tasks have ended, then delete the directory's *.log files.");
        }

        var path = Path.Combine(directory, TaskDatabase.FileName);
        var damaged = Path.Combine(directory, DamagedDirectory);
        if (!File.Exists(path))
        {
            // Or the tasks that were set aside would be forgotten by the next start.
            if (Directory.Exists(damaged) && Directory.EnumerateFiles(damaged, "*.db").Order(StringComparer.Ordinal).LastOrDefault() is { } aside)
            {
                MoveLog(path, aside);
                throw new StorageException($"There is no '{path}', but '{aside}', which is damaged. {Remedy}.");
            }

            return;
        }

        if (Fault(path) is { } fault)
        {
            var aside = SetAside(path, damaged);
            LogDamaged(logger, path, fault, aside, Remedy);
            throw new StorageException($"The database is damaged, and was set aside as '{aside}'. {Remedy}.");
        }
    }

    /// <returns>What is damaged, by SQLite's own check; null when nothing is.</returns>
    /// <exception cref="StorageException">A later version of the app wrote it.</exception>
    private static string? Fault(string path)
    {
        try
        {
            // Read only, so that closing it writes nothing into what may be damaged.
            using var connection = TaskDatabase.Connect(path, SqliteOpenMode.ReadOnly);
            using var command = connection.CreateCommand();
            command.CommandText = "PRAGMA user_version";
            var version = Convert.ToInt64(command.ExecuteScalar(), CultureInfo.InvariantCulture);
            if (version > TaskSchema.Version)
            {
                throw new StorageException(string.Create(CultureInfo.InvariantCulture,
                    $"'{path}' has version {version}, and this version of the app knows {TaskSchema.Version}: a later version wrote it. Run that one, or use another directory."));
            }

            command.CommandText = "PRAGMA quick_check(1)";
            return command.ExecuteScalar() as string is "ok" ? null : "quick_check found an error";
        }
        catch (SqliteException exception) when (exception.SqliteErrorCode is Corrupt or NoDatabase)
        {
            return exception.Message;
        }
    }

    /// <summary>Moves the database and its log out of the way.</summary>
    /// <returns>Where the database is now.</returns>
    private static string SetAside(string path, string damaged)
    {
        PrivateDirectory.Create(damaged);
        var number = 1;
        string aside;
        do
        {
            aside = Path.Combine(damaged, string.Create(CultureInfo.InvariantCulture, $"tasks-{number++:d3}.db"));
        }
        while (File.Exists(aside));

        // The database first: without it no start begins anew, and the next one moves the log if this one cannot.
        File.Move(path, aside);
        MoveLog(path, aside);
        File.Delete(path + "-shm");
        PrivateDirectory.Flush(damaged);
        PrivateDirectory.Flush(Path.GetDirectoryName(path)!);
        return aside;
    }

    private static void MoveLog(string path, string aside)
    {
        if (File.Exists(path + "-wal"))
        {
            File.Move(path + "-wal", aside + "-wal");
        }
    }

    [LoggerMessage(EventId = 13, Level = LogLevel.Error, Message = "The database of the tasks, {Path}, is damaged ({Fault}), and was moved to {Aside}. {Remedy}")]
    private static partial void LogDamaged(ILogger logger, string path, string fault, string aside, string remedy);
}
