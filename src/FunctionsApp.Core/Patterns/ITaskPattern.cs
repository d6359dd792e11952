using FunctionsApp.Core.Json;
using FunctionsApp.Core.Problems;

namespace FunctionsApp.Core.Patterns;

/// <summary>
/// A pattern that can run as a task. <c>services.AddTaskPattern</c> registers it for tasks,
/// <c>Prefer: respond-async</c> and OpenAPI.
/// </summary>
public interface ITaskPattern
{
    /// <summary>The pattern's name, such as <c>gather</c>, as stored with a task.</summary>
    string Name { get; }

    /// <summary>Whether the request is complete, so that <c>POST tasks</c> can create a task by the pattern's name.</summary>
    bool IsNamedByCallers => true;

    /// <summary>Checks a request as far as possible without running it.</summary>
    /// <param name="operation">The operation that the route or the task's request names; null for none.</param>
    /// <param name="request">The pattern's own request.</param>
    /// <returns>The one operation that the pattern runs; null if it runs several.</returns>
    /// <exception cref="ProblemException">The request is invalid. Pointers are relative to the request.</exception>
    string? Check(string? operation, RawJson request);

    /// <summary>Runs a request.</summary>
    /// <param name="operation">The result of <see cref="Check"/>.</param>
    /// <param name="request">The pattern's own request.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    /// <exception cref="ProblemException">The work failed.</exception>
    Task<TaskOutcome> RunAsync(string? operation, RawJson request, CancellationToken cancellationToken);
}
