using FunctionsApp.Core.Tasks;
using Microsoft.Extensions.Logging;

namespace FunctionsApp.Embedded.Storage;

/// <summary>The engine's log messages, in the category of <see cref="TaskStore"/>; docs/logging.md lists them.</summary>
internal static partial class TaskLog
{
    /// <summary>Logs a task if it cannot be read.</summary>
    public static void Flaw(ILogger logger, TaskRecord record)
    {
        if (record.Flaw is { } flaw)
        {
            Unreadable(logger, record.Id, flaw);
        }
    }

    [LoggerMessage(EventId = 10, Level = LogLevel.Error,
        Message = "The directory of the tasks, {Directory}, cannot be used, so tasks are refused: {Reason}")]
    public static partial void Unavailable(ILogger logger, string directory, string reason);

    [LoggerMessage(EventId = 11, Level = LogLevel.Error, Message = "A change of task {Id} could not be written; retry in {Seconds} s")]
    public static partial void NotWritten(ILogger logger, string id, double seconds, Exception exception);

    [LoggerMessage(EventId = 14, Level = LogLevel.Information,
        Message = "Callbacks are signed with the key that this command prints: sqlite3 '{Path}' 'SELECT key FROM signing_keys'")]
    public static partial void SigningKey(ILogger logger, string path);

    [LoggerMessage(EventId = 15, Level = LogLevel.Warning, Message = "Work that is due for stored tasks failed; retry in 30 s")]
    public static partial void NotDone(ILogger logger, Exception exception);

    [LoggerMessage(EventId = 16, Level = LogLevel.Error, Message = "The database of the tasks, {Path}, cannot be read")]
    public static partial void NotRead(ILogger logger, string path, Exception exception);

    [LoggerMessage(EventId = 17, Level = LogLevel.Error,
        Message = "Tasks are refused until a write succeeds. {Reason}")]
    public static partial void WritesFail(ILogger logger, string reason);

    [LoggerMessage(EventId = 18, Level = LogLevel.Information, Message = "The tasks can be written again")]
    public static partial void WritesSucceed(ILogger logger);

    [LoggerMessage(EventId = 22, Level = LogLevel.Error,
        Message = "Task {Id} cannot be read from the database, and counts as failed: {Flaw}")]
    private static partial void Unreadable(ILogger logger, string id, string flaw);

    [LoggerMessage(EventId = 23, Level = LogLevel.Error, Message = "The tasks could not be resumed, because of an error in the app")]
    public static partial void NotResumed(ILogger logger, Exception exception);

    [LoggerMessage(EventId = 19, Level = LogLevel.Information,
        Message = "Tasks resume: {Waiting} were queued when the host ended. "
            + "{Interrupted} were running, and run again if an attempt is left")]
    public static partial void Resumed(ILogger logger, int waiting, int interrupted);
}
