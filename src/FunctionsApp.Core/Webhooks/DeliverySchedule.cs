using Microsoft.Extensions.Options;

namespace FunctionsApp.Core.Webhooks;

/// <summary>When a webhook is sent, and sent again.</summary>
/// <param name="options">Has the pauses, <see cref="CallbacksOptions.RetryScheduleSeconds"/>.</param>
/// <param name="random">Makes the jitter; shared by all unless given.</param>
public sealed class DeliverySchedule(IOptions<CallbacksOptions> options, Random? random = null)
{
    // What fails together is not to come back together.
    private const double Jitter = 0.1;

    private static readonly TimeSpan MaxRetryAfter = TimeSpan.FromHours(24);

    private readonly IReadOnlyList<double> _pauses = options.Value.Schedule;
    private readonly Random _random = random ?? Random.Shared;

    /// <summary>When an attempt is due: after its pause, or a longer one that the receiver asked for, and up to a tenth of it later.</summary>
    /// <param name="attempt">Its number, from 1.</param>
    /// <param name="after">When there was something to deliver, or the attempt before was over.</param>
    /// <param name="retryAfter">The pause that the receiver asked for; more than 24 hours count as 24.</param>
    /// <returns>Null when the attempt before was the last.</returns>
    public DateTimeOffset? Due(int attempt, DateTimeOffset after, TimeSpan? retryAfter)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(attempt, 1);
        if (attempt > _pauses.Count)
        {
            return null;
        }

        var pause = TimeSpan.FromSeconds(_pauses[attempt - 1]);
        var asked = retryAfter < MaxRetryAfter ? retryAfter.Value : retryAfter is null ? TimeSpan.Zero : MaxRetryAfter;
        return after + ((asked > pause ? asked : pause) * (1 + (Jitter * _random.NextDouble())));
    }
}
