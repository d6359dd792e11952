namespace FunctionsApp.Core.Tasks.Embedded;

/// <summary>The journal cannot be read or written. The message says which file and why, for an operator.</summary>
internal sealed class JournalException(string message, Exception? innerException = null) : IOException(message, innerException)
{
    /// <summary>Whether the file system, and not a mistake in this program, is the cause.</summary>
    public static bool IsCausedBy(Exception exception) => exception is IOException or UnauthorizedAccessException;
}

/// <summary>Another journal, mostly that of another process, uses the directory.</summary>
internal sealed class DirectoryInUseException(string directory, Exception innerException) : Exception(
    $"The directory '{directory}' is in use by another process: no two may share one. Stop the other process, or give each its own directory (Tasks:Directory).",
    innerException);
