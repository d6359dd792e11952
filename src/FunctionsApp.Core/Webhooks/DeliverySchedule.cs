using FunctionsApp.Core.Outbound;
using Microsoft.Extensions.Options;

namespace FunctionsApp.Core.Webhooks;

/// <summary>The schedule of a webhook's attempts.</summary>
/// <param name="options">The pauses: <see cref="WebhookOptions.RetryScheduleSeconds"/>.</param>
/// <param name="random">The source of the jitter; by default <see cref="Random.Shared"/>.</param>
public sealed class DeliverySchedule(IOptions<WebhookOptions> options, Random? random = null)
{
    // Deliveries that fail together must not retry together.
    private const double Jitter = 0.1;

    private static readonly TimeSpan MaxRetryAfter = TimeSpan.FromHours(24);

    private readonly IReadOnlyList<double> _pauses = options.Value.Schedule;
    private readonly Random _random = random ?? Random.Shared;

    /// <summary>Returns the pause between the end of a task and the first attempt at its webhook.</summary>
    public TimeSpan PauseBeforeFirst() => Jittered(TimeSpan.FromSeconds(_pauses[0]));

    /// <summary>Returns when an attempt is due: after its pause, or the receiver's longer one, plus up to a tenth of the pause.</summary>
    /// <param name="attempt">The attempt's number, from 1.</param>
    /// <param name="after">When the outcome was available, or the previous attempt ended.</param>
    /// <param name="retryAfter">The pause that the receiver requested, capped at 24 hours.</param>
    /// <returns>The due time; null when the previous attempt was the last.</returns>
    public DateTimeOffset? Due(int attempt, DateTimeOffset after, TimeSpan? retryAfter)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(attempt, 1);
        if (attempt > _pauses.Count)
        {
            return null;
        }

        var requested = retryAfter > MaxRetryAfter ? MaxRetryAfter : retryAfter;
        var pause = RetryAfter.Longer(TimeSpan.FromSeconds(_pauses[attempt - 1]), requested);
        return after + Jittered(pause);
    }

    private TimeSpan Jittered(TimeSpan pause) => pause * (1 + (Jitter * _random.NextDouble()));
}
