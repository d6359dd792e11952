using FunctionsApp.Core.Limits;
using FunctionsApp.Core.Operations;
using FunctionsApp.Core.Problems;

namespace FunctionsApp.Core.Patterns.Map;

/// <summary>Builds a buffered response from the chunks of a map.</summary>
/// <param name="request">The request of the map.</param>
/// <param name="memory">Holds the results.</param>
/// <param name="progress">Gets the number of computed items; null if nothing reports it.</param>
internal sealed class MapResponseBuilder(MapRequest request, RequestMemory memory, ProgressReporter? progress)
{
    /// <summary>The maximum bytes of a chunk's results that are copied, so that an array that is mostly empty is not kept.</summary>
    private const int SmallBytes = 32 * 1024;

    private readonly List<(MapChunk Info, ReadOnlyMemory<byte> Results)> _chunks = [];
    private readonly List<ResultBuffer> _buffers = [];
    private readonly List<MapError> _errors = [];
    private readonly Reducer _total = new();
    private long _computed;

    /// <summary>The problem that ended the map; if there are several, the one with the lowest index.</summary>
    public Problem? Fatal { get; private set; }

    /// <summary>Adds a chunk, in any order. The builder disposes of it.</summary>
    /// <exception cref="ProblemException"><c>too-large</c> or <c>saturated</c>: there is no memory for its results.</exception>
    public void Add(ChunkResults chunk)
    {
        memory.HoldResult(chunk.Size);
        if (chunk.Fatal is { } fatal)
        {
            Fatal = Fatal is null || fatal.Index < Fatal.Index ? fatal : Fatal;
        }

        _errors.AddRange(chunk.Errors);
        _total.Add(chunk.Reduced);
        _chunks.Add((MapChunk.Of(chunk), Keep(chunk.Output)));
        _computed += chunk.Count;
        progress?.Report(_computed, request.Items.Count);
    }

    /// <summary>Builds the response if <see cref="Fatal"/> is null; it then has the memory of the results.</summary>
    /// <param name="workers">The maximum number of workers of the map; null for calls.</param>
    /// <param name="elapsedMs">How long the map took, in milliseconds.</param>
    public MapResponse Build(int? workers, double elapsedMs)
    {
        _chunks.Sort(static (left, right) => left.Info.From.CompareTo(right.Info.From));
        _errors.Sort(static (left, right) => left.Index.CompareTo(right.Index));
        return new MapResponse
        {
            Results = request.Reduce is null ? new MapResults(_chunks.ConvertAll(static chunk => chunk.Results), _buffers) : null,
            Result = request.Reduce is { } reduction ? _total.Result(reduction) : null,
            Errors = _errors,
            Workers = workers,
            Chunks = workers is null ? null : _chunks.ConvertAll(static chunk => chunk.Info),
            Timeline = workers is not null || request.Timeline != true ? null
                : _chunks.ConvertAll(static chunk => new MapCall(chunk.Info.From, chunk.Info.StartedMs, chunk.Info.FinishedMs)),
            ElapsedMs = elapsedMs,
        };
    }

    /// <summary>Keeps results until the response is sent: takes their array over, or copies them if they are few.</summary>
    private ReadOnlyMemory<byte> Keep(ResultBuffer output)
    {
        if (output.Written.Length > SmallBytes)
        {
            _buffers.Add(output);
            return output.Written;
        }

        using (output)
        {
            return output.Written.ToArray();
        }
    }
}
