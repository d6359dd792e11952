using System.Globalization;
using System.Text;
using FunctionsApp.Core.Problems;

namespace FunctionsApp.Core.Json;

/// <summary>
/// The place of a value in a request: a chain that becomes a JSON pointer only to report an error. Pointers built in
/// advance would repeat a hostile body's long names for every value below them.
/// </summary>
internal sealed record ValuePlace(ValuePlace? Parent, string? Name, int Index)
{
    /// <summary>Returns the place of a property of this value.</summary>
    public ValuePlace Property(string name) => new(this, name, 0);

    /// <summary>Returns the place of an element of this array.</summary>
    public ValuePlace Element(int index) => new(this, null, index);

    /// <summary>Returns the place at a pointer.</summary>
    public static ValuePlace At(string pointer) => new(null, pointer, 0);

    /// <summary>Returns the JSON pointer.</summary>
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
            pointer.Append('/').Append(
                place.Name is null ? place.Index.ToString(CultureInfo.InvariantCulture) : JsonPointer.Escape(place.Name));
        }

        return pointer.ToString();
    }
}

/// <summary>Collects the errors of one request: JSON pointer → messages.</summary>
internal sealed class ValidationErrors
{
    // The response to a hostile body must stay small, so the number and the length of the errors are limited.
    public const int MaxErrors = 100;
    private const int MaxCharacters = 16 * 1024;
    private const int MaxTextCharacters = 1_000;

    private readonly Dictionary<string, string[]> _messages = new(StringComparer.Ordinal);
    private int _count;
    private int _characters;

    public bool Any => _count > 0;

    public bool IsFull => _count >= MaxErrors || _characters >= MaxCharacters;

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

    /// <summary>Checks the elements of a request, to report the errors of all of them at once.</summary>
    /// <param name="count">How many elements there are.</param>
    /// <param name="check">Checks the element at an index; throws its problem.</param>
    /// <param name="about">Adds to a problem which element it is about; the errors of several get the first one's.</param>
    /// <exception cref="ProblemException"><c>invalid-request</c> with all errors, or the first problem that has none.</exception>
    public static void Collect(int count, Action<int> check, Func<Problem, int, Problem> about)
    {
        var errors = new ValidationErrors();
        int? first = null;
        for (var i = 0; i < count; i++)
        {
            try
            {
                check(i);
            }
            catch (ProblemException exception)
            {
                first ??= i;
                errors.Add(about(exception.Problem, i));
            }
        }

        if (first is { } invalid)
        {
            throw new ProblemException(about(errors.ToProblem(""), invalid));
        }
    }

    /// <summary>Returns the errors at a pointer and below it.</summary>
    public ValidationErrors Below(string pointer)
    {
        var errors = new ValidationErrors();
        foreach (var (place, messages) in _messages.Where(error => $"{error.Key}/".StartsWith($"{pointer}/", StringComparison.Ordinal)))
        {
            foreach (var message in messages)
            {
                errors.Add(place, message);
            }
        }

        return errors;
    }

    /// <summary>Adds the errors of a problem that has any; throws any other problem.</summary>
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

    /// <summary>Throws the errors, if there are any.</summary>
    /// <param name="pointer">Where the checked value is in the request.</param>
    public void ThrowIfAny(string pointer = "")
    {
        if (Any)
        {
            throw new ProblemException(ToProblem(pointer));
        }
    }

    /// <summary>Returns the problem for the response.</summary>
    /// <param name="pointer">Where the checked value is in the request.</param>
    public Problem ToProblem(string pointer) => Problem.InvalidRequest(_messages).Below(pointer);
}
