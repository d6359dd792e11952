using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Text.Json.Serialization;
using FunctionsApp.Core.Json;

namespace FunctionsApp.Core.Patterns.Map;

/// <summary>Items to compute one operation for, and the options.</summary>
public record MapRequest : MapOptions
{
    [Description("The items, at most Limits:MaxItems: each the operation's input object, or a bare value for its first property.")]
    public required JsonItems Items { get; init; }
}

/// <summary>How to compute the items of a map.</summary>
public record MapOptions
{
    [Description("Whether an item is an array of values for the input's properties, in order."), DefaultValue(false)]
    public bool? Starmap { get; init; }

    [Description("The number of items that a worker takes at a time; cpu only. The default adapts to the duration of items.")]
    [Range(1, 100_000_000)]
    public int? ChunkSize { get; init; }

    [Description("The maximum number of workers, never more than Cpu:Threads; cpu only."), Range(1, 1_024)]
    public int? Workers { get; init; }

    [Description("The maximum number of calls that run at once, at most Limits:MaxConcurrency; io only. Default 100."), Range(1, 100_000)]
    public int? MaxConcurrency { get; init; }

    [Description("The maximum number of calls that start in a second, evenly spread; io only. Default no limit.")]
    [Range(0.001, 1_000_000)]
    public double? MaxPerSecond { get; init; }

    [Description("Whether a streamed response keeps the order of the items. A response in one piece always does."), DefaultValue(true)]
    public bool? Ordered { get; init; }

    [Description("Whether the map continues when an item fails."), DefaultValue(false)]
    public bool? ReturnExceptions { get; init; }

    [Description("The maximum number of failed items, with returnExceptions; default no limit."), Range(0, 100_000_000)]
    public int? MaxFailures { get; init; }

    [Description("The timeout of the map, in seconds.")]
    public double? TimeoutSeconds { get; init; }

    [Description("One value to return instead of the results. true counts as 1, false as 0.")]
    public Reduction? Reduce { get; init; }

    [Description("Whether the response has times: of each call, or of the chunks, which a cpu response in one piece always has.")]
    [DefaultValue(false)]
    public bool? Timeline { get; init; }
}

/// <summary>How to reduce many results to one value.</summary>
[JsonConverter(typeof(CamelCaseEnumConverter<Reduction>))]
public enum Reduction
{
    /// <summary>The exact sum: an integer while it fits 64 bits, otherwise the nearest double; 0 without results.</summary>
    Sum,

    /// <summary>The smallest result; null without results.</summary>
    Min,

    /// <summary>The greatest result; null without results.</summary>
    Max,

    /// <summary>The number of results.</summary>
    Count,
}

/// <summary>A map's request where no route names the operation.</summary>
public sealed record NamedMapRequest : MapRequest
{
    [Description("The operation's name; io or cpu.")]
    public string? Operation { get; init; }
}
