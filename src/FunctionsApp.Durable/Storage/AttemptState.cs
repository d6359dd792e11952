using System.Text.Json.Serialization;
using Azure;
using FunctionsApp.Core.Operations;
using FunctionsApp.Durable.Orchestration;

namespace FunctionsApp.Durable.Storage;

/// <summary>
/// The state of a task's attempts, in a blob that is only changed on condition that nobody else has changed it. The attempt
/// and whoever cancels agree through it: either an attempt starts before it is cancelled and learns of that, or it never starts.
/// </summary>
internal sealed record AttemptState
{
    /// <summary>Grows with every change.</summary>
    public long Version { get; init; }

    /// <summary>The number of attempts that have started. It is stored before the work begins, so work that ends its process is counted.</summary>
    public int Started { get; init; }

    /// <summary>When the first of them started.</summary>
    public DateTimeOffset? StartedAt { get; init; }

    /// <summary>The last call of the attempt's activity that has started.</summary>
    public int Call { get; init; }

    /// <summary>The execution that makes that attempt; null when it has ended.</summary>
    public Guid? Runner { get; init; }

    /// <summary>When that execution has taken the attempt.</summary>
    public DateTimeOffset? TakenAt { get; init; }

    /// <summary>How that attempt has ended. Its activity may be called again if its process died before it could report that.</summary>
    public AttemptResult? Result { get; init; }

    /// <summary>Whether the task has an outcome, so that it cannot be cancelled any more.</summary>
    [JsonIgnore]
    public bool IsDone => Result is { End: AttemptEnd.Succeeded or AttemptEnd.Failed or AttemptEnd.Interrupted };

    /// <summary>When the task was cancelled.</summary>
    public DateTimeOffset? CancelledAt { get; init; }

    /// <summary>Whether its orchestration has been told of that, as far as is known. Otherwise the next request to cancel it does so.</summary>
    public bool IsCancelSent { get; init; }

    /// <summary>The progress of the attempt.</summary>
    public Progress? Progress { get; init; }
}

/// <summary>The state of a task's attempts as a process has seen it.</summary>
/// <param name="State">The state.</param>
/// <param name="Tag">The tag of the blob; null if there was none.</param>
internal sealed record SeenState(AttemptState State, ETag? Tag);

/// <summary>The task of an idempotency key.</summary>
/// <param name="Id">The task.</param>
/// <param name="CreatedAt">When the key was taken.</param>
/// <param name="Fingerprint">A digest of the request.</param>
internal sealed record KeyEntry(string Id, DateTimeOffset CreatedAt, string? Fingerprint = null);

/// <summary>The task of an idempotency key as a process has seen it.</summary>
/// <param name="Entry">The task.</param>
/// <param name="Tag">The tag of the blob.</param>
internal sealed record SeenKey(KeyEntry Entry, ETag Tag);
