using System.Globalization;
using System.Text;
using FunctionsApp.Core.Problems;

namespace FunctionsApp.Core.Json;

/// <summary>
/// Where in a request a value stands: a chain that becomes a JSON pointer only when there is an error to report. Pointers
/// made ahead would cost a hostile body's long names anew for every value below them.
/// </summary>
internal sealed record ValuePlace(ValuePlace? Parent, string? Name, int Index)
{
    /// <summary>The place of a property of the value here.</summary>
    public ValuePlace Property(string name) => new(this, name, 0);

    /// <summary>The place of an element of the array here.</summary>
    public ValuePlace Element(int index) => new(this, null, index);

    /// <summary>A place that a pointer leads to.</summary>
    public static ValuePlace At(string pointer) => new(null, pointer, 0);

    /// <summary>The JSON pointer.</summary>
    public override string ToString()
    {
        var chain = new Stack<ValuePlace>();
        for (var place = this; place is not null; place = place.Parent)
        {
            chain.Push(place);
        }

        var pointer = new StringBuilder(chain.Pop().Name);
        foreach (var place in chain)
        {
            pointer.Append('/').Append(place.Name is null ? place.Index.ToString(CultureInfo.InvariantCulture) : JsonPointer.Escape(place.Name));
        }

        return pointer.ToString();
    }
}

/// <summary>Collects what is wrong with one request: JSON pointer → messages.</summary>
internal sealed class ValidationErrors
{
    // The answer to a hostile body must stay small: so many errors, and no more of their text, are listed.
    private const int Most = 100;
    private const int MaxCharacters = 16 * 1024;
    private const int MaxTextCharacters = 1_000;

    private readonly Dictionary<string, string[]> _messages = new(StringComparer.Ordinal);
    private int _count;
    private int _characters;

    public bool Any => _count > 0;

    public bool IsFull => _count >= Most || _characters >= MaxCharacters;

    public void Add(ValuePlace place, string message)
    {
        if (!IsFull)
        {
            Add(place.ToString(), message);
        }
    }

    public void Add(string pointer, string message)
    {
        if (IsFull)
        {
            return;
        }

        pointer = Excerpt.Of(pointer, MaxTextCharacters);
        message = Excerpt.Of(message, MaxTextCharacters);
        _messages[pointer] = _messages.TryGetValue(pointer, out var earlier) ? [.. earlier, message] : [message];
        _count++;
        _characters += pointer.Length + message.Length;
    }

    /// <summary>Takes over the errors of a problem that is about one part of the request; any other problem is raised.</summary>
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

    /// <summary>Raises the errors, if there are any.</summary>
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
