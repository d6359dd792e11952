namespace FunctionsApp.Core.Problems;

/// <summary>Ends a request, call, step or item with a <see cref="Problem"/>.</summary>
public sealed class ProblemException : Exception
{
    /// <summary>Creates an exception for <paramref name="problem"/>.</summary>
    public ProblemException(Problem problem)
        : base(problem.Detail) => Problem = problem;

    /// <summary>The problem that the caller gets.</summary>
    public Problem Problem { get; }
}
