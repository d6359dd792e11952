using System.Text.Json.Serialization;
using FunctionsApp.Core.Operations;
using FunctionsApp.Core.Patterns;
using FunctionsApp.Core.Tasks;

namespace FunctionsApp.Durable.Records;

/// <summary>
/// The state of a task's attempts, in a blob that is only changed on condition that nobody else has changed it. The executions of an
/// attempt and whoever cancels the task agree through it: either an attempt begins before the task is cancelled and learns of that, or
/// it never begins. Its functions are pure.
/// </summary>
internal sealed record AttemptState
{
    /// <summary>Grows with every change.</summary>
    public long Version { get; init; }

    /// <summary>
    /// The number of attempts that have begun. It is stored before the work begins, so work that ends its process is counted.
    /// </summary>
    public int Attempts { get; init; }

    /// <summary>When the first of them began.</summary>
    public DateTimeOffset? StartedAt { get; init; }

    /// <summary>The last call of the attempt's activity that has begun.</summary>
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

    /// <summary>
    /// Whether its orchestration has been sent that, as far as is known. Otherwise the next request to cancel it does so.
    /// </summary>
    public bool IsCancelSent { get; init; }

    /// <summary>The progress of the attempt.</summary>
    public Progress? Progress { get; init; }

    /// <summary>Returns whether an execution makes the attempt, and may go on.</summary>
    public bool IsHeldBy(Guid runner) => Runner == runner && CancelledAt is null;

    /// <summary>Returns the result of a call, if it has one; also if a later call has taken its place.</summary>
    public AttemptResult? ResultOf(AttemptInput call) =>
        IsDone || (Call == call.Call && Result is not null) ? Result
        : Call > call.Call ? NewResult(AttemptEnd.Cancelled)
        : null;

    /// <summary>Creates the result of a call.</summary>
    /// <param name="end">How it has ended; null if it has not.</param>
    public AttemptResult NewResult(AttemptEnd? end) => new() { End = end, Attempts = Attempts, StartedAt = StartedAt, Progress = Progress };

    /// <summary>
    /// An execution takes the attempt, or it ends because it must not begin: an earlier execution of the call that still runs learns of
    /// that too.
    /// </summary>
    /// <param name="call">The call.</param>
    /// <param name="runner">The execution.</param>
    /// <param name="takesOver">Whether it takes the attempt from another execution of the same call.</param>
    /// <param name="now">The current time.</param>
    /// <returns>The new state; null when the call has a result, or another execution makes the attempt.</returns>
    public AttemptState? Take(AttemptInput call, Guid runner, bool takesOver, DateTimeOffset now)
    {
        // It may be taken already: the response to the request that did so was lost.
        var isTaken = Runner is not null && Call == call.Call && !takesOver;
        if (Runner == runner || isTaken || ResultOf(call) is not null)
        {
            return null;
        }

        return TaskLifecycle.Refuse(call.Definition, Attempts, isCancelled: CancelledAt is not null) is { } end
            ? this with { Call = call.Call, Runner = null, Result = NewResult(end) }
            : this with
            {
                Attempts = Attempts + 1,
                StartedAt = StartedAt ?? now,
                Call = call.Call,
                Runner = runner,
                TakenAt = now,
                Result = null,
                Progress = null,
            };
    }

    /// <summary>An attempt has ended.</summary>
    /// <param name="runner">The execution that has made it.</param>
    /// <param name="definition">What the task runs, and how.</param>
    /// <param name="outcome">The outcome, which is stored unless the task is retried; null for an attempt that was stopped.</param>
    /// <param name="progress">The progress at the end.</param>
    /// <returns>The new state; null when another execution has the attempt by now.</returns>
    public AttemptState? Release(Guid runner, TaskDefinition definition, TaskOutcome? outcome, Progress? progress)
    {
        var verdict = TaskLifecycle.Judge(definition, Attempts, isCancelled: CancelledAt is not null, outcome);
        return Runner != runner ? null : this with
        {
            Runner = null,
            Progress = progress,
            Result = NewResult(verdict.End) with
            {
                Progress = progress,
                OutcomeBytes = verdict.Outcome?.Utf8.Length ?? 0,
                PauseSeconds = verdict.Pause.TotalSeconds,
                IsContinued = verdict.IsContinued,
            },
        };
    }
}
