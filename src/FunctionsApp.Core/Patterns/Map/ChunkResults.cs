using FunctionsApp.Core.Problems;

namespace FunctionsApp.Core.Patterns.Map;

/// <summary>The results of consecutive items that one worker computed in one turn, or the result of one call.</summary>
/// <param name="asLines">Whether results are written as lines of a stream, or as parts of a JSON array.</param>
internal sealed class ChunkResults(bool asLines) : IDisposable
{
    /// <summary>The memory of a chunk without its results, in bytes.</summary>
    private const int BytesOfChunk = 144;

    /// <summary>Index of the first item.</summary>
    public required long From { get; init; }

    /// <summary>The map's worker that computed the items, from 0.</summary>
    public int Worker { get; init; }

    /// <summary>Whether this is the result of one call.</summary>
    public bool IsCall { get; init; }

    /// <summary>Milliseconds from the start of the request.</summary>
    public required double StartedMs { get; init; }

    /// <summary>Milliseconds from the start of the request.</summary>
    public double FinishedMs { get; set; }

    /// <summary>How many items were computed. The last one may have ended the map.</summary>
    public int Count { get; set; }

    /// <summary>The results as JSON, in the form of the response.</summary>
    public ResultBuffer Output { get; } = new(hasCommas: !asLines);

    /// <summary>The reduction of the results; null when they are not reduced.</summary>
    public Reducer? Reduced { get; init; }

    /// <summary>The approximate bytes of the chunk in memory, and in the response.</summary>
    public long Size => BytesOfChunk + Output.Written.Length + ErrorBytes;

    /// <summary>The part of <see cref="Size"/> for <see cref="Errors"/>.</summary>
    public long ErrorBytes { get; set; }

    /// <summary>The bytes that the request's memory holds for the output of a call.</summary>
    public long HeldBytes { get; set; }

    /// <summary>How many items failed.</summary>
    public int Failed { get; set; }

    /// <summary>The errors of the items, unless the output has them.</summary>
    public List<MapError> Errors { get; } = [];

    /// <summary>The problem that ended the map, with the index of its item; null when the map continues.</summary>
    public Problem? Fatal { get; set; }

    public void Dispose() => Output.Dispose();
}
