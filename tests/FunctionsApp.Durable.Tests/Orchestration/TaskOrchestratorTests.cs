using DurableTask.Core;
using FunctionsApp.Core.Tasks;
using FunctionsApp.Core.Webhooks;
using FunctionsApp.Durable.Records;

namespace FunctionsApp.Durable.Tests.Orchestration;

/// <summary>What a task does next, by what has happened.</summary>
public sealed class TaskOrchestratorTests
{
    private static readonly Uri Url = new("https://example.com/hook");

    private static readonly TaskDefinition Definition = new() { Pattern = "await", Operation = "echo", Path = "/api/tasks", TtlSeconds = 100 };

    private static readonly TaskDefinition WithWebhook = Definition with { OnSuccess = Url, OnError = Url };

    private static readonly AttemptState Succeeded = new() { End = AttemptEnd.Succeeded, Begun = 1, OutcomeBytes = 7 };

    [Fact]
    public void A_result_ends_the_task_and_its_orchestration()
    {
        var task = Start(Definition);
        Assert.Equal(TaskState.Queued, task.Status.State);
        Assert.Equal(("await", 1), (task.Input<AttemptInput>(TaskNames.Attempt).Definition.Pattern, task.Input<AttemptInput>(TaskNames.Attempt).Call));

        task.Complete(TaskNames.Attempt, Succeeded);
        Assert.Equal((TaskState.Succeeded, 1, 7), (task.Status.State, task.Status.Attempts.Begun, task.Status.Attempts.OutcomeBytes));
        Assert.Equal(new DateTimeOffset(task.Now).AddSeconds(100), task.Status.ExpiresAt);
        Assert.Equal((OrchestrationStatus.Completed, 0, 0), (task.End, task.Activities.Count(), task.Timers.Count()));
    }

    [Fact]
    public void A_timer_that_fires_up_to_a_second_early_is_in_time_and_one_that_fires_earlier_is_set_again()
    {
        var task = Start(Definition with { Retry = new() { MaxAttempts = 2 } });
        task.Complete(TaskNames.Attempt, new AttemptState { End = AttemptEnd.Retried, Begun = 1, PauseSeconds = 3 });
        var due = Assert.Single(task.Timers);

        task.FireTimer(early: TimeSpan.FromSeconds(2));
        Assert.Empty(task.Activities);
        Assert.Equal(due, Assert.Single(task.Timers));

        task.FireTimer(early: TimeSpan.FromSeconds(1));
        Assert.Equal([TaskNames.Attempt], task.Activities);
    }

    [Fact]
    public void A_failure_is_retried_after_its_pause()
    {
        var task = Start(Definition with { Retry = new() { MaxAttempts = 2 } });
        task.Complete(TaskNames.Attempt, new AttemptState { End = AttemptEnd.Retried, Begun = 1, PauseSeconds = 3 });

        Assert.Empty(task.Activities);
        Assert.Equal(task.Now.AddSeconds(4), Assert.Single(task.Timers));
        Assert.Equal((TaskState.Queued, new DateTimeOffset(task.Now).AddSeconds(3), 1), (task.Status.State, task.Status.NextAttemptAt, task.Status.Attempts.Begun));

        task.FireTimer();
        Assert.Equal(2, task.Input<AttemptInput>(TaskNames.Attempt).Call);
        Assert.Null(task.Status.NextAttemptAt);
        task.Complete(TaskNames.Attempt, new AttemptState { End = AttemptEnd.Failed, Begun = 2 });
        Assert.Equal((TaskState.Failed, 2), (task.Status.State, task.Status.Attempts.Begun));
    }

    [Fact]
    public void An_attempt_that_ended_with_its_process_is_repeated_at_once_until_none_is_left()
    {
        var task = Start(Definition);
        task.Complete(TaskNames.Attempt, new AttemptState { End = AttemptEnd.Retried, Begun = 1 });
        Assert.Empty(task.Timers);
        Assert.Equal(2, task.Input<AttemptInput>(TaskNames.Attempt).Call);

        task.Complete(TaskNames.Attempt, new AttemptState { End = AttemptEnd.Interrupted, Begun = 10 });
        Assert.Equal((TaskState.Failed, 10), (task.Status.State, task.Status.Attempts.Begun));
        Assert.Contains("interrupted", task.Status.Attempts.Outcome!, StringComparison.Ordinal);
    }

    [Fact]
    public void An_attempt_that_cannot_be_started_is_retried_and_given_up()
    {
        var task = Start(Definition);
        for (var failures = 1; failures < 10; failures++)
        {
            task.Fail(TaskNames.Attempt);
            Assert.Equal(TaskState.Queued, task.Status.State);
            task.FireTimer();
        }

        task.Fail(TaskNames.Attempt);
        task.FireTimer();
        Assert.Equal(TaskState.Failed, task.Status.State);
        Assert.Contains("No attempt could be started.", task.Status.Attempts.Outcome!, StringComparison.Ordinal);
    }

    [Fact]
    public void An_attempt_of_another_execution_is_awaited_under_the_same_number()
    {
        var task = Start(Definition with { Retry = new() { MaxAttempts = 2 } });
        task.Complete(TaskNames.Attempt, new AttemptState { Runner = Guid.Empty, Begun = 1, PauseSeconds = 10 });
        Assert.Equal(task.Now.AddSeconds(11), Assert.Single(task.Timers));

        task.FireTimer();
        Assert.Equal((1, true), (task.Input<AttemptInput>(TaskNames.Attempt).Call, task.Input<AttemptInput>(TaskNames.Attempt).IsRunning));
        task.Fail(TaskNames.Attempt);
        task.FireTimer();
        Assert.Equal((1, true), (task.Input<AttemptInput>(TaskNames.Attempt).Call, task.Input<AttemptInput>(TaskNames.Attempt).IsRunning));

        // A retry is a new call again.
        task.Complete(TaskNames.Attempt, new AttemptState { End = AttemptEnd.Retried, Begun = 1 });
        Assert.Equal((2, false), (task.Input<AttemptInput>(TaskNames.Attempt).Call, task.Input<AttemptInput>(TaskNames.Attempt).IsRunning));
        task.Complete(TaskNames.Attempt, Succeeded with { Begun = 2 });
        Assert.Equal((TaskState.Succeeded, 2), (task.Status.State, task.Status.Attempts.Begun));
    }

    [Fact]
    public void A_call_that_has_not_begun_is_repeated_under_the_same_number()
    {
        var task = Start(Definition);
        task.Complete(TaskNames.Attempt, new AttemptState { PauseSeconds = 10 });
        task.FireTimer();
        Assert.Equal((1, false), (task.Input<AttemptInput>(TaskNames.Attempt).Call, task.Input<AttemptInput>(TaskNames.Attempt).IsRunning));

        task.Complete(TaskNames.Attempt, new AttemptState { PauseSeconds = 10 });
        task.Raise(TaskNames.Cancel, new CancelEvent(RunningCall: 0));
        Assert.Equal((TaskState.Cancelled, 0), (task.Status.State, task.Status.Attempts.Begun));
    }

    [Fact]
    public void A_task_is_cancelled_only_when_the_execution_of_its_attempt_has_stopped()
    {
        var task = Start(Definition);
        task.Complete(TaskNames.Attempt, new AttemptState { Runner = Guid.Empty, Begun = 1, PauseSeconds = 10 });
        task.Raise(TaskNames.Cancel, new CancelEvent(RunningCall: 1));
        Assert.Equal(TaskState.Queued, task.Status.State);

        task.FireTimer();
        task.Complete(TaskNames.Attempt, new AttemptState { End = AttemptEnd.Cancelled, Begun = 1 });
        Assert.Equal(TaskState.Cancelled, task.Status.State);
    }

    [Fact]
    public void A_queued_task_is_cancelled_at_once()
    {
        var task = Start(Definition);
        task.Raise(TaskNames.Cancel, new CancelEvent(RunningCall: 0));

        Assert.Equal((TaskState.Cancelled, 0), (task.Status.State, task.Status.Attempts.Begun));

        // The call is still queued. What it comes to is of no interest any more.
        task.Complete(TaskNames.Attempt, new AttemptState { End = AttemptEnd.Cancelled });
        Assert.Equal((TaskState.Cancelled, OrchestrationStatus.Completed), (task.Status.State, task.End));
    }

    [Fact]
    public void A_running_task_is_cancelled_when_it_has_stopped()
    {
        var task = Start(Definition);
        task.Raise(TaskNames.Cancel, new CancelEvent(RunningCall: 1));
        Assert.Equal(TaskState.Queued, task.Status.State);

        task.Complete(TaskNames.Attempt, new AttemptState { End = AttemptEnd.Cancelled, Begun = 1 });
        Assert.Equal((TaskState.Cancelled, 1), (task.Status.State, task.Status.Attempts.Begun));
    }

    [Fact]
    public void A_cancelling_task_whose_process_died_does_not_run_again()
    {
        var task = Start(Definition);
        task.Raise(TaskNames.Cancel, new CancelEvent(RunningCall: 1));
        task.Complete(TaskNames.Attempt, new AttemptState { End = AttemptEnd.Retried, Begun = 1 });

        Assert.Equal(TaskState.Cancelled, task.Status.State);
        Assert.Empty(task.Activities);
    }

    [Fact]
    public void A_task_in_a_pause_is_cancelled_at_once()
    {
        var task = Start(Definition);
        task.Complete(TaskNames.Attempt, new AttemptState { End = AttemptEnd.Retried, Begun = 1, PauseSeconds = 60 });
        task.Raise(TaskNames.Cancel, new CancelEvent(RunningCall: 0));

        Assert.Equal((TaskState.Cancelled, 1), (task.Status.State, task.Status.Attempts.Begun));
        Assert.Empty(task.Activities);
    }

    [Fact]
    public void An_ended_task_is_not_cancelled()
    {
        var task = Start(WithWebhook);
        task.Complete(TaskNames.Attempt, Succeeded);
        task.Raise(TaskNames.Cancel, new CancelEvent(RunningCall: 0));

        Assert.Equal(TaskState.Succeeded, task.Status.State);
    }

    [Fact]
    public void A_webhook_is_sent_until_it_is_delivered()
    {
        var task = Start(WithWebhook);
        task.Complete(TaskNames.Attempt, Succeeded);
        Assert.Equal((DeliveryState.Pending, Url), (task.Status.Delivery!.State, task.Status.Delivery.Url));
        var order = task.Input<DeliveryInput>(TaskNames.Delivery);
        Assert.Equal(TaskState.Succeeded, order.Status.State);

        var failed = Attempted(order.Status.Delivery!, DeliveryState.Pending, task.Now.AddSeconds(5));
        task.Complete(TaskNames.Delivery, failed);
        Assert.Equal((1, DeliveryState.Pending), (task.Status.Delivery!.Sent, task.Status.Delivery.State));
        Assert.Equal(task.Now.AddSeconds(6), Assert.Single(task.Timers));

        task.FireTimer();
        task.Complete(TaskNames.Delivery, Attempted(failed, DeliveryState.Delivered, next: null));
        Assert.Equal((2, DeliveryState.Delivered), (task.Status.Delivery!.Sent, task.Status.Delivery.State));
        Assert.Equal(OrchestrationStatus.Completed, task.End);
    }

    [Fact]
    public void A_pending_webhook_keeps_the_task_beyond_its_expiry()
    {
        var task = Start(WithWebhook);
        task.Complete(TaskNames.Attempt, Succeeded);
        task.Complete(TaskNames.Delivery, Attempted(task.Status.Delivery!, DeliveryState.Pending, task.Now.AddSeconds(1_000)));
        task.FireTimer();
        Assert.Equal([TaskNames.Delivery], task.Activities);

        task.Complete(TaskNames.Delivery, Attempted(task.Status.Delivery!, DeliveryState.Failed, next: null));
        Assert.Equal(OrchestrationStatus.Completed, task.End);
    }

    [Fact]
    public void Repeated_redeliveries_do_not_lengthen_the_history()
    {
        var task = Start(WithWebhook);
        task.Complete(TaskNames.Attempt, Succeeded);
        var later = task.Now.AddSeconds(1_000);
        task.Complete(TaskNames.Delivery, Attempted(task.Status.Delivery!, DeliveryState.Pending, later));
        var length = task.Length;
        for (var again = 2; again < 60; again++)
        {
            task.Raise(TaskNames.Redeliver, true);
            Assert.Equal((DeliveryState.Pending, again - 1), (task.Status.Delivery!.State, task.Status.Delivery.EarlierAttempts));
            task.Complete(TaskNames.Delivery, Attempted(task.Status.Delivery, DeliveryState.Pending, later));
            Assert.Equal(again, task.Status.Delivery!.Sent);
        }

        Assert.InRange(task.Length, 1, length);
        Assert.Equal(59, task.Generations);
    }

    [Fact]
    public void A_redelivery_after_the_end_is_an_orchestration_of_its_own()
    {
        var task = Start(WithWebhook);
        task.Complete(TaskNames.Attempt, Succeeded);
        task.Complete(TaskNames.Delivery, Attempted(task.Status.Delivery!, DeliveryState.Failed, next: null));
        Assert.Equal(OrchestrationStatus.Completed, task.End);

        var again = Start(WithWebhook, task.Status.Redelivered(new DateTimeOffset(task.Now)));
        Assert.Equal([TaskNames.Delivery], again.Activities);
        again.Complete(TaskNames.Delivery, Attempted(again.Status.Delivery!, DeliveryState.Delivered, next: null));
        Assert.Equal((2, 1, DeliveryState.Delivered), (again.Status.Delivery!.Sent, again.Status.Delivery.EarlierAttempts, again.Status.Delivery.State));
        Assert.Equal((OrchestrationStatus.Completed, task.Status.FinishedAt), (again.End, again.Status.FinishedAt));
    }

    [Fact]
    public void A_redelivery_that_is_requested_during_a_delivery_is_not_lost()
    {
        var task = Start(WithWebhook);
        task.Complete(TaskNames.Attempt, Succeeded);
        task.Raise(TaskNames.Redeliver, true);
        task.Complete(TaskNames.Delivery, Attempted(task.Status.Delivery!, DeliveryState.Delivered, next: null));
        Assert.Equal((1, DeliveryState.Pending), (task.Status.Delivery!.Sent, task.Status.Delivery.State));

        task.Raise(TaskNames.Redeliver, true);
        task.Raise(TaskNames.Redeliver, true);
        for (var sent = 1; sent < 4; sent++)
        {
            Assert.Equal((sent, DeliveryState.Pending), (task.Status.Delivery!.Sent, task.Status.Delivery.State));
            task.Complete(TaskNames.Delivery, Attempted(task.Status.Delivery!, DeliveryState.Delivered, next: null));
        }

        Assert.Equal((4, DeliveryState.Delivered, OrchestrationStatus.Completed), (task.Status.Delivery!.Sent, task.Status.Delivery.State, task.End));
    }

    [Fact]
    public void An_outcome_that_an_operation_handled_is_not_delivered()
    {
        var task = Start(WithWebhook);
        task.Complete(TaskNames.Attempt, Succeeded with { IsContinued = true });

        Assert.Null(task.Status.Delivery);
        Assert.Empty(task.Activities);
    }

    private static OrchestrationHistory Start(TaskDefinition definition, DurableStatus? status = null) =>
        new(new TaskStart(definition, new DateTimeOffset(2030, 1, 1, 0, 0, 0, TimeSpan.Zero), InputBytes: 2, DeliveryPauseSeconds: 0, status));

    private static Delivery Attempted(Delivery delivery, DeliveryState state, DateTime? next) => delivery with
    {
        State = state,
        NextAttemptAt = next,
        Attempts = [.. delivery.Attempts.TakeLast(Delivery.MaxAttempts - 1), new DeliveryAttempt(delivery.Sent + 1, DateTimeOffset.UnixEpoch, 1)],
    };
}
