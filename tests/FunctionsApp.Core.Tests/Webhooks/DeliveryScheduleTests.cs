using System.Text.Json;
using FunctionsApp.Core.Json;
using FunctionsApp.Core.Webhooks;
using Microsoft.Extensions.Options;

namespace FunctionsApp.Core.Tests.Webhooks;

public sealed class DeliveryScheduleTests
{
    private static readonly DateTimeOffset Now = new(2026, 11, 21, 10, 30, 0, TimeSpan.Zero);

    [Fact]
    public void Each_attempt_is_due_after_its_pause_and_up_to_a_tenth_of_it_later()
    {
        var schedule = Schedule(new WebhookOptions());
        foreach (var (index, pause) in new double[] { 0, 5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400 }.Index())
        {
            var pauses = Enumerable.Range(0, 1_000).Select(_ => Pause(schedule, index + 1)).Order().ToList();

            Assert.InRange(pauses[0], pause, pause * 1.001);
            Assert.InRange(pauses[^1], pause * 1.099, pause * 1.1);
        }
    }

    [Fact]
    public void After_the_last_attempt_no_other_is_due()
    {
        Assert.Null(Schedule(new WebhookOptions()).Due(11, Now, TimeSpan.FromSeconds(1)));
        Assert.Null(Schedule(new WebhookOptions { RetryScheduleSeconds = [0, 5] }).Due(3, Now, null));
    }

    [Fact]
    public void The_first_attempt_has_a_pause_of_its_own() =>
        Assert.InRange(Pause(Schedule(new WebhookOptions { RetryScheduleSeconds = [10] }), 1), 10, 11);

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
    [InlineData(2, 922_337_203_685, 86_400)]
    public void A_longer_pause_of_the_receiver_is_respected_up_to_a_day(int attempt, double retryAfterSeconds, double pause) =>
        Assert.InRange(Pause(Schedule(new WebhookOptions()), attempt, TimeSpan.FromSeconds(retryAfterSeconds)), pause, pause * 1.1);

    [Fact]
    public void There_is_no_attempt_before_the_first() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => Schedule(new WebhookOptions()).Due(0, Now, null));

    [Theory]
    [InlineData(12.5, 503, "It was busy.", true, """12.5,"status":503,"error":"It was busy.","nextAttemptAt":"2026-11-21T10:30:05+00:00"}""")]
    [InlineData(3, 204, null, false, """3,"status":204}""")]
    [InlineData(0, null, "It did not answer.", false, """0,"error":"It did not answer."}""")]
    public void An_attempt_is_written_by_the_contract_and_read_again(double elapsedMs, int? status, string? error, bool isPending, string end)
    {
        var attempt = new DeliveryAttempt(2, Now, elapsedMs, status, error, isPending ? Now.AddSeconds(5) : null);
        var text = JsonSerializer.Serialize(attempt, CoreJson.TypeInfo<DeliveryAttempt>());

        Assert.Equal("""{"attempt":2,"startedAt":"2026-11-21T10:30:00+00:00","elapsedMs":""" + end, text);
        Assert.Equal(attempt, JsonSerializer.Deserialize(text, CoreJson.TypeInfo<DeliveryAttempt>()));
    }

    [Fact]
    public void A_state_is_written_by_the_contract() => Assert.Equal(
        ["\"pending\"", "\"delivered\"", "\"failed\""],
        Enum.GetValues<DeliveryState>().Select(static state => JsonSerializer.Serialize(state, CoreJson.TypeInfo<DeliveryState>())));

    private static DeliverySchedule Schedule(WebhookOptions options) => new(Options.Create(options), new Random(1));

    private static double Pause(DeliverySchedule schedule, int attempt, TimeSpan? retryAfter = null) =>
        (schedule.Due(attempt, Now, retryAfter)!.Value - Now).TotalSeconds;
}
