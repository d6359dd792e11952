using System.Globalization;
using FunctionsApp.Core.Json;
using FunctionsApp.Core.Patterns;
using FunctionsApp.Core.Problems;
using FunctionsApp.Core.Tasks;

namespace FunctionsApp.Embedded;

/// <summary>What the tasks of this process may take: <see cref="TasksOptions.MaxStateBytes"/>, and what SQLite can store.</summary>
internal sealed class StateLimits(TaskStore store, TasksOptions options)
{
    /// <summary>The maximum length of an input or outcome, in bytes: SQLite limits values to 1,000,000,000.</summary>
    private const int MaxPayloadBytes = 999_000_000;

    /// <summary>Checks that there is room for the input of a new task.</summary>
    /// <exception cref="ProblemException"><c>too-large</c>, <c>saturated</c>.</exception>
    public void EnsureRoom(RawJson input)
    {
        if (input.Utf8.Length > MaxPayloadBytes)
        {
            throw new ProblemException(Problem.TooLarge(
                string.Create(CultureInfo.InvariantCulture, $"An input of a task has at most {MaxPayloadBytes} bytes.")));
        }

        if (store.UsedBytes + input.Utf8.Length > options.MaxStateBytes)
        {
            throw TaskProblems.StateFull(options.MaxStateBytes);
        }
    }

    /// <summary>Returns an outcome for which there is room: the given one, which replaces the input, or a problem.</summary>
    public TaskOutcome Fit(TaskOutcome outcome, int inputBytes)
    {
        var bytes = outcome.Value.Utf8.Length;
        return outcome.Problem is null && (bytes > MaxPayloadBytes || store.UsedBytes - inputBytes + bytes > options.MaxStateBytes)
            ? TaskOutcome.Failed(TaskProblems.NoRoomForResult(bytes))
            : outcome;
    }
}
