using System.Text.Json.Serialization;
using FunctionsApp.Core.Operations;
using FunctionsApp.Core.Patterns;
using FunctionsApp.Core.Problems;
using FunctionsApp.Core.Tasks;

namespace FunctionsApp.Durable.Records;

/// <summary>
/// The state of a task's attempts. While the task runs it is a blob that is changed only on condition that no other process has changed
/// it. The executions of an attempt and the requests to cancel the task agree through that blob: either an attempt begins before the
/// task is cancelled and stops, or it never begins. The activity returns the state, and the status of the task keeps it.
/// </summary>
public sealed record AttemptState
{
    /// <summary>Grows with every change of the blob.</summary>
    public long Version { get; init; }

    /// <summary>
    /// The number of attempts that have begun. It is stored before the work begins, so an attempt that ends its process is counted.
    /// </summary>
    public int Begun { get; init; }

    /// <summary>When the first of them began.</summary>
    public DateTimeOffset? StartedAt { get; init; }

    /// <summary>The last call of the activity that has begun.</summary>
    public int Call { get; init; }

    /// <summary>The execution that makes the attempt of that call; null when it has ended.</summary>
    public Guid? Runner { get; init; }

    /// <summary>When that execution took the attempt.</summary>
    public DateTimeOffset? TakenAt { get; init; }

    /// <summary>How the call ended; null until then. It is called again if its process dies before that is reported.</summary>
    public AttemptEnd? End { get; init; }

    /// <summary>The progress of the attempt.</summary>
    public Progress? Progress { get; init; }

    /// <summary>The length of the outcome, in bytes, if an attempt has one.</summary>
    public int OutcomeBytes { get; init; }

    /// <summary>The outcome of the task in JSON, if it is small, or no attempt's; a larger one is in a blob.</summary>
    public string? Outcome { get; init; }

    /// <summary>The pause before the next call, in seconds.</summary>
    public double PauseSeconds { get; init; }

    /// <summary>Whether a continuation has already handled the outcome, so that it is not delivered.</summary>
    public bool IsContinued { get; init; }

    /// <summary>The slug of the problem, if the task has failed.</summary>
    public string? Error { get; init; }

    /// <summary>When the task was cancelled.</summary>
    public DateTimeOffset? CancelledAt { get; init; }

    /// <summary>Whether the orchestration was notified of that. If not, the next request to cancel the task does it.</summary>
    public bool IsCancelSent { get; init; }

    /// <summary>Whether an execution makes the attempt.</summary>
    [JsonIgnore]
    internal bool IsRunning => Runner is not null && End is null;

    /// <summary>Whether the task has an outcome, so that it cannot be cancelled any more.</summary>
    [JsonIgnore]
    internal bool IsDone => End is AttemptEnd.Succeeded or AttemptEnd.Failed or AttemptEnd.Interrupted;

    /// <summary>
    /// How the call ended, for the lifecycle: its end, its pause, and the outcome unless that is in a blob.
    /// </summary>
    [JsonIgnore]
    internal AttemptVerdict Verdict => new(End ?? AttemptEnd.Retried)
    {
        Pause = TimeSpan.FromSeconds(PauseSeconds),
        Outcome = Outcome is null ? null : Payload.Read(Outcome),
        Error = Error,
        IsContinued = IsContinued,
    };

    /// <summary>Returns the state after a call that fails without an attempt.</summary>
    /// <param name="problem">Why.</param>
    internal AttemptState Failed(Problem problem) => this with
    {
        Runner = null,
        End = AttemptEnd.Failed,
        Outcome = TaskOutcome.Failed(problem).Value.ToString(),
        Error = problem.Slug,
    };

    /// <summary>Returns whether an execution makes the attempt, and may go on.</summary>
    internal bool IsHeldBy(Guid runner) => Runner == runner && CancelledAt is null;

    /// <summary>Returns the state with the end of a call, if that has ended or a later call has taken its place; otherwise null.</summary>
    internal AttemptState? ResultOf(AttemptInput call) =>
        IsDone || (Call == call.Call && End is not null) ? this
        : Call > call.Call ? this with { End = AttemptEnd.Cancelled }
        : null;
}
