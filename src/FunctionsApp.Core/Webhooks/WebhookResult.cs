namespace FunctionsApp.Core.Webhooks;

/// <summary>What one attempt came to.</summary>
/// <param name="Outcome">Whether it delivered, and if not, whether another makes sense.</param>
/// <param name="Status">The HTTP status code of the answer; null when none came.</param>
/// <param name="Error">Why it did not deliver, as a sentence without any address; null when it did.</param>
/// <param name="ElapsedMs">How long it took, in milliseconds.</param>
/// <param name="StartedAt">When it was made; the receiver was told the same second.</param>
/// <param name="RetryAfter">The pause that a failed answer asked for, from now on; null when it asked for none.</param>
public readonly record struct WebhookResult(
    WebhookOutcome Outcome, int? Status, string? Error, double ElapsedMs, DateTimeOffset StartedAt, TimeSpan? RetryAfter);

/// <summary>How one attempt ended.</summary>
public enum WebhookOutcome
{
    /// <summary>With a status of 200 to 299.</summary>
    Delivered,

    /// <summary>With 410, which wants no more of it, or a redirect, which is not followed: there is to be no other attempt.</summary>
    Refused,

    /// <summary>With any other status, or without an answer: to be tried again.</summary>
    Failed,
}
