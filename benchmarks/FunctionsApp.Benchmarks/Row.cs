namespace FunctionsApp.Benchmarks;

/// <summary>A piece of work that some contestants do.</summary>
/// <param name="Family">The rows it belongs to.</param>
/// <param name="Work">What is done.</param>
/// <param name="Metric">What is measured.</param>
internal sealed record Row(string Family, string Work, Metric Metric)
{
    /// <summary>How it is measured, in a sentence.</summary>
    public required string How { get; init; }

    /// <summary>What keeps ours from being better, as a sentence; null when the others say that.</summary>
    public string? Bound { get; init; }

    /// <summary>Gets the contestants ready. The first is ours; the others are compared with it.</summary>
    public required Func<Stage, Task<Contestant[]>> EnterAsync { get; init; }

    /// <summary>Runs that do not count.</summary>
    public int WarmUps { get; init; } = 2;

    /// <summary>Runs that count.</summary>
    public int Runs { get; init; } = 5;

    /// <summary>Whether <c>--only</c> means this row.</summary>
    public bool IsMeantBy(string word) => $"{Family} {Work}".Contains(word, StringComparison.OrdinalIgnoreCase);
}
