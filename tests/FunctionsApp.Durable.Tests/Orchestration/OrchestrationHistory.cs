using System.Text.Json;
using DurableTask.Core;
using DurableTask.Core.Command;
using DurableTask.Core.History;
using FunctionsApp.Core.Json;
using FunctionsApp.Durable.Orchestration;
using FunctionsApp.Durable.Records;
using Microsoft.DurableTask.Converters;
using Microsoft.DurableTask.Worker;
using Microsoft.DurableTask.Worker.Shims;
using Microsoft.Extensions.Logging.Abstractions;

namespace FunctionsApp.Durable.Tests.Orchestration;

/// <summary>
/// The history of one task's orchestration, without storage or clock: the test says what happens, and when. Each step replays all
/// of the history on a new orchestrator, as a process does that takes the orchestration over; one that decides otherwise then fails.
/// </summary>
internal sealed class OrchestrationHistory
{
    private static readonly DurableTaskShimFactory Shims =
        new(new DurableTaskWorkerOptions { DataConverter = new JsonDataConverter(CoreJson.Stored) }, NullLoggerFactory.Instance);

    private readonly string _id = new('a', 32);
    private readonly List<HistoryEvent> _events = [];
    private readonly Dictionary<int, ScheduleTaskOrchestratorAction> _activities = [];
    private readonly Dictionary<int, DateTime> _timers = [];

    public OrchestrationHistory(TaskStart start)
    {
        CoreJson.Add(DurableJsonContext.Default);
        Begin(JsonSerializer.Serialize(start, CoreJson.StoredTypeInfo<TaskStart>()));
        Step();
    }

    /// <summary>The time.</summary>
    public DateTime Now { get; private set; } = new(2030, 1, 1, 0, 0, 0, DateTimeKind.Utc);

    /// <summary>What callers see of the task.</summary>
    public DurableStatus Status { get; private set; } = null!;

    /// <summary>How the orchestration ended; null while it goes on.</summary>
    public OrchestrationStatus? End { get; private set; }

    /// <summary>How often it began anew.</summary>
    public int Generations { get; private set; }

    /// <summary>How many events the history has now.</summary>
    public int Length => _events.Count;

    /// <summary>The events.</summary>
    public IReadOnlyList<HistoryEvent> Events => _events;

    /// <summary>Replays a history; returns why the orchestration fails, or null.</summary>
    public static string? FindFailure(IReadOnlyList<HistoryEvent> history)
    {
        CoreJson.Add(DurableJsonContext.Default);
        var last = history.ToList().FindLastIndex(static e => e is OrchestratorStartedEvent);
        var result = Execute(history.Take(last), history.Skip(last).Where(static e => e is not (OrchestratorCompletedEvent or TaskScheduledEvent or TimerCreatedEvent)));
        return result.Actions.OfType<OrchestrationCompleteOrchestratorAction>().SingleOrDefault(static action => action.OrchestrationStatus == OrchestrationStatus.Failed) is { } failed
            ? $"{failed.FailureDetails}{failed.Result}"
            : null;
    }

    /// <summary>The activities that are called and have not ended.</summary>
    public IEnumerable<string> Activities => _activities.Values.Select(static activity => activity.Name!);

    /// <summary>When the timers fire that are set.</summary>
    public IEnumerable<DateTime> Timers => _timers.Values.Order();

    /// <summary>The input of the activity that is called.</summary>
    public T Input<T>(string name) => JsonSerializer.Deserialize(
        JsonElement.Parse(_activities.Values.Single(activity => activity.Name == name).Input!)[0].GetRawText(), CoreJson.StoredTypeInfo<T>())!;

    /// <summary>The activity ends.</summary>
    public void Complete<T>(string name, T result) =>
        Step(new TaskCompletedEvent(-1, Take(name), JsonSerializer.Serialize(result, CoreJson.StoredTypeInfo<T>())));

    /// <summary>The activity fails: its storage, mostly.</summary>
    public void Fail(string name) =>
        Step(new TaskFailedEvent(-1, Take(name), reason: null, details: null, new FailureDetails("IOException", "The disk is on fire.", stackTrace: null, innerFailure: null, isNonRetriable: false)));

    /// <summary>An event arrives.</summary>
    public void Raise<T>(string name, T value) => Step(new EventRaisedEvent(-1, JsonSerializer.Serialize(value, CoreJson.StoredTypeInfo<T>())) { Name = name });

    /// <summary>Time passes until the next timer fires.</summary>
    public void FireTimer(TimeSpan early = default)
    {
        var (id, due) = _timers.MinBy(static timer => timer.Value);
        _timers.Remove(id);
        Now = due - early;
        Step(new TimerFiredEvent(-1, due) { TimerId = id });
    }

    private static OrchestratorExecutionResult Execute(IEnumerable<HistoryEvent> past, IEnumerable<HistoryEvent> happened)
    {
        var state = new OrchestrationRuntimeState([.. past]);
        foreach (var e in happened)
        {
            state.AddEvent(e);
        }

        var orchestration = Shims.CreateOrchestration(TaskNames.Orchestration, new TaskOrchestrator());
        return new TaskOrchestrationExecutor(state, orchestration, BehaviorOnContinueAsNew.Carryover, ErrorPropagationMode.UseFailureDetails).Execute();
    }

    private int Take(string name)
    {
        var (id, _) = _activities.Single(activity => activity.Value.Name == name);
        _activities.Remove(id);
        return id;
    }

    private void Begin(string input)
    {
        _events.Clear();
        _activities.Clear();
        _timers.Clear();
        _events.Add(new OrchestratorStartedEvent(-1) { Timestamp = Now });
        _events.Add(new ExecutionStartedEvent(-1, input)
        {
            Name = TaskNames.Orchestration,
            Version = TaskNames.Version,
            OrchestrationInstance = new OrchestrationInstance { InstanceId = _id, ExecutionId = Guid.NewGuid().ToString("N") },
        });
    }

    private void Step(params HistoryEvent[] happened)
    {
        if (happened.Length > 0)
        {
            _events.Add(new OrchestratorStartedEvent(-1) { Timestamp = Now });
            _events.AddRange(happened);
        }

        // What came before the last orchestrator event has been seen already.
        var last = _events.FindLastIndex(static e => e is OrchestratorStartedEvent);
        var result = Execute(_events.Take(last), _events.Skip(last));
        Status = JsonSerializer.Deserialize(result.CustomStatus!, CoreJson.StoredTypeInfo<DurableStatus>())!;
        var kept = new List<HistoryEvent>();
        foreach (var action in result.Actions)
        {
            switch (action)
            {
                case ScheduleTaskOrchestratorAction activity:
                    _activities.Add(activity.Id, activity);
                    _events.Add(new TaskScheduledEvent(activity.Id, activity.Name!, activity.Version, activity.Input));
                    break;
                case CreateTimerOrchestratorAction timer:
                    _timers.Add(timer.Id, timer.FireAt);
                    _events.Add(new TimerCreatedEvent(timer.Id, timer.FireAt));
                    break;
                case SendEventOrchestratorAction toItself:
                    // What nobody has waited for yet, when it begins anew.
                    Assert.Equal(_id, toItself.Instance!.InstanceId);
                    kept.Add(new EventRaisedEvent(-1, toItself.EventData) { Name = toItself.EventName });
                    break;
                case OrchestrationCompleteOrchestratorAction { OrchestrationStatus: OrchestrationStatus.ContinuedAsNew } anew:
                    Generations++;
                    Begin(anew.Result!);
                    _events.AddRange(anew.CarryoverEvents);
                    Step();
                    foreach (var e in kept)
                    {
                        Step(e);
                    }

                    return;
                case OrchestrationCompleteOrchestratorAction complete:
                    Assert.True(complete.OrchestrationStatus == OrchestrationStatus.Completed, complete.Result ?? complete.FailureDetails?.ErrorMessage);
                    End = complete.OrchestrationStatus;
                    break;
                default:
                    throw new InvalidOperationException($"Not expected: {action.OrchestratorActionType}.");
            }
        }

        _events.Add(new OrchestratorCompletedEvent(-1));
    }
}
