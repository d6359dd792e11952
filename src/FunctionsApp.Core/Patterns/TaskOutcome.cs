using FunctionsApp.Core.Json;
using FunctionsApp.Core.Problems;

namespace FunctionsApp.Core.Patterns;

/// <summary>The outcome of a pattern that ran as a task.</summary>
public sealed record TaskOutcome
{
    private TaskOutcome(RawJson value, Problem? problem) => (Value, Problem) = (value, problem);

    /// <summary>The result, or the problem in JSON.</summary>
    public RawJson Value { get; }

    /// <summary>The problem; null for success.</summary>
    public Problem? Problem { get; }

    /// <summary>Whether a continuation has already handled the outcome, so that it is not delivered.</summary>
    public bool IsContinued { get; init; }

    /// <summary>Creates a success.</summary>
    public static TaskOutcome Succeeded(RawJson result) => new(result, problem: null);

    /// <summary>Creates a success with the response of a pattern.</summary>
    public static TaskOutcome Succeeded<T>(T response) => Succeeded(RawJson.From(response, CoreJson.TypeInfo<T>()));

    /// <summary>Creates a failure.</summary>
    public static TaskOutcome Failed(Problem problem) => new(RawJson.From(problem, CoreJson.TypeInfo<Problem>()), problem);
}
