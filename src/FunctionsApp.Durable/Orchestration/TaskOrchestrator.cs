using System.Runtime.InteropServices;
using System.Text.Json;
using FunctionsApp.Core.Json;
using FunctionsApp.Core.Problems;
using FunctionsApp.Core.Tasks;
using FunctionsApp.Core.Webhooks;
using FunctionsApp.Durable.Records;
using Microsoft.DurableTask;
using Microsoft.Extensions.Logging;
using RetryPolicy = Microsoft.DurableTask.RetryPolicy;
using TaskOptions = Microsoft.DurableTask.TaskOptions;

namespace FunctionsApp.Durable.Orchestration;

/// <summary>
/// A task from its creation to its end: attempts, then deliveries of its webhook. When nothing is left to do it completes, and <see
/// cref="Hosting.HubSweep"/> removes the task when it has expired. The framework replays the history after each step, so the
/// orchestrator must be deterministic: it uses no clock, setting or storage of its own. Its steps are those of <see
/// cref="TaskNames.Version"/>.
/// </summary>
internal sealed partial class TaskOrchestrator : TaskOrchestrator<JsonElement, object?>
{
    /// <summary>After ten failures of the attempt's activity itself, which storage causes, the task fails.</summary>
    private static readonly TaskOptions TenTries = TaskOptions.FromRetryPolicy(new RetryPolicy(
        maxNumberOfAttempts: 10, firstRetryInterval: TimeSpan.FromSeconds(5)));

    /// <summary>For steps that must succeed in the end: an outage of storage may take hours.</summary>
    private static readonly TaskOptions Patient = TaskOptions.FromRetryPolicy(new RetryPolicy(
        maxNumberOfAttempts: 100,
        firstRetryInterval: TimeSpan.FromSeconds(5),
        backoffCoefficient: 2,
        maxRetryInterval: TimeSpan.FromMinutes(10)));

    /// <summary>
    /// Storage hides the message of a timer for whole seconds, rounded down, so a timer fires up to a second early. Each is a step of the
    /// orchestration: one for the rest of a second would fire at once, and so would dozens after it.
    /// </summary>
    private static readonly TimeSpan TimerMargin = TimeSpan.FromSeconds(1);

    private static readonly AttemptVerdict Cancelled = new(AttemptEnd.Cancelled);

    private static readonly Task Never = new TaskCompletionSource().Task;

    /// <inheritdoc/>
    public override async Task<object?> RunAsync(TaskOrchestrationContext context, JsonElement input)
    {
        var start = Read(context, input);
        var status = start.Status ?? await RunAttemptsAsync(context, start);
        if (start.Status is null)
        {
            var record = new StoredTask(context.InstanceId, start, status).Record;
            TaskFailures.Note(context.CreateReplaySafeLogger<TaskFailures>(), record);
        }

        context.SetCustomStatus(status);
        if (status.Delivery is not { State: DeliveryState.Pending, NextAttemptAt: { } due })
        {
            return null;
        }

        var redelivery = context.WaitForExternalEvent<bool>(TaskNames.Redeliver);
        if (!await WaitUntilAsync(context, due, redelivery))
        {
            status = status.Redelivered(Now(context));
            context.SetCustomStatus(status);
            redelivery = context.WaitForExternalEvent<bool>(TaskNames.Redeliver);
        }

        var sending = new DeliveryInput(context.InstanceId, start, status);
        var sent = await context.CallActivityAsync<Delivery>(TaskNames.Delivery, sending, Patient);
        status = status with { Version = status.Version + 1, Delivery = sent };
        if (redelivery.IsCompleted)
        {
            status = status.Redelivered(Now(context));
        }

        context.SetCustomStatus(status);
        if (status.Delivery is { State: DeliveryState.Pending })
        {
            // Begins anew, above, with the status: callers may request any number of deliveries, and the history must not grow with that.
            context.ContinueAsNew(start with { Status = status });
        }

        return null;
    }

    private static TaskStart Read(TaskOrchestrationContext context, JsonElement input)
    {
        try
        {
            return CoreJson.ReadStored<TaskStart>(JsonMarshal.GetRawUtf8Value(input));
        }
        catch (JsonException exception)
        {
            LogUnreadable(context.CreateReplaySafeLogger<TaskOrchestrator>(), exception, context.InstanceId);
            return TaskStart.Unreadable(Now(context));
        }
    }

    /// <summary>Makes attempts until the task ends; returns its status then.</summary>
    private static async Task<DurableStatus> RunAttemptsAsync(TaskOrchestrationContext context, TaskStart start)
    {
        var status = new DurableStatus { Version = 1 };
        var cancelled = context.WaitForExternalEvent<CancelEvent>(TaskNames.Cancel);
        for (var call = 1; ;)
        {
            status = status with { Version = status.Version + 1, NextAttemptAt = null };
            context.SetCustomStatus(status);
            var input = new AttemptInput(
                context.InstanceId, call, start.Definition, start.InputBytes, Now(context), start.Input, status.Attempts.IsRunning);
            var attempt = context.CallActivityAsync<AttemptState>(TaskNames.Attempt, input, TenTries);
            await Task.WhenAny(attempt, cancelled);
            if (cancelled.IsCompletedSuccessfully && (await cancelled).RunningCall != call)
            {
                // This call has not begun, and cannot begin any more.
                return start.After(status, Cancelled, Now(context));
            }

            try
            {
                status = status with { Attempts = await attempt };
            }
            catch (TaskFailedException exception)
            {
                LogNoAttempt(context.CreateReplaySafeLogger<TaskOrchestrator>(), exception, context.InstanceId);
                return start.Fail(status, Problem.StorageFailed("No attempt could be started. The log has the cause."), Now(context));
            }

            var hasEnded = status.Attempts.End is not null;
            if (hasEnded)
            {
                var isCancelled = status.Attempts.End == AttemptEnd.Retried && cancelled.IsCompletedSuccessfully;
                status = start.After(status, isCancelled ? Cancelled : status.Attempts.Verdict, Now(context));
                if (status.IsFinished)
                {
                    return status;
                }

                context.SetCustomStatus(status);
                call++;
            }

            // An attempt that another execution makes ends by itself when the task is cancelled.
            var due = Now(context).AddSeconds(status.Attempts.PauseSeconds);
            if (!await WaitUntilAsync(context, due, status.Attempts.IsRunning ? Never : cancelled) && hasEnded)
            {
                return start.After(status, Cancelled, Now(context));
            }
        }
    }

    private static DateTimeOffset Now(TaskOrchestrationContext context) => new(context.CurrentUtcDateTime, TimeSpan.Zero);

    /// <summary>Waits for a time, or for something else; returns whether it was the time.</summary>
    private static async Task<bool> WaitUntilAsync(TaskOrchestrationContext context, DateTimeOffset due, Task other)
    {
        using var cancellation = new CancellationTokenSource();
        while (!other.IsCompleted && Now(context) < due)
        {
            await Task.WhenAny(context.CreateTimer((due + TimerMargin).UtcDateTime, cancellation.Token), other);
        }

        if (other.IsCompleted)
        {
#pragma warning disable CA1849, MA0042 // An orchestration may await nothing but its context.
            cancellation.Cancel();
#pragma warning restore CA1849, MA0042
        }

        return !other.IsCompleted;
    }

    [LoggerMessage(EventId = 33, Level = LogLevel.Error, Message = "The start of task {Id} cannot be read, so the task has failed")]
    private static partial void LogUnreadable(ILogger logger, Exception exception, string id);

    [LoggerMessage(EventId = 41, Level = LogLevel.Error, Message = "No attempt of task {Id} could be started, so the task has failed")]
    private static partial void LogNoAttempt(ILogger logger, Exception exception, string id);
}
