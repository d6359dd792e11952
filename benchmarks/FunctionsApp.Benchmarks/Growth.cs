namespace FunctionsApp.Benchmarks;

/// <summary>A piece of work that is measured at several sizes, each on a LocalHost of its own, so that its memory is that of its size.</summary>
/// <param name="Work">What is done.</param>
/// <param name="Unit">What a size counts.</param>
/// <param name="Sizes">The sizes, from the smallest.</param>
/// <param name="Metric">What is measured.</param>
/// <param name="RunAsync">Does the work once at a size, and says what was measured.</param>
internal sealed record Growth(string Work, string Unit, int[] Sizes, Metric Metric, Func<Server, int, Task<double>> RunAsync)
{
    /// <summary>How it is measured, in a sentence.</summary>
    public required string How { get; init; }

    /// <summary>Runs that do not count.</summary>
    public int WarmUps { get; init; } = 10;

    /// <summary>Runs that count.</summary>
    public int Runs { get; init; } = 11;

    /// <summary>Whether <c>--only</c> means it.</summary>
    public bool IsMeantBy(string word) => $"growth {Work}".Contains(word, StringComparison.OrdinalIgnoreCase);
}
