using System.ComponentModel.DataAnnotations;

namespace FunctionsApp.Core.Limits;

/// <summary>What one request may ask for; configuration section <c>Limits</c>. Each is checked before work starts.</summary>
public sealed record LimitsOptions
{
    /// <summary>The configuration section.</summary>
    public const string Section = "Limits";

    internal const long MinBytesInFlight = 1024 * 1024;

    /// <summary>Bytes of a JSON body. Default 10 MiB.</summary>
    [Range(1_024, 1_073_741_824)]
    public int MaxRequestBytes { get; set; } = 10 * 1024 * 1024;

    /// <summary>
    /// Bytes that one request may hold of results, of what its outbound calls read, and of what its references hand on. Default 64 MiB.
    /// </summary>
    [Range(1_024, 1_073_741_824)]
    public int MaxResultBytes { get; set; } = 64 * 1024 * 1024;

    /// <summary>
    /// Bytes that all requests together may hold. Absent means a quarter of the memory that the process may use; the container's limit counts.
    /// </summary>
    [Range(MinBytesInFlight, 1_099_511_627_776)]
    public long? MaxBytesInFlight { get; set; }

    /// <summary>Calls of one gather, and steps of one sequence. Default 10,000.</summary>
    [Range(1, 1_000_000)]
    public int MaxCalls { get; set; } = 10_000;

    /// <summary>Items of one JSON map. Default 1,000,000.</summary>
    [Range(1, 100_000_000)]
    public int MaxItems { get; set; } = 1_000_000;

    /// <summary>How deep the arrays and objects of a body may nest. Default 64.</summary>
    [Range(4, 512)]
    public int MaxDepth { get; set; } = 64;

    /// <summary>The longest time limit that a request may ask for, and the one it has if it asks for none. In seconds, default 3,600.</summary>
    [Range(1, 86_400)]
    public int MaxTimeoutSeconds { get; set; } = 3_600;

    /// <summary>Where <see cref="MaxTimeoutSeconds"/> comes from, for whoever asks for more. A host whose own limit is lower says so here.</summary>
    public string MaxTimeoutSource { get; set; } = "Limits:MaxTimeoutSeconds";

    /// <summary>The longest time that one request may wait for the end of a task. In seconds, default 200.</summary>
    [Range(1, 86_400)]
    public int MaxWaitSeconds { get; set; } = 200;
}
