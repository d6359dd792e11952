using System.ComponentModel.DataAnnotations;

namespace FunctionsApp.Core.Cpu;

/// <summary>The threads that compute, and the limit on their queue; configuration section <c>Cpu</c>.</summary>
public sealed record CpuOptions
{
    /// <summary>The configuration section.</summary>
    public const string Section = "Cpu";

    /// <summary>The number of threads that compute. Default: the cores that the process may use, container limits included.</summary>
    [Range(1, 1_024)]
    public int Threads { get; set; } = Environment.ProcessorCount;

    /// <summary>
    /// Items that may wait, over all requests; past it a request is refused as <c>saturated</c>. If nothing waits, one request
    /// is always admitted. Default 2,000,000.
    /// </summary>
    [Range(1, 1_000_000_000)]
    public int MaxQueuedItems { get; set; } = 2_000_000;
}
