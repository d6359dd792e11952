using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using FunctionsApp.Core.Problems;

namespace FunctionsApp.Core.Tasks;

/// <summary>When a failed task is retried.</summary>
public sealed record RetryPolicy
{
    /// <summary>
    /// Maximum attempts of a task without a retry policy. An error ends it, but an attempt that ends with the host is
    /// retried. This is limited, as the task may crash the host.
    /// </summary>
    public const int DefaultAttempts = 10;

    /// <summary>The maximum number of attempts, including those interrupted by the end of the host.</summary>
    [Description("The maximum number of attempts, including those that a restart of the host interrupted."), Range(1, 100)]
    public required int MaxAttempts { get; init; }

    /// <summary>The pause before the second attempt, in seconds. Default 1.</summary>
    [Description("The pause before the second attempt, in seconds."), Range(0, 86_400), DefaultValue(1)]
    public double? InitialDelaySeconds { get; init; }

    /// <summary>The factor by which each pause is longer than the one before. Default 2.</summary>
    [Description("The factor by which each pause is longer than the one before."), Range(1, 100), DefaultValue(2)]
    public double? Backoff { get; init; }

    /// <summary>The longest pause, in seconds. Default 300.</summary>
    [Description("The longest pause, in seconds."), Range(0, 86_400), DefaultValue(300)]
    public double? MaxDelaySeconds { get; init; }

    /// <summary>Returns the pause after a failed attempt.</summary>
    /// <param name="attempts">The number of attempts so far.</param>
    public TimeSpan Pause(int attempts) => TimeSpan.FromSeconds(Math.Min(
        (InitialDelaySeconds ?? 1) * Math.Pow(Backoff ?? 2, attempts - 1), MaxDelaySeconds ?? 300));

    /// <summary>Returns whether a retry could succeed: an invalid request stays invalid.</summary>
    public static bool IsWorthwhile(Problem problem) => problem.Status is 429 or >= 500;
}
