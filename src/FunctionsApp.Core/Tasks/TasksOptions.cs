using System.ComponentModel.DataAnnotations;

namespace FunctionsApp.Core.Tasks;

/// <summary>Where tasks are kept, and how many there may be; configuration section <c>Tasks</c>.</summary>
public sealed record TasksOptions
{
    /// <summary>The configuration section.</summary>
    public const string Section = "Tasks";

    /// <summary>The longest that a task may ask to be kept after its end, in seconds: 30 days.</summary>
    public const int MaxTtlSeconds = 2_592_000;

    /// <summary>The directory of the embedded engine's state; a relative one is below the content root. Default <c>data/tasks</c>.</summary>
    [Required]
    public string Directory { get; set; } = "data/tasks";

    /// <summary>Tasks that run at once. Default: the cores × 4.</summary>
    [Range(1, 100_000)]
    public int MaxRunning { get; set; } = Environment.ProcessorCount * 4;

    /// <summary>Tasks that may wait for their turn or their next attempt; past it a task is refused as <c>saturated</c>. Default 10,000.</summary>
    [Range(1, 10_000_000)]
    public int MaxQueued { get; set; } = 10_000;

    /// <summary>How long a task is kept after its end if it does not say so itself, in seconds. Default 86,400.</summary>
    [Range(1, MaxTtlSeconds)]
    public int DefaultTtlSeconds { get; set; } = 86_400;

    /// <summary>
    /// Bytes that the inputs and results of all tasks may take on the disk; past it a task is refused as <c>saturated</c>.
    /// The files may be twice as large. Default 1 GiB.
    /// </summary>
    [Range(1_048_576, 1_099_511_627_776)]
    public long MaxStateBytes { get; set; } = 1_073_741_824;
}
