using FunctionsApp.Core.Problems;

namespace FunctionsApp.Core.Patterns.Map;

/// <summary>What came of some items that one worker computed in one go.</summary>
internal sealed class Chunk : IDisposable
{
    /// <summary>What a chunk takes beside its results.</summary>
    private const int BytesOfChunk = 144;

    /// <summary>Index of the first item.</summary>
    public required long From { get; init; }

    /// <summary>Which of the map's workers computed them, from 0.</summary>
    public required int Worker { get; init; }

    /// <summary>Milliseconds from the start of the request.</summary>
    public required double StartedMs { get; init; }

    /// <summary>Milliseconds from the start of the request.</summary>
    public double FinishedMs { get; set; }

    /// <summary>How many items were computed, the last of which may have ended the map.</summary>
    public int Count { get; set; }

    /// <summary>The results as JSON, in the form that the answer has them.</summary>
    public ResultBuffer Output { get; } = new();

    /// <summary>What the results come to; null when they are not to be reduced.</summary>
    public Reducer? Reduced { get; init; }

    /// <summary>About what the chunk takes in memory, and in the answer.</summary>
    public long Size => BytesOfChunk + Output.Length + ErrorBytes;

    /// <summary>The part of that which <see cref="Errors"/> take.</summary>
    public long ErrorBytes { get; set; }

    /// <summary>How many items failed.</summary>
    public int Failed { get; set; }

    /// <summary>Why they failed, when the output does not tell.</summary>
    public List<MapError> Errors { get; } = [];

    /// <summary>The problem that ended the map, with the index of its item if it is one's; null when it may go on.</summary>
    public Problem? Fatal { get; set; }

    public void Dispose() => Output.Dispose();
}
