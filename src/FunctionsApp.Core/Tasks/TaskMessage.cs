using FunctionsApp.Core.Json;

namespace FunctionsApp.Core.Tasks;

/// <summary>The body of the webhook that reports the end of a task, in the format of Standard Webhooks.</summary>
/// <param name="Type">What happened, such as <c>task.succeeded</c>.</param>
/// <param name="Timestamp">When.</param>
/// <param name="Data">The task.</param>
public sealed record TaskMessage(string Type, DateTimeOffset Timestamp, TaskResponse Data)
{
    /// <summary>Maximum bytes of an included result. The receiver reads a larger one from the task.</summary>
    public const int MaxOutcomeBytes = 1024 * 1024;

    /// <summary>Returns the message id: the same for every attempt, because a task ends once.</summary>
    /// <param name="task">The task's id.</param>
    public static string IdOf(string task) => "msg_" + task;

    /// <summary>Writes the message of a task that has ended; the text is the same every time.</summary>
    /// <param name="record">The task.</param>
    /// <param name="outcome">The outcome; null when it is too large, or there is none.</param>
    public static ReadOnlyMemory<byte> Write(TaskRecord record, RawJson? outcome) => RawJson.From(
        new TaskMessage("task." + record.State.ToString().ToLowerInvariant(), record.FinishedAt!.Value, TaskResponse.Of(record, outcome)),
        CoreJson.TypeInfo<TaskMessage>()).Utf8;
}
