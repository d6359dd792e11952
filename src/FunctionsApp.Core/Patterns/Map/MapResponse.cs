using System.Text.Json;
using System.Text.Json.Serialization;
using FunctionsApp.Core.Json;
using FunctionsApp.Core.Problems;

namespace FunctionsApp.Core.Patterns.Map;

/// <summary>What a map came to.</summary>
public sealed record MapResponse
{
    /// <summary>The result of each item, null where it failed; absent when they were reduced.</summary>
    public MapResults? Results { get; init; }

    /// <summary>What the results were reduced to; null for the least or greatest of none.</summary>
    public RawJson? Result { get; init; }

    /// <summary>The items that failed, by index.</summary>
    public required IReadOnlyList<MapError> Errors { get; init; }

    /// <summary>How many workers there were for it.</summary>
    public required int Workers { get; init; }

    /// <summary>What was computed when, by which worker.</summary>
    public required IReadOnlyList<MapChunk> Chunks { get; init; }

    /// <summary>How long the whole took, in milliseconds.</summary>
    public required double ElapsedMs { get; init; }
}

/// <summary>An item that failed.</summary>
/// <param name="Index">Its place among the items, from 0.</param>
/// <param name="Error">What went wrong with it.</param>
public sealed record MapError(int Index, Problem Error);

/// <summary>Items that one worker computed in one go.</summary>
/// <param name="From">Index of the first.</param>
/// <param name="Count">How many.</param>
/// <param name="Worker">Which of the map's workers, from 0.</param>
/// <param name="StartedMs">Milliseconds from the start of the request.</param>
/// <param name="FinishedMs">Milliseconds from the start of the request.</param>
public sealed record MapChunk(long From, int Count, int Worker, double StartedMs, double FinishedMs)
{
    internal static MapChunk Of(Chunk chunk) => new(chunk.From, chunk.Count, chunk.Worker, chunk.StartedMs, chunk.FinishedMs);
}

/// <summary>
/// The results of a map, in the order of the items: the JSON that the workers wrote, a piece a chunk.
/// </summary>
[JsonConverter(typeof(MapResultsConverter))]
public sealed class MapResults : IJsonArray
{
    internal MapResults(IReadOnlyList<ReadOnlyMemory<byte>> pieces) => Pieces = pieces;

    /// <summary>Results with commas between them; none of the pieces is empty.</summary>
    internal IReadOnlyList<ReadOnlyMemory<byte>> Pieces { get; }

    /// <summary>The results as one JSON array, for reading.</summary>
    public JsonElement ToElement() => RawJson.From(this, CoreJson.TypeInfo<MapResults>()).ToElement();
}

/// <summary>Writes <see cref="MapResults"/>.</summary>
internal sealed class MapResultsConverter : JsonConverter<MapResults>
{
    public override MapResults Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        throw new NotSupportedException("Results are only written.");

    public override void Write(Utf8JsonWriter writer, MapResults value, JsonSerializerOptions options)
    {
        writer.WriteStartArray();
        foreach (var piece in value.Pieces)
        {
            // The writer puts the comma between two pieces; those within a piece are there already.
            JsonPipeWriter.WriteRaw(writer, RawJson.FromUtf8(piece));
        }

        writer.WriteEndArray();
    }
}
