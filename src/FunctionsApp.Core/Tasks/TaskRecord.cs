using System.Security.Cryptography;
using System.Text.Json.Serialization;
using FunctionsApp.Core.Operations;
using FunctionsApp.Core.Webhooks;

namespace FunctionsApp.Core.Tasks;

/// <summary>What a task runs, and how; immutable. The input is stored separately.</summary>
public sealed record TaskDefinition
{
    /// <summary>The <see cref="Path"/> of a task whose own cannot be read.</summary>
    public const string DefaultPath = "/api/tasks";

    /// <summary>The pattern that it runs.</summary>
    public required string Pattern { get; init; }

    /// <summary>The operation, for an operation, map or callback.</summary>
    public string? Operation { get; init; }

    /// <summary>The time limit of each attempt, in seconds; absent means the maximum.</summary>
    public double? TimeoutSeconds { get; init; }

    /// <summary>When to retry; absent means that an error ends the task.</summary>
    public RetryPolicy? Retry { get; init; }

    /// <summary>How long it is kept after its end, in seconds.</summary>
    public required double TtlSeconds { get; init; }

    /// <summary>The URL that success is delivered to.</summary>
    public Uri? OnSuccess { get; init; }

    /// <summary>The URL that failure and cancellation are delivered to.</summary>
    public Uri? OnError { get; init; }

    /// <summary>The path of all tasks, such as <c>/api/tasks</c>: the prefix of a task's links.</summary>
    public required string Path { get; init; }

    /// <summary>The caller's key, which identifies a repeated request.</summary>
    public string? IdempotencyKey { get; init; }

    /// <summary>A digest of the whole request. It distinguishes requests with the same key.</summary>
    public string? Fingerprint { get; init; }

    /// <summary>The trace (W3C <c>traceparent</c>) of the request that created the task.</summary>
    public string? TraceParent { get; init; }

    /// <summary>The <see cref="Outbound.CallChain"/> of that request, which the task's own calls continue.</summary>
    public string? CallChain { get; init; }

    /// <summary>What it runs, for the log: the operation, or the pattern of several.</summary>
    [JsonIgnore]
    public string Work => Operation ?? Pattern;
}

/// <summary>The state of a task at one moment, without its input and outcome, which may be large.</summary>
public sealed record TaskRecord
{
    /// <summary>The length of an id, in characters.</summary>
    public const int IdLength = 32;

    /// <summary>128 random bits in hexadecimal: any caller that knows it may read and cancel the task.</summary>
    public required string Id { get; init; }

    /// <summary>The sequence number of the task among all that were ever created.</summary>
    public required long Sequence { get; init; }

    /// <summary>Grows with every change.</summary>
    public long Version { get; init; }

    /// <summary>What it runs, and how.</summary>
    public required TaskDefinition Definition { get; init; }

    /// <summary>Its state.</summary>
    public TaskState State { get; init; }

    /// <summary>When it was accepted.</summary>
    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>When its first attempt started.</summary>
    public DateTimeOffset? StartedAt { get; init; }

    /// <summary>When it ended.</summary>
    public DateTimeOffset? FinishedAt { get; init; }

    /// <summary>The number of attempts that have started.</summary>
    public int Attempts { get; init; }

    /// <summary>When the next attempt starts, while it waits for that.</summary>
    public DateTimeOffset? NextAttemptAt { get; init; }

    /// <summary>Its progress.</summary>
    public Progress? Progress { get; init; }

    /// <summary>The slug of its problem, if it has failed.</summary>
    public string? Error { get; init; }

    /// <summary>When it is deleted; until its end, the earliest possible time.</summary>
    public required DateTimeOffset ExpiresAt { get; init; }

    /// <summary>The webhook that reports its end, if one is requested.</summary>
    public Delivery? Delivery { get; init; }

    /// <summary>
    /// Why what is stored of the task cannot be read, for the log; null if it can. Such a task has failed, with
    /// <see cref="TaskProblems.Unreadable"/>.
    /// </summary>
    public string? Flaw { get; init; }

    /// <summary>Returns the id of a new task.</summary>
    public static string NewId() => RandomNumberGenerator.GetHexString(IdLength, lowercase: true);

    /// <summary>Whether it has ended.</summary>
    public bool IsFinished => State is TaskState.Succeeded or TaskState.Failed or TaskState.Cancelled;

    /// <summary>Returns whether it has expired. A pending delivery keeps it.</summary>
    /// <param name="now">The current time.</param>
    public bool IsExpired(DateTimeOffset now) => TaskLifecycle.WakeOf(this) is { Step: TaskStep.Removal } removal && now >= removal.At;
}

/// <summary>A webhook and its delivery state.</summary>
public sealed record Delivery
{
    /// <summary>The number of most recent attempts that are kept.</summary>
    public const int MaxAttempts = 50;

    /// <summary>The webhook's URL.</summary>
    public required Uri Url { get; init; }

    /// <summary>Whether it is pending, delivered or has failed.</summary>
    public DeliveryState State { get; init; }

    /// <summary>When it is sent next, while it is pending.</summary>
    public DateTimeOffset? NextAttemptAt { get; init; }

    /// <summary>Attempts before the current schedule began. A caller can restart the schedule.</summary>
    public int EarlierAttempts { get; init; }

    /// <summary>The attempts, oldest first; at most <see cref="MaxAttempts"/>.</summary>
    public IReadOnlyList<DeliveryAttempt> Attempts { get; init; } = [];

    /// <summary>The number of attempts so far.</summary>
    public int Sent => Attempts is [.., var last] ? last.Attempt : 0;
}
