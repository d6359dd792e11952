using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using FunctionsApp.Core.Problems;

namespace FunctionsApp.Core.Tasks;

/// <summary>When a task that failed is tried again.</summary>
public sealed record RetryPolicy
{
    /// <summary>
    /// Attempts of a task that asks for none: an error ends it, but an attempt that ends with the host is made again; so
    /// often, as it may be the task that ends the host.
    /// </summary>
    public const int DefaultAttempts = 10;

    /// <summary>How many attempts there may be in all, those that ended with the host included.</summary>
    [Description("How many attempts there may be in all, those that a restart of the host interrupted included."), Range(1, 100)]
    public required int MaxAttempts { get; init; }

    /// <summary>The pause before the second attempt, in seconds. Default 1.</summary>
    [Description("The pause before the second attempt, in seconds."), Range(0, 86_400), DefaultValue(1)]
    public double? InitialDelaySeconds { get; init; }

    /// <summary>By what each pause is longer than the one before. Default 2.</summary>
    [Description("By what factor each pause is longer than the one before."), Range(1, 100), DefaultValue(2)]
    public double? Backoff { get; init; }

    /// <summary>The longest pause, in seconds. Default 300.</summary>
    [Description("The longest pause, in seconds."), Range(0, 86_400), DefaultValue(300)]
    public double? MaxDelaySeconds { get; init; }

    /// <summary>The pause after an attempt that failed.</summary>
    /// <param name="attempts">How many attempts have been made.</param>
    public TimeSpan Pause(int attempts) => TimeSpan.FromSeconds(Math.Min(
        (InitialDelaySeconds ?? 1) * Math.Pow(Backoff ?? 2, attempts - 1), MaxDelaySeconds ?? 300));

    /// <summary>Whether the same work could fare better later: what is wrong with the request itself stays wrong.</summary>
    public static bool IsWorthwhile(Problem problem) => problem.Status is 429 or >= 500;
}
