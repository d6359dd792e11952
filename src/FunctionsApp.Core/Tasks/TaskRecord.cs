using System.Security.Cryptography;
using FunctionsApp.Core.Operations;
using FunctionsApp.Core.Webhooks;

namespace FunctionsApp.Core.Tasks;

/// <summary>What is asked of a task; it never changes. The work's input is kept beside it.</summary>
public sealed record TaskDefinition
{
    /// <summary>What it runs.</summary>
    public required string Pattern { get; init; }

    /// <summary>The operation, of an operation, map or callback.</summary>
    public string? Operation { get; init; }

    /// <summary>The time limit of each attempt, in seconds; absent means the longest there is.</summary>
    public double? TimeoutSeconds { get; init; }

    /// <summary>When to try again; absent means that an error ends the task.</summary>
    public RetryPolicy? Retry { get; init; }

    /// <summary>How long it is kept after its end, in seconds.</summary>
    public required double TtlSeconds { get; init; }

    /// <summary>Where success is delivered.</summary>
    public Uri? OnSuccess { get; init; }

    /// <summary>Where failure and cancellation are delivered.</summary>
    public Uri? OnError { get; init; }

    /// <summary>The path of all tasks, as <c>/api/tasks</c>: the links of a task begin with it.</summary>
    public required string Path { get; init; }

    /// <summary>The caller's key, by which a repeated request is known.</summary>
    public string? IdempotencyKey { get; init; }

    /// <summary>What tells the request with this key from another one: a digest of all of it.</summary>
    public string? Fingerprint { get; init; }

    /// <summary>The trace (W3C <c>traceparent</c>) of the request that created the task.</summary>
    public string? TraceParent { get; init; }

    /// <summary>The <see cref="Outbound.CallChain"/> of that request, which the task's own calls go on with.</summary>
    public string? CallChain { get; init; }
}

/// <summary>Everything that is known of a task at one moment, but for its input and outcome, which may be large.</summary>
public sealed record TaskRecord
{
    /// <summary>128 random bits in hexadecimal: who knows it may read and cancel the task.</summary>
    public required string Id { get; init; }

    /// <summary>The place of the task among all that were ever created.</summary>
    public required long Sequence { get; init; }

    /// <summary>Grows with every change.</summary>
    public long Version { get; init; }

    /// <summary>What is asked of it.</summary>
    public required TaskDefinition Definition { get; init; }

    /// <summary>Where it is on its way.</summary>
    public TaskState State { get; init; }

    /// <summary>When it was accepted.</summary>
    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>When its first attempt began.</summary>
    public DateTimeOffset? StartedAt { get; init; }

    /// <summary>When it ended.</summary>
    public DateTimeOffset? FinishedAt { get; init; }

    /// <summary>How many attempts have begun.</summary>
    public int Attempts { get; init; }

    /// <summary>When the next attempt begins, while it waits for that.</summary>
    public DateTimeOffset? NextAttemptAt { get; init; }

    /// <summary>How far it has come.</summary>
    public Progress? Progress { get; init; }

    /// <summary>When it is forgotten; until its end, the earliest time that can be.</summary>
    public required DateTimeOffset ExpiresAt { get; init; }

    /// <summary>The webhook that tells of its end, if one is asked for.</summary>
    public Delivery? Delivery { get; init; }

    /// <summary>A task that is about to be accepted.</summary>
    /// <param name="definition">What is asked of it.</param>
    /// <param name="sequence">Its place among all.</param>
    /// <param name="now">The present time.</param>
    /// <param name="startsNow">Whether its first attempt begins at once; it is written with the task then, at no cost.</param>
    internal static TaskRecord New(TaskDefinition definition, long sequence, DateTimeOffset now, bool startsNow) => new()
    {
        Id = RandomNumberGenerator.GetHexString(32, lowercase: true),
        Sequence = sequence,
        Version = 1,
        Definition = definition,
        State = startsNow ? TaskState.Running : TaskState.Queued,
        CreatedAt = now,
        StartedAt = startsNow ? now : null,
        Attempts = startsNow ? 1 : 0,
        ExpiresAt = now.AddSeconds(definition.TtlSeconds),
    };

    /// <summary>Whether it has ended.</summary>
    public bool IsFinished => State is TaskState.Succeeded or TaskState.Failed or TaskState.Cancelled;

    /// <summary>Whether it is to be forgotten. A delivery that is still to be made keeps it.</summary>
    /// <param name="now">The present time.</param>
    public bool IsExpired(DateTimeOffset now) => IsFinished && now >= ExpiresAt && Delivery is not { State: DeliveryState.Pending };
}

/// <summary>A webhook and how it fared.</summary>
public sealed record Delivery
{
    /// <summary>The attempts that are kept, the last ones.</summary>
    public const int MaxAttempts = 50;

    /// <summary>Where it goes.</summary>
    public required Uri Url { get; init; }

    /// <summary>Whether it has arrived, is still to, or never will.</summary>
    public DeliveryState State { get; init; }

    /// <summary>When it is sent next, while it is to be.</summary>
    public DateTimeOffset? NextAttemptAt { get; init; }

    /// <summary>How often it was sent before the schedule began, which it does anew when somebody asks for it.</summary>
    public int EarlierAttempts { get; init; }

    /// <summary>The attempts, oldest first; at most <see cref="MaxAttempts"/>.</summary>
    public IReadOnlyList<DeliveryAttempt> Attempts { get; init; } = [];

    /// <summary>How often it was sent.</summary>
    public int Sent => Attempts is [.., var last] ? last.Attempt : 0;
}
