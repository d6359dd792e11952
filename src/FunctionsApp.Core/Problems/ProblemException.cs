namespace FunctionsApp.Core.Problems;

/// <summary>Ends a request, call, step or item with a <see cref="Problem"/>.</summary>
public sealed class ProblemException : Exception
{
    /// <summary>Raises <paramref name="problem"/>.</summary>
    public ProblemException(Problem problem)
        : base(problem.Detail) => Problem = problem;

    /// <summary>What the caller is told.</summary>
    public Problem Problem { get; }
}
