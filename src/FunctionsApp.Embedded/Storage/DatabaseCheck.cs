using System.Globalization;
using Microsoft.Data.Sqlite;

namespace FunctionsApp.Embedded.Storage;

/// <summary>Checks a database before anything is written to it. One that is damaged, or of a later version, stays as it is.</summary>
internal static class DatabaseCheck
{
    // SQLITE_CORRUPT and SQLITE_NOTADB.
    private const int Corrupt = 11;
    private const int NoDatabase = 26;

    /// <exception cref="StorageException">The database cannot be used; the message says what to do.</exception>
    public static void EnsureUsable(string path)
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

            if (session.Scalar("PRAGMA quick_check(1)") is not "ok")
            {
                throw Damaged(path, "quick_check found an error");
            }
        }
        catch (SqliteException exception) when (exception.SqliteErrorCode is Corrupt or NoDatabase)
        {
            throw Damaged(path, exception.Message);
        }
    }

    private static StorageException Damaged(string path, string finding) => new(
        $"'{path}' is damaged ({finding}). docs/reliability.md says how to recover it. To begin without its tasks, remove that file.",
        reason: "The database of the tasks is damaged. The log says how to recover it.");
}
