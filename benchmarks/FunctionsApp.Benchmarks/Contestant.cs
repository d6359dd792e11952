namespace FunctionsApp.Benchmarks;

/// <summary>One of those that do the same work in turn.</summary>
/// <param name="Name">Who it is.</param>
/// <param name="RunAsync">Does the work once, and says what was measured.</param>
internal sealed record Contestant(string Name, Func<Task<double>> RunAsync)
{
    /// <summary>What ours is to come to beside this one; null when there is no goal.</summary>
    public Goal? Goal { get; init; }

    /// <summary>Why it cannot run here; null when it can.</summary>
    public string? Missing { get; init; }

    /// <summary>One that cannot run here.</summary>
    public static Contestant Absent(string name, string why) => new(name, static () => throw new NotSupportedException()) { Missing = why };
}
