using FunctionsApp.Core.Problems;

namespace FunctionsApp.Core.Patterns.Map;

/// <summary>Puts the chunks of a map together to an answer in one piece.</summary>
internal sealed class MapResponseBuilder(MapRequest request, int workers)
{
    private readonly List<(MapChunk Info, ReadOnlyMemory<byte> Results)> _chunks = [];
    private readonly List<MapError> _errors = [];
    private readonly Reducer _total = new();

    /// <summary>The problem that ended the map; of several the one that comes first among the items.</summary>
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

    /// <summary>The answer, when nothing was fatal.</summary>
    /// <param name="elapsedMs">How long the whole took, in milliseconds.</param>
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
