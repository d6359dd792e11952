using System.ComponentModel;
using System.Globalization;
using System.Text.RegularExpressions;
using FunctionsApp.Core.Json;
using FunctionsApp.Core.Limits;
using FunctionsApp.Core.Operations;
using FunctionsApp.Core.Problems;

namespace FunctionsApp.Operations;

/// <summary>Input of <c>text.format</c>.</summary>
public sealed record TextFormatInput(
    [property: Description("The text, with {name} in place of each value. {{ and }} stand for braces.")] string Template,
    [property: Description("The values by name. A string is inserted as it is, any other value as JSON.")]
    IReadOnlyDictionary<string, RawJson>? Values = null) : ICrossChecked
{
    /// <inheritdoc/>
    public IEnumerable<(string Property, string Message)> Check()
    {
        var missing = new SortedSet<string>(StringComparer.Ordinal);
        var unbalanced = -1;
        foreach (var match in TextFormatOperation.Braces().EnumerateMatches(Template))
        {
            var piece = Template.AsSpan(match.Index, match.Length);
            if (piece.Length == 1)
            {
                unbalanced = match.Index;
                break;
            }

            if (piece is ['{', .. var name, '}'] && Values?.ContainsKey(name.ToString()) != true)
            {
                missing.Add(name.ToString());
            }
        }

        var errors = missing.Select(static name => (JsonPointer.Append("values", name), "is required: the template uses it"));
        return unbalanced >= 0
            ? errors.Prepend(("template", string.Create(CultureInfo.InvariantCulture,
                $"must not have the single '{Template[unbalanced]}' at character {unbalanced + 1}; double it to mean a brace")))
            : errors;
    }
}

/// <summary>Fills in a template like Python's <c>str.format_map</c>, without conversions and format specifications.</summary>
[Operation("text.format", "Replaces each {name} in a template with a value.",
    Example = """{"template":"{name} is {age}.","values":{"name":"Ada","age":36}}""")]
public sealed partial class TextFormatOperation(WorkGate gate) : IOperation<TextFormatInput, string>
{
    /// <summary>The maximum length of the text, in characters (UTF-16): a short template can repeat a long value many times.</summary>
    public const int MaxCharacters = 10 * 1024 * 1024;

    /// <inheritdoc/>
    /// <exception cref="ProblemException">
    /// <c>invalid-request</c> if a brace is unbalanced or a name has no value; <c>too-large</c> above <see cref="MaxCharacters"/>.
    /// </exception>
    public async ValueTask<string> RunAsync(TextFormatInput input, CancellationToken cancellationToken)
    {
        foreach (var (property, message) in input.Check())
        {
            throw new ProblemException(Problem.InvalidRequest("/" + property, message));
        }

        var texts = (input.Values ?? new Dictionary<string, RawJson>(StringComparer.Ordinal))
            .ToDictionary(static value => value.Key, static value => ToText(value.Value), StringComparer.Ordinal);
        long length = input.Template.Length;
        foreach (var match in Braces().EnumerateMatches(input.Template))
        {
            cancellationToken.ThrowIfCancellationRequested();
            length += TextOf(input.Template.AsSpan(match.Index, match.Length), texts).Length - match.Length;
        }

        if (length > MaxCharacters)
        {
            throw new ProblemException(Problem.TooLarge(string.Create(CultureInfo.InvariantCulture,
                $"The formatted text is longer than {MaxCharacters} characters, the limit of text.format.")));
        }

        await gate.EnterAsync(length);
        return string.Create((int)length, (input.Template, texts), Fill);
    }

    /// <summary>Finds doubled braces, names in braces, and braces that are not balanced.</summary>
    [GeneratedRegex(@"\{\{|\}\}|\{[^{}]*\}|[{}]", RegexOptions.None, matchTimeoutMilliseconds: 60_000)]
    internal static partial Regex Braces();

    private static void Fill(Span<char> text, (string Template, Dictionary<string, string> Texts) source)
    {
        var rest = source.Template.AsSpan();
        foreach (var match in Braces().EnumerateMatches(source.Template))
        {
            var before = rest[..(match.Index - source.Template.Length + rest.Length)];
            var value = TextOf(rest.Slice(before.Length, match.Length), source.Texts);
            before.CopyTo(text);
            value.CopyTo(text[before.Length..]);
            text = text[(before.Length + value.Length)..];
            rest = rest[(before.Length + match.Length)..];
        }

        rest.CopyTo(text);
    }

    private static ReadOnlySpan<char> TextOf(ReadOnlySpan<char> piece, Dictionary<string, string> texts) =>
        piece is ['{', .. var name, '}'] ? texts.GetAlternateLookup<ReadOnlySpan<char>>()[name] : piece[..1];

    private static string ToText(RawJson value) =>
        value.Utf8.Span[0] == '"' ? value.Deserialize(CoreJson.TypeInfo<string>()) : value.ToString();
}
