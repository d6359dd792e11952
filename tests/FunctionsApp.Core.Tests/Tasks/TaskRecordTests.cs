using System.Text.Json;
using FunctionsApp.Core.Json;
using FunctionsApp.Core.Operations;
using FunctionsApp.Core.Tasks;
using FunctionsApp.Core.Webhooks;

namespace FunctionsApp.Core.Tests.Tasks;

/// <summary>A record that could be written but not read would cost a task its last step after every restart.</summary>
public sealed class TaskRecordTests
{
    private static readonly DateTimeOffset Now = new(2026, 11, 21, 12, 0, 0, 123, TimeSpan.Zero);

    private static readonly TaskRecord Least = new()
    {
        Id = "0123456789abcdef0123456789abcdef",
        Sequence = 1,
        Definition = new TaskDefinition { Kind = TaskKind.Gather, TtlSeconds = 0.5, Path = "/api/tasks" },
        CreatedAt = Now,
        ExpiresAt = Now,
    };

    private static readonly Delivery LeastDelivery = new() { Url = new Uri("https://example.com/a%20b?c=d") };

    private static readonly TaskRecord Most = Least with
    {
        Version = 7,
        Definition = new TaskDefinition
        {
            Kind = TaskKind.Operation,
            Operation = "echo",
            TimeoutSeconds = 1.5,
            Retry = new RetryPolicy { MaxAttempts = 3, InitialDelaySeconds = 1, Backoff = 2, MaxDelaySeconds = 3 },
            TtlSeconds = 60,
            OnSuccess = new Uri("https://example.com/"),
            OnError = new Uri("https://example.com:8443/x"),
            Path = "/api/tasks",
            IdempotencyKey = "\"k\"",
            Fingerprint = "f",
            TraceParent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        },
        State = TaskState.Failed,
        StartedAt = Now,
        FinishedAt = Now,
        Attempts = 2,
        NextAttemptAt = Now,
        Progress = new Progress(1, 2),
        Delivery = LeastDelivery with { State = DeliveryState.Failed, NextAttemptAt = Now, EarlierAttempts = 1 },
    };

    public static TheoryData<TaskRecord> Records => new(
        Least,
        Most,
        Most with { Definition = Most.Definition with { Retry = new RetryPolicy { MaxAttempts = 1 } } },
        Least with { Delivery = LeastDelivery });

    [Theory]
    [MemberData(nameof(Records))]
    public void A_record_is_read_as_it_was_written(TaskRecord record)
    {
        var text = JsonSerializer.Serialize(record, CoreJson.TypeInfo<TaskRecord>());
        var read = JsonSerializer.Deserialize(text, CoreJson.TypeInfo<TaskRecord>())!;

        // Lists are compared by what they hold below.
        Assert.Equal(Without(record), Without(read));
        Assert.Equal(record.Delivery?.Attempts, read.Delivery?.Attempts);
    }

    [Fact]
    public void Every_kind_of_attempt_at_a_delivery_is_read_as_it_was_written()
    {
        DeliveryAttempt[] attempts = [new(1, Now, 1.5, 500, "no", Now), new(2, Now, 0, 204, null, null), new(3, Now, 0, null, "gone", null)];
        var text = JsonSerializer.Serialize(Least with { Delivery = LeastDelivery with { Attempts = attempts } }, CoreJson.TypeInfo<TaskRecord>());

        Assert.Equal(attempts, JsonSerializer.Deserialize(text, CoreJson.TypeInfo<TaskRecord>())!.Delivery!.Attempts);
    }

    private static TaskRecord Without(TaskRecord record) => record with { Delivery = record.Delivery is { } delivery ? delivery with { Attempts = Array.Empty<DeliveryAttempt>() } : null };
}
