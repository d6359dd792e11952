using FunctionsApp.Core.Json;
using FunctionsApp.Core.Problems;

namespace FunctionsApp.Core.Patterns;

/// <summary>What a pattern came to that ran as a task.</summary>
public sealed record TaskOutcome
{
    private TaskOutcome(RawJson value, Problem? problem) => (Value, Problem) = (value, problem);

    /// <summary>The result, or the problem in JSON.</summary>
    public RawJson Value { get; }

    /// <summary>The problem; null for success.</summary>
    public Problem? Problem { get; }

    /// <summary>Whether an operation has gone on with the outcome already, so that it is not to be delivered.</summary>
    public bool IsContinued { get; init; }

    /// <summary>Success.</summary>
    public static TaskOutcome Succeeded(RawJson result) => new(result, problem: null);

    /// <summary>Success with a response of a pattern.</summary>
    public static TaskOutcome Succeeded<T>(T response) => Succeeded(RawJson.From(response, CoreJson.TypeInfo<T>()));

    /// <summary>Failure.</summary>
    public static TaskOutcome Failed(Problem problem) => new(RawJson.From(problem, CoreJson.TypeInfo<Problem>()), problem);
}
