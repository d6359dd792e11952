using System.Text.Json.Serialization;
using FunctionsApp.Core.Json;
using FunctionsApp.Core.Operations;
using FunctionsApp.Core.Patterns;
using FunctionsApp.Core.Problems;
using FunctionsApp.Core.Tasks;

namespace FunctionsApp.Durable.Records;

/// <summary>The input of the activity that makes an attempt.</summary>
/// <param name="Id">The task.</param>
/// <param name="Call">The number of the call.</param>
/// <param name="Definition">What to run, and how.</param>
/// <param name="InputBytes">The length of the input, in bytes.</param>
/// <param name="DueAt">Since when the attempt waits.</param>
/// <param name="IsRunning">Whether another execution of the same call makes the attempt: this one only waits for its end.</param>
public sealed record AttemptInput(
    string Id, int Call, TaskDefinition Definition, int InputBytes, DateTimeOffset DueAt, bool IsRunning = false);

/// <summary>The result of a call of that activity.</summary>
public sealed record AttemptResult
{
    /// <summary>How the attempt ended; null if it has not, and the activity is to be called again after the pause.</summary>
    public AttemptEnd? End { get; init; }

    /// <summary>Whether another execution of the call makes the attempt, if it has not ended: the next call only waits for that.</summary>
    public bool IsRunning { get; init; }

    /// <summary>The number of attempts that have begun so far.</summary>
    public int Attempts { get; init; }

    /// <summary>When the first attempt began.</summary>
    public DateTimeOffset? StartedAt { get; init; }

    /// <summary>The progress at the end.</summary>
    public Progress? Progress { get; init; }

    /// <summary>The length of the outcome that is stored, in bytes.</summary>
    public int OutcomeBytes { get; init; }

    /// <summary>The pause before the next call, in seconds.</summary>
    public double PauseSeconds { get; init; }

    /// <summary>Whether an operation has already continued with the outcome, so that it is not delivered.</summary>
    public bool IsContinued { get; init; }

    /// <summary>The problem of a task that fails without the outcome of an attempt.</summary>
    public RawJson? Problem { get; init; }

    /// <summary>Creates the result of a call that fails without an attempt.</summary>
    /// <param name="problem">Why.</param>
    internal static AttemptResult Failed(Problem problem) => new() { End = AttemptEnd.Failed, Problem = TaskOutcome.Failed(problem).Value };

    /// <summary>How the attempt ended, for the life of the task. An outcome of its own is stored already.</summary>
    [JsonIgnore]
    internal AttemptVerdict Verdict => new(End ?? AttemptEnd.Retried)
    {
        Pause = TimeSpan.FromSeconds(PauseSeconds),
        Outcome = Problem,
        IsContinued = IsContinued,
    };
}

/// <summary>The request to cancel a task.</summary>
/// <param name="RunningCall">The call that ran when the request was stored; 0 for none. No other call can start after that.</param>
public sealed record CancelEvent(int RunningCall);

/// <summary>The input of the activity that sends the webhook once.</summary>
/// <param name="Id">The task.</param>
/// <param name="Start">Its definition.</param>
/// <param name="Status">Its status, with the delivery.</param>
public sealed record DeliveryInput(string Id, TaskStart Start, DurableStatus Status);

/// <summary>The input of the activity that deletes what is stored of a task that has expired.</summary>
/// <param name="Id">The task.</param>
/// <param name="IdempotencyKey">Its idempotency key.</param>
public sealed record RemovalInput(string Id, string? IdempotencyKey = null);
