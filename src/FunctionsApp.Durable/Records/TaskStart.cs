using FunctionsApp.Core.Problems;
using FunctionsApp.Core.Tasks;

namespace FunctionsApp.Durable.Records;

/// <summary>The input of a task's orchestration.</summary>
/// <param name="Definition">What to run, and how.</param>
/// <param name="CreatedAt">When the task was accepted.</param>
/// <param name="InputBytes">The length of the input, in bytes.</param>
/// <param name="DeliveryPauseSeconds">
/// The pause before the first attempt at its webhook, in seconds. Orchestrations must not read settings.
/// </param>
/// <param name="Status">
/// The status of a task that has ended, when its orchestration begins anew: to keep its history short, or because it failed.
/// </param>
/// <param name="Restarts">How often a failed orchestration of the task was started again.</param>
/// <param name="Input">The input, if it is small; a larger one is in a blob.</param>
public sealed record TaskStart(
    TaskDefinition Definition, DateTimeOffset CreatedAt, int InputBytes, double DeliveryPauseSeconds,
    DurableStatus? Status = null, int Restarts = 0, string? Input = null)
{
    /// <summary>The start of a task whose own cannot be read. The task has failed, and is kept for the default time.</summary>
    /// <param name="createdAt">When the task was accepted.</param>
    internal static TaskStart Unreadable(DateTimeOffset createdAt)
    {
        var definition = new TaskDefinition { Pattern = "unknown", Path = "/api/tasks", TtlSeconds = new TasksOptions().DefaultTtlSeconds };
        var start = new TaskStart(definition, createdAt, InputBytes: 0, DeliveryPauseSeconds: 0);
        return start with { Status = start.Fail(status: null, TaskProblems.Unreadable("The task"), createdAt) };
    }

    /// <summary>Returns the status of a task after an attempt.</summary>
    /// <param name="status">Its status before; null before its orchestration has begun.</param>
    /// <param name="verdict">How the attempt ended; its outcome, if any, is stored nowhere else.</param>
    /// <param name="now">The current time.</param>
    internal DurableStatus After(DurableStatus? status, AttemptVerdict verdict, DateTimeOffset now)
    {
        status ??= new DurableStatus { Version = 1 };
        var task = new StoredTask(id: "", this, status).Record;
        var (record, outcome) = TaskLifecycle.After(task, verdict, now, TimeSpan.FromSeconds(DeliveryPauseSeconds));
        return status with
        {
            Version = record.Version,
            State = record.State,
            NextAttemptAt = record.NextAttemptAt,
            Attempts = status.Attempts with { Outcome = outcome?.ToString(), Error = record.Error },
            FinishedAt = record.FinishedAt,
            ExpiresAt = record.IsFinished ? record.ExpiresAt : null,
            Delivery = record.Delivery,
            IdempotencyKey = record.IsFinished ? Definition.IdempotencyKey : null,
            HasPayloads = record.IsFinished && (Input is null || (outcome is null && status.Attempts.OutcomeBytes > 0)),
        };
    }

    /// <summary>Returns the status of a task that fails without the outcome of an attempt.</summary>
    /// <param name="status">Its status before; null before its orchestration has begun.</param>
    /// <param name="problem">Why.</param>
    /// <param name="now">The current time.</param>
    internal DurableStatus Fail(DurableStatus? status, Problem problem, DateTimeOffset now) =>
        After(status, AttemptVerdict.Failed(problem), now);
}
