namespace FunctionsApp.Core.Webhooks;

/// <summary>The result of one attempt.</summary>
/// <param name="Outcome">Whether the attempt delivered, and if not, whether to retry.</param>
/// <param name="Status">The HTTP status code of the response; null without a response.</param>
/// <param name="Error">Why the attempt failed, as a sentence without any address; null after a delivery.</param>
/// <param name="RetryAfter">The pause that a failed response requested, from now on; null for none.</param>
public readonly record struct WebhookResult(
    WebhookOutcome Outcome, int? Status = null, string? Error = null, TimeSpan? RetryAfter = null)
{
    /// <summary>When the attempt started; its second is the webhook's timestamp.</summary>
    public DateTimeOffset StartedAt { get; init; }

    /// <summary>How long the attempt took, in milliseconds.</summary>
    public double ElapsedMs { get; init; }
}

/// <summary>The outcome of one attempt.</summary>
public enum WebhookOutcome
{
    /// <summary>The status was 200 to 299.</summary>
    Delivered,

    /// <summary>The status was 410 (Gone), or a redirect, which is not followed. No retry.</summary>
    Refused,

    /// <summary>Any other status, or no response. Retry.</summary>
    Failed,
}
