using Microsoft.Data.Sqlite;

namespace FunctionsApp.Embedded.Storage;

/// <summary>The tasks cannot be read or written. The message names the file and the reason, for an operator.</summary>
/// <param name="message">The message.</param>
/// <param name="innerException">The error of the database or the file system; null for a verdict on what they hold.</param>
/// <param name="reason">The reason for callers, without any path; null if only the log has it.</param>
internal sealed class StorageException(string message, Exception? innerException = null, string? reason = null)
    : IOException(message, innerException)
{
    /// <summary>The reason for callers, as a sentence; null if only the log has it.</summary>
    public string? Reason { get; } = reason;

    /// <summary>
    /// Returns whether the cause is the database or the file system. Any other exception is a bug in this program: it changes no
    /// readiness.
    /// </summary>
    public static bool IsCausedBy(Exception exception) => exception is SqliteException or IOException or UnauthorizedAccessException;
}
