using FunctionsApp.Core.Json;
using FunctionsApp.Core.Patterns;
using FunctionsApp.Core.Problems;
using FunctionsApp.Core.Tasks;
using FunctionsApp.Core.Webhooks;

namespace FunctionsApp.Core.Tests.Tasks;

/// <summary>The life of a task, in whatever order its events come.</summary>
public sealed class TaskLifecycleTests
{
    private static readonly DateTimeOffset Start = new(2026, 11, 30, 0, 0, 0, TimeSpan.Zero);
    private static readonly TimeSpan DeliveryPause = TimeSpan.FromSeconds(5);
    private static readonly TaskOutcome Success = TaskOutcome.Succeeded(RawJson.EmptyObject);
    private static readonly TaskOutcome Error = TaskOutcome.Failed(Problem.UpstreamFailed("It is down."));

    [Fact]
    public void A_task_ends_once_and_a_cancelled_one_never_begins_whatever_the_order_of_events()
    {
        for (var seed = 0; seed < 5_000; seed++)
        {
            new Life(seed).Run();
        }
    }

    [Fact]
    public void An_error_is_retried_after_growing_pauses_until_no_attempt_is_left()
    {
        var definition = Define(new RetryPolicy { MaxAttempts = 3, InitialDelaySeconds = 1, Backoff = 2 });

        Assert.Equal(TimeSpan.FromSeconds(1), Judge(1, Error).Pause);
        Assert.Equal(TimeSpan.FromSeconds(2), Judge(2, Error).Pause);
        Assert.Equal((AttemptEnd.Failed, TimeSpan.Zero), (Judge(3, Error).End, Judge(3, Error).Pause));
        Assert.Equal(AttemptEnd.Failed, Judge(1, TaskOutcome.Failed(Problem.InvalidRequest("/x", "must be a number"))).End);

        AttemptVerdict Judge(int attempts, TaskOutcome outcome) => TaskLifecycle.Judge(definition, attempts, isCancelled: false, outcome);
    }

    [Fact]
    public void An_outcome_that_comes_after_a_cancellation_is_dropped() =>
        Assert.Equal(new AttemptVerdict(AttemptEnd.Cancelled), TaskLifecycle.Judge(Define(), 1, isCancelled: true, Success));

    [Theory]
    [InlineData(AttemptEnd.Succeeded, false, "https://example.com/success")]
    [InlineData(AttemptEnd.Failed, false, "https://example.com/error")]
    [InlineData(AttemptEnd.Cancelled, false, "https://example.com/error")]
    [InlineData(AttemptEnd.Succeeded, true, null)]
    [InlineData(AttemptEnd.Failed, true, null)]
    public void The_end_goes_to_its_url_unless_a_continuation_has_handled_it(AttemptEnd end, bool isContinued, string? url)
    {
        var verdict = new AttemptVerdict(end) { Outcome = RawJson.EmptyObject, IsContinued = isContinued };
        var ended = TaskLifecycle.After(TaskLifecycle.Begin(New(), Start), verdict, Start, DeliveryPause).Record;

        Assert.Equal((url, url is null ? null : Start + DeliveryPause), (ended.Delivery?.Url.ToString(), ended.Delivery?.NextAttemptAt));
        Assert.Equal(url is null ? TaskStep.Removal : TaskStep.Delivery, TaskLifecycle.WakeOf(ended)!.Value.Step);
    }

    [Fact]
    public void A_clock_that_is_set_back_does_not_put_the_end_before_the_beginning()
    {
        var running = TaskLifecycle.Begin(New(), Start.AddMinutes(1));

        var ended = TaskLifecycle.After(running, new AttemptVerdict(AttemptEnd.Succeeded), Start.AddDays(-1), DeliveryPause).Record;

        Assert.Equal((running.StartedAt, running.StartedAt + TimeSpan.FromSeconds(60)), (ended.FinishedAt, ended.ExpiresAt));
    }

    [Fact]
    public void A_task_that_cannot_be_read_fails_when_it_is_taken_over()
    {
        var change = TaskLifecycle.Interrupt(New() with { Flaw = "It is no JSON." }, Start, DeliveryPause);

        Assert.Equal((TaskState.Failed, (string?)null), (change.Record.State, change.Record.Flaw));
        Assert.Contains("/problems/storage-failed", change.Outcome.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Only_the_last_attempts_of_a_webhook_are_kept()
    {
        var delivery = new Delivery { Url = new Uri("https://example.com/") };
        for (var i = 0; i < Delivery.MaxAttempts + 3; i++)
        {
            delivery = TaskLifecycle.AfterDelivery(delivery, Sent(WebhookOutcome.Failed), Start);
        }

        Assert.Equal((Delivery.MaxAttempts, 4, Delivery.MaxAttempts + 3), (delivery.Attempts.Count, delivery.Attempts[0].Attempt, delivery.Sent));
        Assert.Equal(delivery.Sent, TaskLifecycle.Redeliver(delivery, Start).EarlierAttempts);
        Assert.Equal((DeliveryState.Failed, (DateTimeOffset?)null), (TaskLifecycle.Abandon(delivery).State, TaskLifecycle.Abandon(delivery).NextAttemptAt));
    }

    private static TaskDefinition Define(RetryPolicy? retry = null) => new()
    {
        Pattern = "await",
        Operation = "echo",
        Path = "/api/tasks",
        TtlSeconds = 60,
        Retry = retry,
        OnSuccess = new Uri("https://example.com/success"),
        OnError = new Uri("https://example.com/error"),
    };

    private static TaskRecord New(RetryPolicy? retry = null) => TaskLifecycle.Create(TaskRecord.NewId(), 1, Define(retry), Start);

    private static WebhookResult Sent(WebhookOutcome outcome) => new(outcome, Status: 500) { StartedAt = Start, ElapsedMs = 1 };

    /// <summary>One task, and events in an order that its seed decides; what must hold is checked after each.</summary>
    private sealed class Life
    {
        private readonly Random _random;
        private readonly int _maxAttempts;
        private readonly bool _hasPolicy;
        private TaskRecord _record;
        private DateTimeOffset _now = Start;
        private bool _isCancelled;
        private int _ends;

        public Life(int seed)
        {
            _random = new Random(seed);
            _hasPolicy = _random.Next(2) == 0;
            _maxAttempts = _hasPolicy ? _random.Next(1, 5) : RetryPolicy.DefaultAttempts;
            _record = New(_hasPolicy ? new RetryPolicy { MaxAttempts = _maxAttempts, InitialDelaySeconds = _random.Next(3) } : null);
        }

        public void Run()
        {
            for (var events = 0; events < 40 && !_record.IsFinished; events++)
            {
                _now += TimeSpan.FromSeconds(_random.Next(-2, 10));
                var before = _record;
                Next();
                Check(before);
            }

            while (_record.Delivery is { State: DeliveryState.Pending } delivery)
            {
                var outcome = (WebhookOutcome)_random.Next(3);
                _record = _record with { Delivery = TaskLifecycle.AfterDelivery(delivery, Sent(outcome), _random.Next(4) == 0 ? null : _now) };
                Assert.Equal(
                    _record.Delivery.State == DeliveryState.Pending ? TaskStep.Delivery : TaskStep.Removal, TaskLifecycle.WakeOf(_record)!.Value.Step);
            }
        }

        private void Next()
        {
            switch (_random.Next(5))
            {
                case 0:
                    _isCancelled |= !_record.IsFinished;
                    _record = TaskLifecycle.Cancel(_record);
                    break;
                case 1:
                    Apply(TaskLifecycle.Interrupt(_record, _now, DeliveryPause));
                    break;
                default:
                    Advance();
                    break;
            }
        }

        /// <summary>Does what an engine does: begins an attempt of a task that waits, ends the attempt of one that runs.</summary>
        private void Advance()
        {
            if (_record.State is TaskState.Running or TaskState.Cancelling)
            {
                TaskOutcome?[] outcomes = [null, Success, Error];
                var verdict = TaskLifecycle.Judge(_record.Definition, _record.Attempts, _isCancelled, outcomes[_random.Next(3)]);
                Apply(TaskLifecycle.After(_record, verdict, _now, DeliveryPause));
            }
            else if (TaskLifecycle.Refuse(_record.Definition, _record.Attempts, _isCancelled) is { } end)
            {
                Apply(TaskLifecycle.After(_record, new AttemptVerdict(end), _now, DeliveryPause));
            }
            else
            {
                _record = TaskLifecycle.Begin(_record, _now);
            }
        }

        private void Apply(TaskChange change)
        {
            Assert.Equal(change.Record.State is TaskState.Succeeded or TaskState.Failed, change.Outcome is not null);
            _record = change.Record;
            _ends += _record.IsFinished ? 1 : 0;
        }

        private void Check(TaskRecord before)
        {
            Assert.True(_record.Version >= before.Version && (_record.Version > before.Version || _record == before), "Every change has a version.");
            Assert.True(_record.Attempts <= _maxAttempts, "There are more attempts than the maximum.");
            Assert.True(_ends <= 1 && _record.IsFinished == (_ends == 1), "It ends once.");
            Assert.False(_isCancelled && _record.Attempts > before.Attempts, "A cancelled task begins.");
            Assert.False(_isCancelled && _record.IsFinished && _record.State != TaskState.Cancelled, "A cancelled task ends otherwise.");
            Assert.Equal(_record.State is TaskState.Running or TaskState.Cancelling, TaskLifecycle.WakeOf(_record) is null);
            Assert.True(_record.FinishedAt is null || _record.FinishedAt >= (_record.StartedAt ?? _record.CreatedAt), "It ends before it begins.");
            Assert.Equal(_record.IsFinished, _record.FinishedAt is not null);
        }
    }
}
