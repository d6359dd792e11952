using System.Text;
using System.Text.Json;
using DurableTask.Core;
using FunctionsApp.Core.Json;
using FunctionsApp.Core.Problems;
using FunctionsApp.Core.Tasks;
using FunctionsApp.Durable.Records;
using Microsoft.Extensions.Logging;

namespace FunctionsApp.Durable.Storage;

/// <summary>
/// Reads tasks: the definition and the status are in the orchestration, the state of the attempts is in a blob. Data that cannot be read
/// makes that task a failed one, and no other.
/// </summary>
internal sealed partial class TaskReader(TaskHub hub, ILogger<TaskReader> logger)
{
    /// <summary>How often a failed orchestration is started again. After that its task is only kept until it expires.</summary>
    public const int MaxRestarts = 3;

    private const string NotDeterministic = "NonDeterministic";

    /// <summary>Reads a task; null if it does not exist. It may have expired.</summary>
    public async Task<StoredTask?> FindAsync(string id)
    {
        await hub.EnsureCreatedAsync();
        return await hub.FindAsync(id) is { } instance && TaskHub.IsTask(instance)
            ? await ReadAsync(instance, CancellationToken.None)
            : null;
    }

    /// <summary>Reads the task of an orchestration.</summary>
    public async Task<StoredTask> ReadAsync(OrchestrationState instance, CancellationToken cancellationToken)
    {
        var id = instance.OrchestrationInstance.InstanceId;
        var (start, status) = Parse(instance);
        if (status is not { IsFinished: true })
        {
            try
            {
                return new StoredTask(id, start, status, (await hub.Blobs.ReadStateAsync(id, cancellationToken)).Value);
            }
            catch (UnreadableDataException exception)
            {
                LogUnreadable(logger, exception, id);
                var problem = TaskProblems.Unreadable("The state of the task's attempts");
                status = start.Fail(status, problem, At(instance.LastUpdatedTime));
            }
        }

        return new StoredTask(id, start, status);
    }

    /// <summary>
    /// Reads the definition and the status of a task, which has no status before its orchestration has begun. If the orchestration has
    /// failed, the task has failed too, unless it had ended before.
    /// </summary>
    public (TaskStart Start, DurableStatus? Status) Parse(OrchestrationState instance)
    {
        var start = Read<TaskStart>(instance, instance.Input) ?? TaskStart.Unreadable(At(instance.CreatedTime));
        var isStored = instance.Status is { Length: > 0 };
        var status = isStored ? ParseStatus(instance) : start.Status;
        var failure = isStored && status is null ? TaskProblems.Unreadable("The state of the task")
            : TaskHub.HasFailed(instance) ? FailureOf(instance)
            : null;
        if (failure is not null && status is not { IsFinished: true })
        {
            status = start.Fail(status, failure, At(instance.LastUpdatedTime));
        }

        // If the orchestration is not started again, its webhook is never sent.
        return TaskHub.HasFailed(instance) && start.Restarts >= MaxRestarts && status?.Delivery is { } delivery
            ? (start, status with { Delivery = TaskLifecycle.Abandon(delivery) })
            : (start, status);
    }

    /// <summary>Reads the status of a task; null if it has none, or that cannot be read.</summary>
    public DurableStatus? ParseStatus(OrchestrationState instance) =>
        instance.Status is { Length: > 0 } status ? Read<DurableStatus>(instance, status) : null;

    /// <summary>A time of storage, which is in UTC.</summary>
    public static DateTimeOffset At(DateTime time) => new(DateTime.SpecifyKind(time, DateTimeKind.Utc));

    /// <summary>Returns the problem of a failed orchestration for callers. The log has the failure itself.</summary>
    private static Problem FailureOf(OrchestrationState instance) => instance.OrchestrationStatus == OrchestrationStatus.Failed
        ? Problem.StorageFailed(TaskHub.FailureOf(instance).Contains(NotDeterministic, StringComparison.Ordinal)
            ? "The task cannot go on: another version of the app began it, with other steps."
            : "The task cannot go on: its orchestration failed. The log has the cause.")
        : Problem.Interrupted("The task cannot go on: its orchestration was terminated.");

    private T? Read<T>(OrchestrationState instance, string? json)
        where T : class
    {
        try
        {
            return CoreJson.ReadStored<T>(Encoding.UTF8.GetBytes(json ?? "null"));
        }
        catch (JsonException exception)
        {
            LogUnreadable(logger, exception, instance.OrchestrationInstance.InstanceId);
            return null;
        }
    }

    [LoggerMessage(EventId = 36, Level = LogLevel.Error,
        Message = "Stored data of task {Id} cannot be read, so the task is shown as failed")]
    private static partial void LogUnreadable(ILogger logger, Exception exception, string id);
}
