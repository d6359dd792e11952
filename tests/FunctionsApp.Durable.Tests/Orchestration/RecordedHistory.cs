using System.Text.Json;
using System.Text.Json.Serialization;
using DurableTask.Core;
using DurableTask.Core.History;
using FunctionsApp.Durable.Records;

namespace FunctionsApp.Durable.Tests.Orchestration;

/// <summary>An event of a history, as the golden files have it.</summary>
/// <param name="Type">What happened.</param>
/// <param name="Id">The id of the event, or of the activity or timer that it ends.</param>
/// <param name="At">When; when a timer fires.</param>
/// <param name="Name">The name of an activity, an event or the orchestration.</param>
/// <param name="Data">Its input or result, in JSON.</param>
internal sealed record RecordedEvent(EventType Type, int? Id = null, DateTime? At = null, string? Name = null, string? Data = null)
{
    private static readonly JsonSerializerOptions Options = new(JsonSerializerDefaults.Web)
    {
        WriteIndented = true,
        NewLine = "\n",
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Converters = { new JsonStringEnumConverter() },
    };

    public static string Write(IEnumerable<HistoryEvent> history) => JsonSerializer.Serialize(history.Select(Of), Options) + "\n";

    public static List<HistoryEvent> Read(string json) => [.. JsonSerializer.Deserialize<RecordedEvent[]>(json, Options)!.Select(static e => e.ToEvent())];

    private static RecordedEvent Of(HistoryEvent e) => e switch
    {
        OrchestratorStartedEvent => new(e.EventType, At: e.Timestamp),
        ExecutionStartedEvent started => new(e.EventType, Name: started.Name, Data: started.Input),
        TaskScheduledEvent scheduled => new(e.EventType, e.EventId, Name: scheduled.Name, Data: scheduled.Input),
        TaskCompletedEvent completed => new(e.EventType, completed.TaskScheduledId, Data: completed.Result),
        TaskFailedEvent failed => new(e.EventType, failed.TaskScheduledId, Data: failed.FailureDetails!.ErrorMessage),
        TimerCreatedEvent created => new(e.EventType, e.EventId, created.FireAt),
        TimerFiredEvent fired => new(e.EventType, fired.TimerId, fired.FireAt),
        EventRaisedEvent raised => new(e.EventType, Name: raised.Name, Data: raised.Input),
        OrchestratorCompletedEvent => new(e.EventType),
        _ => throw new InvalidOperationException($"Not expected: {e.EventType}."),
    };

    private HistoryEvent ToEvent() => Type switch
    {
        EventType.OrchestratorStarted => new OrchestratorStartedEvent(-1) { Timestamp = At!.Value },
        EventType.ExecutionStarted => new ExecutionStartedEvent(-1, Data)
        {
            Name = Name,
            Version = TaskNames.Version,
            OrchestrationInstance = new OrchestrationInstance { InstanceId = new string('a', 32), ExecutionId = "1" },
        },
        EventType.TaskScheduled => new TaskScheduledEvent(Id!.Value, Name!, TaskNames.Version, Data),
        EventType.TaskCompleted => new TaskCompletedEvent(-1, Id!.Value, Data),
        EventType.TaskFailed => new TaskFailedEvent(-1, Id!.Value, reason: null, details: null, new FailureDetails("IOException", Data!, null, null, false)),
        EventType.TimerCreated => new TimerCreatedEvent(Id!.Value, At!.Value),
        EventType.TimerFired => new TimerFiredEvent(-1, At!.Value) { TimerId = Id!.Value },
        EventType.EventRaised => new EventRaisedEvent(-1, Data) { Name = Name },
        _ => new OrchestratorCompletedEvent(-1),
    };
}
