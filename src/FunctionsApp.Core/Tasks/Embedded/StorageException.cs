using Microsoft.Data.Sqlite;

namespace FunctionsApp.Core.Tasks.Embedded;

/// <summary>The tasks cannot be read or written. The message names the file and the reason, for an operator.</summary>
internal sealed class StorageException(string message, Exception? innerException = null) : IOException(message, innerException)
{
    /// <summary>Returns whether the cause is the database or the file system, not a bug in this program.</summary>
    public static bool IsCausedBy(Exception exception) => exception is SqliteException or IOException or UnauthorizedAccessException;
}
