namespace FunctionsApp.Benchmarks;

/// <summary>One of those that do the same work in turn.</summary>
internal interface IContestant : IAsyncDisposable
{
    string Name { get; }

    /// <summary>Why it cannot run here; null when it can.</summary>
    string? Missing { get; }

    /// <summary>Does the work once, and says how many milliseconds it took.</summary>
    Task<double> RunAsync();
}
