using FunctionsApp.Core.Operations;
using FunctionsApp.Core.Tasks;

namespace FunctionsApp.Durable.Records;

/// <summary>A change of the state of a task's attempts.</summary>
internal abstract record AttemptChange
{
    /// <summary>Returns the new state; null to leave the state as it is. A pure function.</summary>
    public abstract AttemptState? Apply(AttemptState state);
}

/// <summary>
/// An execution takes the attempt of a call, unless the call has ended or another execution makes the attempt. If the attempt must not
/// begin, the call ends, also for an earlier execution that still runs.
/// </summary>
/// <param name="Input">The call.</param>
/// <param name="Runner">The execution.</param>
/// <param name="TakesOver">Whether it takes the attempt from another execution of the same call.</param>
/// <param name="Now">The current time.</param>
internal sealed record AttemptTaken(AttemptInput Input, Guid Runner, bool TakesOver, DateTimeOffset Now) : AttemptChange
{
    public override AttemptState? Apply(AttemptState state)
    {
        // The execution has the attempt already if the response to its first request was lost.
        var isTaken = state.Runner is not null && state.Call == Input.Call && !TakesOver;
        if (state.Runner == Runner || isTaken || state.ResultOf(Input) is not null)
        {
            return null;
        }

        return TaskLifecycle.Refuse(Input.Definition, state.Begun, isCancelled: state.CancelledAt is not null) is { } end
            ? state with { Call = Input.Call, Runner = null, End = end, PauseSeconds = 0 }
            : state with
            {
                Begun = state.Begun + 1,
                StartedAt = state.StartedAt ?? Now,
                Call = Input.Call,
                Runner = Runner,
                TakenAt = Now,
                End = null,
                Progress = null,
                PauseSeconds = 0,
            };
    }
}

/// <summary>An attempt has made progress, if it may go on.</summary>
/// <param name="Runner">The execution that makes it.</param>
/// <param name="Progress">The progress.</param>
internal sealed record AttemptProgress(Guid Runner, Progress? Progress) : AttemptChange
{
    public override AttemptState? Apply(AttemptState state) =>
        state.IsHeldBy(Runner) && Progress != state.Progress ? state with { Progress = Progress } : null;
}

/// <summary>An attempt has ended, unless another execution has it by now.</summary>
/// <param name="Runner">The execution that has made it.</param>
/// <param name="Verdict">
/// How it ended. A large outcome is stored in a blob already. If the task was cancelled meanwhile, the outcome came too late.
/// </param>
/// <param name="Progress">The progress at the end.</param>
internal sealed record AttemptEnded(Guid Runner, AttemptVerdict Verdict, Progress? Progress) : AttemptChange
{
    public override AttemptState? Apply(AttemptState state)
    {
        var verdict = state.CancelledAt is null ? Verdict : new AttemptVerdict(AttemptEnd.Cancelled);
        return state.Runner != Runner ? null : state with
        {
            Runner = null,
            End = verdict.End,
            Progress = verdict.End == AttemptEnd.Retried ? null : Progress,
            OutcomeBytes = verdict.Outcome?.Utf8.Length ?? 0,
            Outcome = verdict.Outcome is { } outcome ? Payload.Inline(outcome) : null,
            Error = verdict.Error,
            PauseSeconds = verdict.Pause.TotalSeconds,
            IsContinued = verdict.IsContinued,
        };
    }
}

/// <summary>The task is cancelled: its attempt stops, and no other begins. An attempt that has ended with an outcome stays.</summary>
/// <param name="Now">The current time.</param>
internal sealed record AttemptsCancelled(DateTimeOffset Now) : AttemptChange
{
    public override AttemptState? Apply(AttemptState state) =>
        state is { IsDone: false, CancelledAt: null } ? state with { CancelledAt = Now } : null;
}

/// <summary>The orchestration was notified that the task is cancelled.</summary>
internal sealed record CancelSent : AttemptChange
{
    public override AttemptState? Apply(AttemptState state) => state.IsCancelSent ? null : state with { IsCancelSent = true };
}
