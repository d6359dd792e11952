using System.ComponentModel.DataAnnotations;
using System.Globalization;

namespace FunctionsApp.Core.Webhooks;

/// <summary>The options of deliveries to callers' URLs; configuration section <c>Callbacks</c>.</summary>
public sealed record WebhookOptions : IValidatableObject
{
    /// <summary>The configuration section.</summary>
    public const string Section = "Callbacks";

    private const int MaxAttempts = 50;
    private const int MaxPauseSeconds = 7 * 24 * 60 * 60;

    // The example of Standard Webhooks: three days, in which a receiver can be repaired.
    private static readonly double[] DefaultSchedule = [0, 5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400];

    /// <summary>
    /// The keys, each <c>whsec_</c> and the base64 of 24 to 64 bytes. Every key signs, so that a key can be replaced while
    /// receivers still hold the old one; the first key is the current one. Without a key there is no delivery, unless
    /// <see cref="GenerateSigningKey"/> is true. Default none.
    /// </summary>
    public IReadOnlyList<string> SigningKeys { get; set; } = [];

    /// <summary>
    /// Whether the app generates a key if <see cref="SigningKeys"/> is empty, and stores it with the tasks. Default false; the
    /// local host sets it.
    /// </summary>
    public bool GenerateSigningKey { get; set; }

    /// <summary>
    /// The pause before each attempt, in seconds: 1 to 50 pauses, each 0 to 604,800. Null means 0, 5, 300, 1,800, 7,200,
    /// 18,000, 36,000, 50,400, 72,000 and 86,400.
    /// </summary>
    /// <remarks>Null by default, because configuration appends to a default list.</remarks>
    public IReadOnlyList<double>? RetryScheduleSeconds { get; set; }

    /// <summary>The time limit of one attempt, in seconds. Default 15.</summary>
    [Range(0.1, 60)]
    public double TimeoutSeconds { get; set; } = 15;

    /// <summary>The pause before each attempt, in seconds.</summary>
    internal IReadOnlyList<double> Schedule => RetryScheduleSeconds ?? DefaultSchedule;

    /// <inheritdoc/>
    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        foreach (var (index, key) in SigningKeys.Index())
        {
            // Names the index, not the key: a mistyped key reveals most of the real one.
            if (SigningKey.FindError(key) is { } error)
            {
                yield return new ValidationResult(
                    string.Create(CultureInfo.InvariantCulture, $"{Section}:{nameof(SigningKeys)}:{index} {error}."),
                    [nameof(SigningKeys)]);
            }
        }

        if (Schedule.Count is < 1 or > MaxAttempts)
        {
            yield return new ValidationResult(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"{Section}:{nameof(RetryScheduleSeconds)} has {Schedule.Count} entries, not 1 to {MaxAttempts}."),
                [nameof(RetryScheduleSeconds)]);
        }

        foreach (var pause in Schedule.Where(static pause => pause is not (>= 0 and <= MaxPauseSeconds)))
        {
            yield return new ValidationResult(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"{Section}:{nameof(RetryScheduleSeconds)} has {pause}, which is not from 0 to {MaxPauseSeconds}."),
                [nameof(RetryScheduleSeconds)]);
        }
    }
}
