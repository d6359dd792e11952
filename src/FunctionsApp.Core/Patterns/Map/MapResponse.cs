using System.Text.Json;
using System.Text.Json.Serialization;
using FunctionsApp.Core.Json;
using FunctionsApp.Core.Problems;

namespace FunctionsApp.Core.Patterns.Map;

/// <summary>The response of a map.</summary>
public sealed record MapResponse : IDisposable
{
    /// <summary>The result of each item, null for a failed item; absent with a reduction.</summary>
    public MapResults? Results { get; init; }

    /// <summary>The reduced result; null for the minimum or maximum of no results.</summary>
    public RawJson? Result { get; init; }

    /// <summary>The items that failed, by index.</summary>
    public required IReadOnlyList<MapError> Errors { get; init; }

    /// <summary>The maximum number of workers of the map; absent for calls.</summary>
    public int? Workers { get; init; }

    /// <summary>Which worker computed which items, and when; absent for calls.</summary>
    public IReadOnlyList<MapChunk>? Chunks { get; init; }

    /// <summary>When each call ran, in the order of the items; only if <see cref="MapOptions.Timeline"/> is true.</summary>
    public IReadOnlyList<MapCall>? Timeline { get; init; }

    /// <summary>How long the map took, in milliseconds.</summary>
    public required double ElapsedMs { get; init; }

    /// <summary>Releases the memory of the results, which must not be read afterwards.</summary>
    public void Dispose() => Results?.Dispose();
}

/// <summary>An item that failed.</summary>
/// <param name="Index">The item's place, from 0.</param>
/// <param name="Error">The item's problem.</param>
public sealed record MapError(int Index, Problem Error);

/// <summary>Consecutive items that one worker computed in one turn.</summary>
/// <param name="From">Index of the first item.</param>
/// <param name="Count">How many items there are.</param>
/// <param name="Worker">The map's worker, from 0.</param>
/// <param name="StartedMs">Milliseconds from the start of the request.</param>
/// <param name="FinishedMs">Milliseconds from the start of the request.</param>
public sealed record MapChunk(long From, int Count, int Worker, double StartedMs, double FinishedMs)
{
    internal static MapChunk Of(ChunkResults chunk) => new(chunk.From, chunk.Count, chunk.Worker, chunk.StartedMs, chunk.FinishedMs);
}

/// <summary>The call of one item.</summary>
/// <param name="Index">The item's place, from 0.</param>
/// <param name="StartedMs">Milliseconds from the start of the request.</param>
/// <param name="FinishedMs">Milliseconds from the start of the request.</param>
public sealed record MapCall(long Index, double StartedMs, double FinishedMs);

/// <summary>
/// The results of a map, in the order of the items, as the JSON that the workers wrote for each chunk.
/// </summary>
[JsonConverter(typeof(MapResultsConverter))]
public sealed class MapResults : IJsonArray, IDisposable
{
    private readonly List<ResultBuffer> _buffers;

    internal MapResults(IReadOnlyList<ReadOnlyMemory<byte>> chunks, List<ResultBuffer> buffers) => (Chunks, _buffers) = (chunks, buffers);

    /// <summary>The results of each chunk, with commas between them. None is empty.</summary>
    internal IReadOnlyList<ReadOnlyMemory<byte>> Chunks { get; }

    /// <summary>Returns the results as one JSON array, for reading.</summary>
    public JsonElement ToElement() => RawJson.From(this, CoreJson.TypeInfo<MapResults>()).ToElement();

    /// <summary>Releases the memory, which must not be read afterwards.</summary>
    public void Dispose()
    {
        _buffers.ForEach(static buffer => buffer.Dispose());
        _buffers.Clear();
    }
}

/// <summary>Writes <see cref="MapResults"/>.</summary>
internal sealed class MapResultsConverter : JsonConverter<MapResults>
{
    public override MapResults Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        throw new NotSupportedException("Results are only written.");

    public override void Write(Utf8JsonWriter writer, MapResults value, JsonSerializerOptions options)
    {
        writer.WriteStartArray();
        foreach (var chunk in value.Chunks)
        {
            // The writer adds only the comma between two chunks; a chunk already has its own commas.
            JsonPipeWriter.WriteRaw(writer, RawJson.FromUtf8(chunk));
        }

        writer.WriteEndArray();
    }
}
