using System.Text.Json;
using FunctionsApp.Core.Json;
using FunctionsApp.Core.Webhooks;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace FunctionsApp.Core.Tests.Webhooks;

public sealed class DeliveryScheduleTests
{
    private static readonly DateTimeOffset Now = new(2026, 11, 21, 10, 30, 0, TimeSpan.Zero);

    [Fact]
    public void Each_attempt_is_due_after_its_pause_and_at_most_a_tenth_of_it_later()
    {
        double[] pauses = [0, 5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400];
        var schedule = Schedule(new CallbacksOptions());

        foreach (var (index, pause) in pauses.Index())
        {
            for (var i = 0; i < 1_000; i++)
            {
                Assert.InRange(Pause(schedule, index + 1), pause, pause * 1.1);
            }
        }
    }

    [Fact]
    public void The_jitter_uses_all_of_its_tenth()
    {
        var schedule = Schedule(new CallbacksOptions());
        var pauses = Enumerable.Range(0, 1_000).Select(_ => Pause(schedule, 10)).Order().ToList();

        Assert.InRange(pauses[0], 86_400, 86_500);
        Assert.InRange(pauses[^1], 94_900, 95_040);
    }

    [Fact]
    public void The_same_random_numbers_give_the_same_times() =>
        Assert.Equal(Schedule(new CallbacksOptions()).Due(3, Now, null), Schedule(new CallbacksOptions()).Due(3, Now, null));

    [Fact]
    public void After_the_last_attempt_there_is_none()
    {
        Assert.Null(Schedule(new CallbacksOptions()).Due(11, Now, TimeSpan.FromSeconds(1)));
        Assert.Null(Schedule(new CallbacksOptions { RetryScheduleSeconds = [0, 5] }).Due(3, Now, null));
    }

    [Fact]
    public void The_first_attempt_has_a_pause_of_its_own() =>
        Assert.InRange(Pause(Schedule(new CallbacksOptions { RetryScheduleSeconds = [10] }), 1), 10, 11);

    [Theory]
    [InlineData(2, 60, 60)]
    [InlineData(2, 4, 5)]
    [InlineData(2, 0, 5)]
    [InlineData(2, -60, 5)]
    [InlineData(3, 60, 300)]
    [InlineData(1, 60, 60)]
    [InlineData(1, -60, 0)]
    [InlineData(2, 86_400, 86_400)]
    [InlineData(2, 86_401, 86_400)]
    [InlineData(2, 1e9, 86_400)]
    public void A_longer_pause_that_the_receiver_asked_for_is_kept_to_a_day_at_most(int attempt, double retryAfterSeconds, double pause) =>
        Assert.InRange(Pause(Schedule(new CallbacksOptions()), attempt, TimeSpan.FromSeconds(retryAfterSeconds)), pause, pause * 1.1);

    [Fact]
    public void The_longest_Retry_After_that_there_is_does_no_harm() =>
        Assert.InRange(Pause(Schedule(new CallbacksOptions()), 2, TimeSpan.MaxValue), 86_400, 86_400 * 1.1);

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    public void There_is_no_attempt_before_the_first(int attempt) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => Schedule(new CallbacksOptions()).Due(attempt, Now, null));

    [Fact]
    public void The_service_layer_has_one()
    {
        using var services = TestServices.Create(settings: ("Callbacks:RetryScheduleSeconds:0", "7"));

        Assert.InRange(Pause(services.GetRequiredService<DeliverySchedule>(), 1), 7, 7.7);
    }

    [Fact]
    public void An_attempt_is_shown_in_the_words_of_the_contract()
    {
        Assert.Equal(
            """{"attempt":1,"startedAt":"2026-11-21T10:30:00+00:00","elapsedMs":12.5,"status":503,"error":"It was busy.","nextAttemptAt":"2026-11-21T10:30:05+00:00"}""",
            JsonSerializer.Serialize(new DeliveryAttempt(1, Now, 12.5, 503, "It was busy.", Now.AddSeconds(5)), CoreJson.TypeInfo<DeliveryAttempt>()));
        Assert.Equal(
            """{"attempt":2,"startedAt":"2026-11-21T10:30:00+00:00","elapsedMs":3,"status":204}""",
            JsonSerializer.Serialize(new DeliveryAttempt(2, Now, 3, 204, null, null), CoreJson.TypeInfo<DeliveryAttempt>()));
        Assert.Equal(
            ["\"pending\"", "\"delivered\"", "\"failed\""],
            Enum.GetValues<DeliveryState>().Select(static state => JsonSerializer.Serialize(state, CoreJson.TypeInfo<DeliveryState>())));
    }

    [Theory]
    [InlineData(204, null, false)]
    [InlineData(410, "It wants no more.", false)]
    [InlineData(null, "It did not answer.", true)]
    public void An_attempt_is_read_as_it_was_written(int? status, string? error, bool isMadeAgain)
    {
        var attempt = new DeliveryAttempt(2, Now, 3, status, error, isMadeAgain ? Now.AddSeconds(5) : null);
        var text = JsonSerializer.Serialize(attempt, CoreJson.TypeInfo<DeliveryAttempt>());

        Assert.Equal(attempt, JsonSerializer.Deserialize(text, CoreJson.TypeInfo<DeliveryAttempt>()));
    }

    private static DeliverySchedule Schedule(CallbacksOptions options) => new(Options.Create(options), new Random(1));

    private static double Pause(DeliverySchedule schedule, int attempt, TimeSpan? retryAfter = null) =>
        (schedule.Due(attempt, Now, retryAfter)!.Value - Now).TotalSeconds;
}
