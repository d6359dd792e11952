using FunctionsApp.Core.Problems;

namespace FunctionsApp.Core.Json;

/// <summary>Collects what is wrong with one request: JSON pointer → messages.</summary>
internal sealed class Faults
{
    /// <summary>More than this many faults are not listed: the answer to a hostile body must stay small.</summary>
    private const int Most = 100;

    private readonly Dictionary<string, string[]> _messages = new(StringComparer.Ordinal);

    public bool IsFull => _messages.Count >= Most;

    public bool Any => _messages.Count > 0;

    public void Add(string pointer, string message)
    {
        if (_messages.TryGetValue(pointer, out var earlier))
        {
            _messages[pointer] = [.. earlier, message];
        }
        else if (_messages.Count < Most)
        {
            _messages.Add(pointer, [message]);
        }
    }

    /// <summary>Takes over the faults of a problem that is about one part of the request; any other problem is raised.</summary>
    public void Add(Problem problem)
    {
        foreach (var (pointer, messages) in problem.Errors ?? throw new ProblemException(problem))
        {
            foreach (var message in messages)
            {
                Add(pointer, message);
            }
        }
    }

    /// <summary>Raises the faults, if there are any.</summary>
    public void ThrowIfAny()
    {
        if (Any)
        {
            throw new ProblemException(ToProblem(""));
        }
    }

    /// <summary>The problem to answer with.</summary>
    /// <param name="pointer">Where in the request the checked value stands.</param>
    public Problem ToProblem(string pointer) => Problem.InvalidRequest(_messages).Below(pointer);
}
