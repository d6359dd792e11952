using System.Text.Json.Serialization;

namespace FunctionsApp.Core.Webhooks;

/// <summary>One attempt at a delivery, as it is kept and shown.</summary>
/// <param name="Attempt">Its number, from 1.</param>
/// <param name="StartedAt">When it was made.</param>
/// <param name="ElapsedMs">How long it took, in milliseconds.</param>
/// <param name="Status">The HTTP status code of the answer; absent when none came.</param>
/// <param name="Error">Why it did not deliver, as a sentence; absent when it did.</param>
/// <param name="NextAttemptAt">When the next one is due; absent when there is none.</param>
/// <remarks>What may be absent has a default, or a record that lacks it could be written but not read again.</remarks>
public sealed record DeliveryAttempt(
    int Attempt, DateTimeOffset StartedAt, double ElapsedMs, int? Status = null, string? Error = null, DateTimeOffset? NextAttemptAt = null);

/// <summary>How far a delivery is.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<DeliveryState>))]
public enum DeliveryState
{
    /// <summary>An attempt is under way or to come.</summary>
    [JsonStringEnumMemberName("pending")]
    Pending,

    /// <summary>The receiver has taken it.</summary>
    [JsonStringEnumMemberName("delivered")]
    Delivered,

    /// <summary>The receiver has refused it, or every attempt has failed.</summary>
    [JsonStringEnumMemberName("failed")]
    Failed,
}
