using Microsoft.Extensions.Logging;

namespace FunctionsApp.Core.Tasks;

/// <summary>Logs tasks that have failed with no retry left, the same with every engine.</summary>
public sealed partial class TaskFailures
{
    private TaskFailures()
    {
    }

    /// <summary>Logs the end of a task, if that is a failure.</summary>
    /// <param name="logger">The log.</param>
    /// <param name="record">The task, after its last change.</param>
    public static void Note(ILogger logger, TaskRecord record)
    {
        if (record is { State: TaskState.Failed, Error: { } error })
        {
            LogFailed(logger, record.Id, record.Definition.Work, error, record.Attempts);
        }
    }

    [LoggerMessage(EventId = 24, Level = LogLevel.Warning, Message = "Task {Id} of {Work} has failed: {Error}. Attempts: {Attempts}")]
    private static partial void LogFailed(ILogger logger, string id, string work, string error, int attempts);
}
