using FunctionsApp.Core.Json;
using FunctionsApp.Core.Operations;
using FunctionsApp.Core.Patterns;
using FunctionsApp.Core.Problems;
using FunctionsApp.Core.Tasks;

namespace FunctionsApp.Durable.Orchestration;

/// <summary>The input of a task's orchestration.</summary>
/// <param name="Definition">What to run, and how.</param>
/// <param name="CreatedAt">When the task was accepted.</param>
/// <param name="InputBytes">The length of the input, in bytes.</param>
/// <param name="DeliveryPauseSeconds">The pause before the first attempt at its webhook, in seconds. Orchestrations must not read settings.</param>
/// <param name="Ended">The status of a task that has ended, when its orchestration begins anew: to keep its history short, or because it failed.</param>
/// <param name="Failures">How often its orchestration has failed.</param>
public sealed record TaskStart(
    TaskDefinition Definition, DateTimeOffset CreatedAt, int InputBytes, double DeliveryPauseSeconds, DurableStatus? Ended = null, int Failures = 0)
{
    /// <summary>The start of a task whose own cannot be read. The task has failed, and is kept for the default time.</summary>
    /// <param name="createdAt">When the task was accepted.</param>
    internal static TaskStart Unreadable(DateTimeOffset createdAt)
    {
        var definition = new TaskDefinition { Pattern = "unknown", Path = "/api/tasks", TtlSeconds = new TasksOptions().DefaultTtlSeconds };
        var start = new TaskStart(definition, createdAt, InputBytes: 0, DeliveryPauseSeconds: 0);
        return start with { Ended = start.Fail(new DurableStatus { Version = 1 }, TaskRecords.NotReadable("The task"), createdAt) };
    }

    /// <summary>Returns the status of a task that ends.</summary>
    /// <param name="status">Its status before.</param>
    /// <param name="state">How it ends.</param>
    /// <param name="now">The current time.</param>
    /// <param name="isContinued">Whether an operation has already continued with the outcome, so that it is not delivered.</param>
    internal DurableStatus End(DurableStatus status, TaskState state, DateTimeOffset now, bool isContinued = false)
    {
        var url = isContinued ? null : Definition.UrlFor(state);
        return status with
        {
            Version = status.Version + 1,
            State = state,
            NextAttemptAt = null,
            FinishedAt = now,
            ExpiresAt = now.AddSeconds(Definition.TtlSeconds),
            Delivery = url is null ? null : new Delivery { Url = url, NextAttemptAt = now.AddSeconds(DeliveryPauseSeconds) },
        };
    }

    /// <summary>Returns the status of a task that ends with a problem that no attempt has stored.</summary>
    /// <param name="status">Its status before.</param>
    /// <param name="problem">The problem.</param>
    /// <param name="now">The current time.</param>
    internal DurableStatus Fail(DurableStatus status, Problem problem, DateTimeOffset now) =>
        End(status with { Problem = TaskOutcome.Failed(problem).Value }, TaskState.Failed, now);
}

/// <summary>
/// The custom status of a task's orchestration: what the orchestration knows of the task beyond its definition. Whether an
/// attempt runs at the moment, and its progress, is in the state of its attempts, a blob.
/// </summary>
public sealed record DurableStatus
{
    /// <summary>Grows with every change.</summary>
    public required long Version { get; init; }

    /// <summary>Queued, or how the task has ended.</summary>
    public TaskState State { get; init; }

    /// <summary>The number of the attempt that is due or runs: each call of the attempt's activity has its own.</summary>
    public int Call { get; init; }

    /// <summary>When the next attempt starts, while the task waits for that.</summary>
    public DateTimeOffset? NextAttemptAt { get; init; }

    /// <summary>When the first attempt started; set at the end.</summary>
    public DateTimeOffset? StartedAt { get; init; }

    /// <summary>The number of attempts that had started when the last one ended.</summary>
    public int Attempts { get; init; }

    /// <summary>The progress at the end.</summary>
    public Progress? Progress { get; init; }

    /// <summary>When the task ended.</summary>
    public DateTimeOffset? FinishedAt { get; init; }

    /// <summary>When the task is deleted.</summary>
    public DateTimeOffset? ExpiresAt { get; init; }

    /// <summary>The problem of a task that has failed without the outcome of an attempt; any other outcome is in a blob.</summary>
    public RawJson? Problem { get; init; }

    /// <summary>The length of the outcome's blob, in bytes.</summary>
    public int OutcomeBytes { get; init; }

    /// <summary>The webhook that reports the end, if one is requested.</summary>
    public Delivery? Delivery { get; init; }
}

/// <summary>The order to make an attempt.</summary>
/// <param name="Id">The task.</param>
/// <param name="Call">The number of the call.</param>
/// <param name="Definition">What to run, and how.</param>
/// <param name="InputBytes">The length of the input, in bytes.</param>
/// <param name="DueAt">Since when the attempt waits.</param>
/// <param name="IsRunning">Whether another execution of the same call makes the attempt: this one only waits for its end.</param>
public sealed record AttemptOrder(string Id, int Call, TaskDefinition Definition, int InputBytes, DateTimeOffset DueAt, bool IsRunning = false);

/// <summary>How an attempt ended.</summary>
public sealed record AttemptResult
{
    /// <summary>What the task does next.</summary>
    public required AttemptEnd End { get; init; }

    /// <summary>The number of attempts that have started so far.</summary>
    public int Attempts { get; init; }

    /// <summary>When the first attempt started.</summary>
    public DateTimeOffset? StartedAt { get; init; }

    /// <summary>The progress at the end.</summary>
    public Progress? Progress { get; init; }

    /// <summary>The length of the outcome that is stored, in bytes.</summary>
    public int OutcomeBytes { get; init; }

    /// <summary>The pause before the next attempt, in seconds.</summary>
    public double PauseSeconds { get; init; }

    /// <summary>Whether an operation has already continued with the outcome, so that it is not delivered.</summary>
    public bool IsContinued { get; init; }

    /// <summary>The problem of a task that fails without the outcome of an attempt.</summary>
    public RawJson? Problem { get; init; }
}

/// <summary>What a task does after an attempt.</summary>
public enum AttemptEnd
{
    /// <summary>It ends with a result.</summary>
    Succeeded,

    /// <summary>It ends with a problem.</summary>
    Failed,

    /// <summary>It is cancelled, and no work of this call runs; or a later call has taken its place.</summary>
    Cancelled,

    /// <summary>It is retried after a pause: the attempt failed, or its process ended it.</summary>
    Retried,

    /// <summary>It ends as interrupted: too many attempts ended with their process.</summary>
    Interrupted,

    /// <summary>It waits on: another execution of the same call makes the attempt, and is the one to report its end.</summary>
    Running,

    /// <summary>The same call is made again after a pause: this execution has not begun.</summary>
    NotBegun,
}

/// <summary>The request to cancel a task.</summary>
/// <param name="RunningCall">The call that ran when the request was stored; 0 for none. No other call can start after that.</param>
public sealed record CancelEvent(int RunningCall);

/// <summary>The order to send the webhook once.</summary>
/// <param name="Id">The task.</param>
/// <param name="Start">Its definition.</param>
/// <param name="Status">Its status, with the delivery.</param>
public sealed record DeliveryOrder(string Id, TaskStart Start, DurableStatus Status);

/// <summary>What to delete when a task expires.</summary>
/// <param name="Id">The task.</param>
/// <param name="IdempotencyKey">Its idempotency key.</param>
public sealed record Removal(string Id, string? IdempotencyKey = null);
