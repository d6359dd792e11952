using Microsoft.Data.Sqlite;

namespace FunctionsApp.Core.Tasks.Embedded;

/// <summary>The tasks cannot be read or written. The message says which file and why, for an operator.</summary>
internal sealed class StorageException(string message, Exception? innerException = null) : IOException(message, innerException)
{
    /// <summary>Whether the database or the file system, and not a mistake in this program, is the cause.</summary>
    public static bool IsCausedBy(Exception exception) => exception is SqliteException or IOException or UnauthorizedAccessException;
}
