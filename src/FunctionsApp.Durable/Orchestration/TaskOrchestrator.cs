using FunctionsApp.Core.Patterns;
using FunctionsApp.Core.Problems;
using FunctionsApp.Core.Tasks;
using FunctionsApp.Core.Webhooks;
using Microsoft.DurableTask;
using RetryPolicy = Microsoft.DurableTask.RetryPolicy;
using TaskOptions = Microsoft.DurableTask.TaskOptions;

namespace FunctionsApp.Durable.Orchestration;

/// <summary>
/// A task from its creation to its expiry: attempts until it ends, then deliveries of its webhook, then its removal. It decides
/// only by its history, which it replays after each step, so it must be deterministic: no clock, setting or storage of its own.
/// </summary>
internal sealed class TaskOrchestrator : TaskOrchestrator<TaskStart, object?>
{
    /// <summary>Failures of the attempt's activity itself, in a row, after which the task fails: its storage is broken.</summary>
    private const int MaxFailures = 10;

    /// <summary>The pause after such a failure.</summary>
    private static readonly TimeSpan FailurePause = TimeSpan.FromSeconds(5);

    /// <summary>Storage that fails does so for a while; what must be done is repeated until it is.</summary>
    private static readonly TaskOptions Patient = TaskOptions.FromRetryPolicy(new RetryPolicy(
        maxNumberOfAttempts: 100, firstRetryInterval: TimeSpan.FromSeconds(5), backoffCoefficient: 2, maxRetryInterval: TimeSpan.FromMinutes(10)));

    /// <inheritdoc/>
    public override async Task<object?> RunAsync(TaskOrchestrationContext context, TaskStart input)
    {
        if (input.Ended is null)
        {
            return await EndAsync(context, input, await RunAttemptsAsync(context, input));
        }

        context.SetCustomStatus(input.Ended);
        return await EndAsync(context, input, input.Ended);
    }

    /// <summary>Makes attempts until the task ends; returns its status then.</summary>
    private static async Task<DurableStatus> RunAttemptsAsync(TaskOrchestrationContext context, TaskStart start)
    {
        var status = new DurableStatus { Version = 1 };
        var cancelled = context.WaitForExternalEvent<CancelEvent>(TaskNames.Cancel);
        for (var failures = 0; ;)
        {
            status = status with { Version = status.Version + 1, Call = status.Call + 1, NextAttemptAt = null };
            context.SetCustomStatus(status);
            var attempt = context.CallActivityAsync<AttemptResult>(TaskNames.Attempt, new AttemptOrder(context.InstanceId, status.Call, start.Definition, start.InputBytes, Now(context)));
            await Task.WhenAny(attempt, cancelled);
            if (cancelled.IsCompletedSuccessfully && cancelled.Result.RunningCall != status.Call)
            {
                // This call has not started, and cannot start any more.
                return Ended(context, start, status, TaskState.Cancelled);
            }

            AttemptResult result;
            try
            {
                result = await attempt;
                failures = 0;
            }
            catch (TaskFailedException) when (++failures < MaxFailures)
            {
                result = new AttemptResult { End = AttemptEnd.Retried, Attempts = status.Attempts, StartedAt = status.StartedAt, PauseSeconds = FailurePause.TotalSeconds };
            }
            catch (TaskFailedException exception)
            {
                var problem = Problem.StorageFailed($"No attempt could be made: {exception.FailureDetails.ErrorMessage}");
                return Ended(context, start, status with { Problem = TaskOutcome.Failed(problem).Value }, TaskState.Failed);
            }

            status = status with { Attempts = result.Attempts, StartedAt = result.StartedAt ?? status.StartedAt, Progress = result.Progress, OutcomeBytes = result.OutcomeBytes };
            switch (result.End)
            {
                case AttemptEnd.Succeeded:
                    return Ended(context, start, status, TaskState.Succeeded, result.IsContinued);
                case AttemptEnd.Failed:
                    return Ended(context, start, status, TaskState.Failed, result.IsContinued);
                case AttemptEnd.Interrupted:
                    return Ended(context, start, status with { Problem = TaskOutcome.Failed(TaskDefinition.Interrupted(result.Attempts)).Value }, TaskState.Failed);
                case AttemptEnd.Cancelled:
                    return Ended(context, start, status, TaskState.Cancelled);
                case AttemptEnd.Retried:
                    if (cancelled.IsCompletedSuccessfully || !await PauseAsync(context, TimeSpan.FromSeconds(result.PauseSeconds), cancelled, due => context.SetCustomStatus(
                        status = status with { Version = status.Version + 1, NextAttemptAt = due, Progress = null })))
                    {
                        return Ended(context, start, status, TaskState.Cancelled);
                    }

                    break;
                default:
                    throw new InvalidOperationException($"An attempt ended as {result.End}.");
            }
        }
    }

    /// <summary>Lets time pass; returns false when the task was cancelled meanwhile.</summary>
    private static async Task<bool> PauseAsync(TaskOrchestrationContext context, TimeSpan pause, Task cancelled, Action<DateTimeOffset> announce)
    {
        if (pause <= TimeSpan.Zero)
        {
            return true;
        }

        var due = Now(context) + pause;
        announce(due);
        return await WaitUntilAsync(context, due, cancelled);
    }

    private static DurableStatus Ended(TaskOrchestrationContext context, TaskStart start, DurableStatus status, TaskState state, bool isContinued = false)
    {
        var now = Now(context);
        var url = isContinued ? null : start.Definition.UrlFor(state);
        status = status with
        {
            Version = status.Version + 1,
            State = state,
            NextAttemptAt = null,
            FinishedAt = now,
            ExpiresAt = now.AddSeconds(start.Definition.TtlSeconds),
            Delivery = url is null ? null : new Delivery { Url = url, NextAttemptAt = now.AddSeconds(start.DeliveryPauseSeconds) },
        };
        context.SetCustomStatus(status);
        return status;
    }

    /// <summary>
    /// Delivers the webhook when it is due or requested again, and removes the task when it has expired. After each delivery the
    /// orchestration begins anew: callers may request any number of them, and the history must not grow with that.
    /// </summary>
    private static async Task<object?> EndAsync(TaskOrchestrationContext context, TaskStart start, DurableStatus status)
    {
        var again = context.WaitForExternalEvent<bool>(TaskNames.Redeliver);
        var isPending = status.Delivery is { State: DeliveryState.Pending };
        var due = isPending ? status.Delivery!.NextAttemptAt!.Value : status.ExpiresAt!.Value;
        if (await WaitUntilAsync(context, due, again))
        {
            if (!isPending)
            {
                await context.CallActivityAsync(TaskNames.Removal, new Removal(context.InstanceId, start.Definition.IdempotencyKey), Patient);
                return null;
            }
        }
        else if (status.Delivery is { } old)
        {
            status = status with
            {
                Version = status.Version + 1,
                Delivery = old with { State = DeliveryState.Pending, NextAttemptAt = Now(context), EarlierAttempts = old.Sent },
            };
            context.SetCustomStatus(status);
        }

        if (status.Delivery is { State: DeliveryState.Pending })
        {
            var delivery = await context.CallActivityAsync<Delivery>(TaskNames.Delivery, new DeliveryOrder(context.InstanceId, start, status), Patient);
            status = status with { Version = status.Version + 1, Delivery = delivery };
        }

        context.ContinueAsNew(start with { Ended = status });
        return null;
    }

    private static DateTimeOffset Now(TaskOrchestrationContext context) => new(context.CurrentUtcDateTime, TimeSpan.Zero);

    /// <summary>Waits for a time, or for something else; returns whether it was the time.</summary>
    private static async Task<bool> WaitUntilAsync(TaskOrchestrationContext context, DateTimeOffset due, Task other)
    {
        using var cancellation = new CancellationTokenSource();

        // A timer may fire a little early.
        while (!other.IsCompleted && Now(context) < due)
        {
            await Task.WhenAny(context.CreateTimer(due.UtcDateTime, cancellation.Token), other);
        }

        if (other.IsCompleted)
        {
#pragma warning disable CA1849, MA0042 // An orchestration may await nothing but its context.
            cancellation.Cancel();
#pragma warning restore CA1849, MA0042
        }

        return !other.IsCompleted;
    }
}
