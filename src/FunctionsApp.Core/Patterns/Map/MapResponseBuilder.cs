using FunctionsApp.Core.Problems;

namespace FunctionsApp.Core.Patterns.Map;

/// <summary>Builds a buffered response from the chunks of a map.</summary>
internal sealed class MapResponseBuilder(MapRequest request, int workers)
{
    private readonly List<(MapChunk Info, ReadOnlyMemory<byte> Results)> _chunks = [];
    private readonly List<MapError> _errors = [];
    private readonly Reducer _total = new();

    /// <summary>The problem that ended the map; if there are several, the one with the lowest index.</summary>
    public Problem? Fatal { get; private set; }

    /// <summary>Adds a chunk, in any order.</summary>
    public void Add(Chunk chunk)
    {
        if (chunk.Fatal is { } fatal)
        {
            Fatal = Fatal is null || fatal.Index < Fatal.Index ? fatal : Fatal;
        }

        _errors.AddRange(chunk.Errors);
        if (chunk.Reduced is { } reduced)
        {
            _total.Add(reduced);
        }

        _chunks.Add((MapChunk.Of(chunk), chunk.Output.Written.ToArray()));
    }

    /// <summary>Builds the response if <see cref="Fatal"/> is null.</summary>
    /// <param name="elapsedMs">How long the map took, in milliseconds.</param>
    public MapResponse Build(double elapsedMs)
    {
        _chunks.Sort(static (left, right) => left.Info.From.CompareTo(right.Info.From));
        _errors.Sort(static (left, right) => left.Index.CompareTo(right.Index));
        return new MapResponse
        {
            Results = request.Reduce is null ? new MapResults([.. _chunks.Select(static chunk => chunk.Results)]) : null,
            Result = request.Reduce is { } reduction ? _total.Result(reduction) : null,
            Errors = _errors,
            Workers = workers,
            Chunks = [.. _chunks.Select(static chunk => chunk.Info)],
            ElapsedMs = elapsedMs,
        };
    }
}
