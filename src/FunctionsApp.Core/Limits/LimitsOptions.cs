using System.ComponentModel.DataAnnotations;

namespace FunctionsApp.Core.Limits;

/// <summary>Limits of requests; configuration section <c>Limits</c>.</summary>
public sealed record LimitsOptions
{
    /// <summary>The configuration section.</summary>
    public const string Section = "Limits";

    internal const long MinBytesInFlight = 1024 * 1024;

    /// <summary>The maximum size of a JSON body, in bytes. Default 10 MiB.</summary>
    [Range(1_024, 1_073_741_824)]
    public int MaxRequestBytes { get; set; } = 10 * 1024 * 1024;

    /// <summary>
    /// Bytes that one request may hold: its results, the responses of its outbound requests, and the values of its references. Default 64
    /// MiB.
    /// </summary>
    [Range(1_024, 1_073_741_824)]
    public int MaxResultBytes { get; set; } = 64 * 1024 * 1024;

    /// <summary>
    /// Bytes that all requests together may hold. Absent means a quarter of the memory that the process may use, container limits included.
    /// </summary>
    [Range(MinBytesInFlight, 1_099_511_627_776)]
    public long? MaxBytesInFlight { get; set; }

    /// <summary>The maximum number of calls of one gather, and of steps of one sequence. Default 10,000.</summary>
    [Range(1, 1_000_000)]
    public int MaxCalls { get; set; } = 10_000;

    /// <summary>The maximum number of items of one JSON map. Default 1,000,000.</summary>
    [Range(1, 100_000_000)]
    public int MaxItems { get; set; } = 1_000_000;

    /// <summary>The maximum of a map's <c>maxConcurrency</c>. Default 1,000.</summary>
    [Range(1, 100_000)]
    public int MaxConcurrency { get; set; } = 1_000;

    /// <summary>How deep the arrays and objects of a body may nest. Default 64.</summary>
    [Range(4, 512)]
    public int MaxDepth { get; set; } = 64;

    /// <summary>The maximum and the default of a request's time limit. In seconds, default 3,600.</summary>
    [Range(1, 86_400)]
    public int MaxTimeoutSeconds { get; set; } = 3_600;

    /// <summary>
    /// The name of the setting behind <see cref="MaxTimeoutSeconds"/>, for error messages. A host with a lower limit of its own sets it.
    /// </summary>
    public string MaxTimeoutSource { get; set; } = "Limits:MaxTimeoutSeconds";

    /// <summary>The maximum time that one request may wait for a task to end. In seconds, default 200.</summary>
    [Range(1, 86_400)]
    public int MaxWaitSeconds { get; set; } = 200;
}
