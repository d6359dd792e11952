using FunctionsApp.Core.Json;

namespace FunctionsApp.Core.Patterns.Map;

/// <summary>Some results of a streamed map, or its summary.</summary>
/// <param name="Lines">
/// NDJSON, whole lines: <c>{"index","result"}</c> or <c>{"index","error"}</c> for an item each. They are good until the next
/// event is asked for; empty beside a summary.
/// </param>
/// <param name="Summary">What the map came to; the last event has it.</param>
public readonly record struct MapEvent(ReadOnlyMemory<byte> Lines, MapSummary? Summary)
{
    /// <summary>Who computed the items of an event before, and when; in an event of its own, and only where that is asked for.</summary>
    public MapChunk? Chunk { get; init; }
}

/// <summary>What a streamed map came to.</summary>
/// <param name="Succeeded">How many items have a result.</param>
/// <param name="Failed">How many items have an error.</param>
/// <param name="Workers">How many workers there were for it.</param>
/// <param name="ElapsedMs">How long the whole took, in milliseconds.</param>
/// <param name="Result">What the results were reduced to; absent when they were not.</param>
public sealed record MapSummary(long Succeeded, long Failed, int Workers, double ElapsedMs, RawJson? Result);
