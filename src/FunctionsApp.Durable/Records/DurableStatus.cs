using System.Text.Json.Serialization;
using FunctionsApp.Core.Json;
using FunctionsApp.Core.Operations;
using FunctionsApp.Core.Tasks;

namespace FunctionsApp.Durable.Records;

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

    /// <summary>Whether the task has ended.</summary>
    [JsonIgnore]
    public bool IsFinished => State != TaskState.Queued;

    /// <summary>Returns the status with what a record says of the task.</summary>
    internal DurableStatus With(TaskRecord record) => this with
    {
        Version = record.Version,
        State = record.State,
        NextAttemptAt = record.NextAttemptAt,
        Progress = record.Progress,
        FinishedAt = record.FinishedAt,
        ExpiresAt = record.IsFinished ? record.ExpiresAt : null,
        Delivery = record.Delivery,
    };
}
