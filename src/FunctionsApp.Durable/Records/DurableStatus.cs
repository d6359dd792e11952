using System.Text.Json.Serialization;
using FunctionsApp.Core.Tasks;

namespace FunctionsApp.Durable.Records;

/// <summary>
/// The custom status of a task's orchestration: what the orchestration knows of the task beyond its definition. What happens during an
/// attempt is in the blob of its <see cref="AttemptState"/>.
/// </summary>
public sealed record DurableStatus
{
    /// <summary>Grows with every change.</summary>
    public required long Version { get; init; }

    /// <summary>Queued, or how the task has ended.</summary>
    public TaskState State { get; init; }

    /// <summary>When the next attempt starts, while the task waits for that.</summary>
    public DateTimeOffset? NextAttemptAt { get; init; }

    /// <summary>The attempts, as the last call of their activity has reported them.</summary>
    public AttemptState Attempts { get; init; } = new();

    /// <summary>When the task ended.</summary>
    public DateTimeOffset? FinishedAt { get; init; }

    /// <summary>When the task is deleted.</summary>
    public DateTimeOffset? ExpiresAt { get; init; }

    /// <summary>The webhook that reports the end, if one is requested.</summary>
    public Delivery? Delivery { get; init; }

    /// <summary>Its idempotency key, once the task has ended: its removal need not read its definition.</summary>
    public string? IdempotencyKey { get; init; }

    /// <summary>Whether its input or its outcome is in a blob; false until it has ended.</summary>
    public bool HasPayloads { get; init; }

    /// <summary>Whether the task has ended.</summary>
    [JsonIgnore]
    public bool IsFinished => State != TaskState.Queued;

    /// <summary>Returns the status after a caller has requested that the webhook is sent again.</summary>
    /// <param name="now">The current time.</param>
    internal DurableStatus Redelivered(DateTimeOffset now) =>
        this with { Version = Version + 1, Delivery = TaskLifecycle.Redeliver(Delivery!, now) };
}
