using FunctionsApp.Core.Json;
using FunctionsApp.Core.Problems;

namespace FunctionsApp.Core.Patterns;

/// <summary>
/// A pattern that can run as a task. It is registered once, by <see cref="TaskPatternServices.AddTaskPattern"/>. Tasks,
/// <c>Prefer: respond-async</c> and OpenAPI find it there.
/// </summary>
public interface ITaskPattern
{
    /// <summary>Its name, such as <c>gather</c>; what it is stored by.</summary>
    string Name { get; }

    /// <summary>Whether its request says all, so that a task of it can be created by its name: <c>POST tasks</c>.</summary>
    bool IsNamedByCallers => true;

    /// <summary>Checks all of a request that can be checked without running it.</summary>
    /// <param name="operation">The operation that the route or the task's request names; null for none.</param>
    /// <param name="request">The pattern's own request.</param>
    /// <returns>The one operation that the pattern runs; null if it runs several.</returns>
    /// <exception cref="ProblemException">The request is invalid. Pointers start from it.</exception>
    string? Check(string? operation, RawJson request);

    /// <summary>Runs a request.</summary>
    /// <param name="operation">What <see cref="Check"/> returned.</param>
    /// <param name="request">The pattern's own request.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    /// <exception cref="ProblemException">The work failed.</exception>
    Task<TaskOutcome> RunAsync(string? operation, RawJson request, CancellationToken cancellationToken);
}
