using FunctionsApp.Core.Json;
using FunctionsApp.Core.Patterns;
using FunctionsApp.Core.Problems;
using FunctionsApp.Core.Webhooks;

namespace FunctionsApp.Core.Tasks;

/// <summary>
/// The life of a task: what may follow what, and when the next step is due. Every function is pure: it gets a record, an event and the
/// time, and returns the next record. An engine stores that record, and wakes the task at the time of <see cref="WakeOf"/>.
/// </summary>
/// <remarks>
/// <code>
/// queued      Begin: running          Cancel: cancelling
/// running     After: succeeded, failed, or queued again for a retry
///             Cancel: cancelling      Interrupt (its process has died): queued, or failed after the last attempt
/// cancelling  After: cancelled
/// ended       its webhook while that is pending, then its removal
/// </code>
/// </remarks>
public static class TaskLifecycle
{
    /// <summary>Creates the record of a new task, which is queued.</summary>
    /// <param name="id">Its id: <see cref="TaskRecord.NewId"/>.</param>
    /// <param name="sequence">Its sequence number.</param>
    /// <param name="definition">What it runs, and how.</param>
    /// <param name="now">The current time.</param>
    public static TaskRecord Create(string id, long sequence, TaskDefinition definition, DateTimeOffset now) => new()
    {
        Id = id,
        Sequence = sequence,
        Version = 1,
        Definition = definition,
        CreatedAt = now,
        ExpiresAt = now.AddSeconds(definition.TtlSeconds),
    };

    /// <summary>Returns how a task ends because its next attempt must not begin; null if that may begin.</summary>
    /// <param name="definition">What it runs, and how.</param>
    /// <param name="attempts">The number of attempts that have begun.</param>
    /// <param name="isCancelled">Whether the task was cancelled.</param>
    public static AttemptEnd? Refuse(TaskDefinition definition, int attempts, bool isCancelled) =>
        isCancelled ? AttemptEnd.Cancelled
        : attempts >= (definition.Retry?.MaxAttempts ?? RetryPolicy.DefaultAttempts) ? AttemptEnd.Interrupted
        : null;

    /// <summary>An attempt begins. <see cref="Refuse"/> has returned null for it.</summary>
    /// <param name="record">The task, queued.</param>
    /// <param name="now">The current time.</param>
    public static TaskRecord Begin(TaskRecord record, DateTimeOffset now) => record with
    {
        Version = record.Version + 1,
        State = TaskState.Running,
        StartedAt = record.StartedAt ?? NotBefore(record, now),
        Attempts = record.Attempts + 1,
        NextAttemptAt = null,
        Progress = null,
    };

    /// <summary>
    /// The task is cancelled. It ends by <see cref="After"/>: at once if no attempt runs, otherwise when that has stopped.
    /// </summary>
    /// <param name="record">The task; one that has ended, or is being cancelled, stays as it is.</param>
    public static TaskRecord Cancel(TaskRecord record) => record.IsFinished || record.State == TaskState.Cancelling
        ? record
        : record with { Version = record.Version + 1, State = TaskState.Cancelling, NextAttemptAt = null };

    /// <summary>The process of a task has ended, and another takes the task over.</summary>
    /// <param name="record">The task as it is stored, not ended.</param>
    /// <param name="now">The current time.</param>
    /// <param name="deliveryPause">The pause before the first attempt at its webhook.</param>
    /// <returns>The task, which waits for its next attempt, or has ended.</returns>
    public static TaskChange Interrupt(TaskRecord record, DateTimeOffset now, TimeSpan deliveryPause) => record switch
    {
        { Flaw: not null } => After(record, AttemptVerdict.Failed(TaskProblems.Unreadable()), now, deliveryPause),
        _ when Refuse(record.Definition, record.Attempts, record.State == TaskState.Cancelling) is { } end =>
            After(record, new AttemptVerdict(end), now, deliveryPause),
        { State: TaskState.Running } => new TaskChange(record with { Version = record.Version + 1, State = TaskState.Queued }),
        _ => new TaskChange(record),
    };

    /// <summary>Judges an attempt: by its outcome, by the retry policy, and by whether the task was cancelled meanwhile.</summary>
    /// <param name="definition">What the task runs, and how.</param>
    /// <param name="attempts">The number of attempts that have begun, this one included.</param>
    /// <param name="isCancelled">Whether the task was cancelled: its outcome, if any, came too late.</param>
    /// <param name="outcome">The outcome; null for an attempt that was stopped.</param>
    public static AttemptVerdict Judge(TaskDefinition definition, int attempts, bool isCancelled, TaskOutcome? outcome) => outcome switch
    {
        _ when isCancelled => new AttemptVerdict(AttemptEnd.Cancelled),
        null => new AttemptVerdict(AttemptEnd.Retried),
        { Problem: { } problem } when definition.Retry is { } retry && attempts < retry.MaxAttempts && RetryPolicy.IsWorthwhile(problem) =>
            new AttemptVerdict(AttemptEnd.Retried) { Pause = retry.Pause(attempts) },
        _ => new AttemptVerdict(outcome.Problem is null ? AttemptEnd.Succeeded : AttemptEnd.Failed)
        {
            Outcome = outcome.Value,
            Error = outcome.Problem?.Slug,
            IsContinued = outcome.IsContinued,
        },
    };

    /// <summary>An attempt has ended, or was refused.</summary>
    /// <param name="record">The task.</param>
    /// <param name="verdict">How the attempt ended.</param>
    /// <param name="now">The current time.</param>
    /// <param name="deliveryPause">The pause before the first attempt at its webhook.</param>
    public static TaskChange After(TaskRecord record, AttemptVerdict verdict, DateTimeOffset now, TimeSpan deliveryPause)
    {
        return verdict.End switch
        {
            AttemptEnd.Succeeded => new TaskChange(EndedAs(TaskState.Succeeded), verdict.Outcome),
            AttemptEnd.Failed => new TaskChange(EndedAs(TaskState.Failed) with { Error = verdict.Error }, verdict.Outcome),
            AttemptEnd.Cancelled => new TaskChange(EndedAs(TaskState.Cancelled)),
            AttemptEnd.Interrupted => After(record, AttemptVerdict.Failed(TaskProblems.Interrupted(record.Attempts)), now, deliveryPause),
            _ => new TaskChange(record with
            {
                Version = record.Version + 1,
                State = TaskState.Queued,
                NextAttemptAt = verdict.Pause > TimeSpan.Zero ? now + verdict.Pause : null,
                Progress = null,
            }),
        };

        TaskRecord EndedAs(TaskState state) => End(record, state, verdict.IsContinued, now, deliveryPause);
    }

    /// <summary>Returns whether a caller may have the webhook of a task sent again: it has ended, and has one.</summary>
    /// <param name="record">The task.</param>
    public static bool CanRedeliver(TaskRecord record) => record is { IsFinished: true, Delivery: not null };

    /// <summary>A caller wants the webhook to be sent again: at once, and then by the schedule from its beginning.</summary>
    /// <param name="delivery">The webhook.</param>
    /// <param name="now">The current time.</param>
    public static Delivery Redeliver(Delivery delivery, DateTimeOffset now) =>
        delivery with { State = DeliveryState.Pending, NextAttemptAt = now, EarlierAttempts = delivery.Sent };

    /// <summary>The webhook was sent once.</summary>
    /// <param name="delivery">The webhook before.</param>
    /// <param name="result">The result of the attempt.</param>
    /// <param name="retryAt">When it is sent again, if it has failed; null if no attempt is left.</param>
    public static Delivery AfterDelivery(Delivery delivery, WebhookResult result, DateTimeOffset? retryAt)
    {
        var next = result.Outcome == WebhookOutcome.Failed ? retryAt : null;
        var attempt = new DeliveryAttempt(delivery.Sent + 1, result.StartedAt, result.ElapsedMs, result.Status, result.Error, next);
        return delivery with
        {
            State = result.Outcome == WebhookOutcome.Delivered ? DeliveryState.Delivered
                : next is null ? DeliveryState.Failed : DeliveryState.Pending,
            NextAttemptAt = next,
            Attempts = [.. delivery.Attempts.TakeLast(Delivery.MaxAttempts - 1), attempt],
        };
    }

    /// <summary>Nothing will send the webhook: the task cannot be read.</summary>
    /// <param name="delivery">The webhook; one that is not pending stays as it is.</param>
    public static Delivery Abandon(Delivery delivery) =>
        delivery.State == DeliveryState.Pending ? delivery with { State = DeliveryState.Failed, NextAttemptAt = null } : delivery;

    /// <summary>Returns what a task does next without an event, and when; null while an attempt runs, whose end is an event.</summary>
    /// <param name="record">The task.</param>
    public static TaskWake? WakeOf(TaskRecord record) => record switch
    {
        { State: TaskState.Queued } => new TaskWake(TaskStep.Attempt, record.NextAttemptAt ?? record.CreatedAt),
        { IsFinished: false } => null,
        { Delivery: { State: DeliveryState.Pending, NextAttemptAt: { } at } } => new TaskWake(TaskStep.Delivery, at),
        _ => new TaskWake(TaskStep.Removal, record.ExpiresAt),
    };

    /// <summary>Ends a task: its webhook, unless the outcome is handled, is due after the pause; it expires after its TTL.</summary>
    private static TaskRecord End(TaskRecord record, TaskState state, bool isContinued, DateTimeOffset now, TimeSpan deliveryPause)
    {
        var at = NotBefore(record, now);
        var url = isContinued ? null : state == TaskState.Succeeded ? record.Definition.OnSuccess : record.Definition.OnError;
        return record with
        {
            Version = record.Version + 1,
            State = state,
            Flaw = null,
            FinishedAt = at,
            NextAttemptAt = null,
            ExpiresAt = at.AddSeconds(record.Definition.TtlSeconds),
            Delivery = url is null ? null : new Delivery { Url = url, NextAttemptAt = at + deliveryPause },
        };
    }

    /// <summary>Returns the time, but none before the last event of the task: the clock may have been set back.</summary>
    private static DateTimeOffset NotBefore(TaskRecord record, DateTimeOffset now) =>
        (record.StartedAt ?? record.CreatedAt) is var last && now < last ? last : now;
}

/// <summary>A task after an event.</summary>
/// <param name="Record">The task.</param>
/// <param name="Outcome">The outcome to store in place of its input, if the task has ended with one that is not stored yet.</param>
public readonly record struct TaskChange(TaskRecord Record, RawJson? Outcome = null);

/// <summary>How an attempt ended, and what follows.</summary>
/// <param name="End">How it ended.</param>
public sealed record AttemptVerdict(AttemptEnd End)
{
    /// <summary>The pause before the next attempt.</summary>
    public TimeSpan Pause { get; init; }

    /// <summary>The result, or the problem in JSON.</summary>
    public RawJson? Outcome { get; init; }

    /// <summary>The slug of the problem.</summary>
    public string? Error { get; init; }

    /// <summary>Whether a continuation has already handled the outcome, so that it is not delivered.</summary>
    public bool IsContinued { get; init; }

    /// <summary>Creates the verdict for a task that fails without the outcome of an attempt.</summary>
    /// <param name="problem">Why.</param>
    public static AttemptVerdict Failed(Problem problem) => new(AttemptEnd.Failed)
    {
        Outcome = TaskOutcome.Failed(problem).Value,
        Error = problem.Slug,
    };
}

/// <summary>How an attempt ended.</summary>
public enum AttemptEnd
{
    /// <summary>With a result, which is that of the task.</summary>
    Succeeded,

    /// <summary>With a problem, which is that of the task.</summary>
    Failed,

    /// <summary>The task was cancelled, and none of its work runs.</summary>
    Cancelled,

    /// <summary>With an error after which the task is retried, or stopped by the end of its process.</summary>
    Retried,

    /// <summary>It must not begin: too many attempts were interrupted by the end of their process.</summary>
    Interrupted,
}

/// <summary>What a task does next.</summary>
/// <param name="Step">What.</param>
/// <param name="At">When it is due.</param>
public readonly record struct TaskWake(TaskStep Step, DateTimeOffset At);

/// <summary>A step of a task that no event causes.</summary>
public enum TaskStep
{
    /// <summary>Its next attempt begins.</summary>
    Attempt,

    /// <summary>Its webhook is sent.</summary>
    Delivery,

    /// <summary>It has expired, and is deleted.</summary>
    Removal,
}
