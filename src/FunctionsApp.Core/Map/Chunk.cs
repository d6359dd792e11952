using FunctionsApp.Core.Problems;

namespace FunctionsApp.Core.Map;

/// <summary>What came of some items that one worker computed in one go.</summary>
internal sealed class Chunk : IDisposable
{
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

    /// <summary>How many items failed.</summary>
    public int Failed { get; set; }

    /// <summary>Why they failed, when the output does not tell.</summary>
    public List<MapError> Errors { get; } = [];

    /// <summary>The problem that ended the map, with the index of its item if it is one's; null when it may go on.</summary>
    public Problem? Fatal { get; set; }

    public void Dispose() => Output.Dispose();
}
