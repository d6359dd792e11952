using FunctionsApp.Core.Json;

namespace FunctionsApp.Core.Patterns.Map;

/// <summary>Results of a streamed map, or its summary.</summary>
/// <param name="Lines">
/// Whole lines of NDJSON: <c>{"index","result"}</c> or <c>{"index","error"}</c> for each item. The memory is valid until
/// the next event is requested. Empty in the event of the summary.
/// </param>
/// <param name="Summary">The summary of the map; only in the last event.</param>
public readonly record struct MapEvent(ReadOnlyMemory<byte> Lines, MapSummary? Summary)
{
    /// <summary>
    /// Which worker computed the previous event's items, and when; a separate event if <see cref="MapOptions.Timeline"/> is true.
    /// </summary>
    public MapChunk? Chunk { get; init; }
}

/// <summary>The outcome of a streamed map.</summary>
/// <param name="Succeeded">How many items have a result.</param>
/// <param name="Failed">How many items have an error.</param>
/// <param name="Workers">The maximum number of workers of the map; absent for calls.</param>
/// <param name="ElapsedMs">How long the map took, in milliseconds.</param>
/// <param name="Result">The reduced result; absent without a reduction.</param>
public sealed record MapSummary(long Succeeded, long Failed, int? Workers, double ElapsedMs, RawJson? Result);
