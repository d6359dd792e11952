using System.Text.Json.Serialization;
using FunctionsApp.Core.Json;

namespace FunctionsApp.Core.Webhooks;

/// <summary>One attempt at a delivery, as stored and shown.</summary>
/// <param name="Attempt">The attempt's number, from 1.</param>
/// <param name="StartedAt">When the attempt started.</param>
/// <param name="ElapsedMs">How long the attempt took, in milliseconds.</param>
/// <param name="Status">The HTTP status code of the response; absent without a response.</param>
/// <param name="Error">Why the attempt failed, as a sentence; absent after a delivery.</param>
/// <param name="NextAttemptAt">When the next attempt is due; absent after the last one.</param>
/// <remarks>Optional properties have defaults: a record without them could otherwise be written but not read.</remarks>
public sealed record DeliveryAttempt(
    int Attempt, DateTimeOffset StartedAt, double ElapsedMs, int? Status = null, string? Error = null,
    DateTimeOffset? NextAttemptAt = null);

/// <summary>The state of a delivery.</summary>
[JsonConverter(typeof(CamelCaseEnumConverter<DeliveryState>))]
public enum DeliveryState
{
    /// <summary>An attempt is in flight or due later.</summary>
    Pending,

    /// <summary>The receiver has accepted the delivery.</summary>
    Delivered,

    /// <summary>The receiver has refused the delivery, or every attempt has failed.</summary>
    Failed,
}
