using System.ComponentModel;
using System.Globalization;
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
        var pieces = new TemplateReader(Template);
        while (pieces.Read())
        {
            if (pieces.IsName && Values?.ContainsKey(pieces.Text.ToString()) != true)
            {
                missing.Add(pieces.Text.ToString());
            }
        }

        var errors = missing.Select(static name => (JsonPointer.Append("values", name), "is required: the template uses it"));
        return pieces.UnbalancedAt is { } position
            ? errors.Prepend(("template", string.Create(CultureInfo.InvariantCulture,
                $"must not have the single '{Template[position]}' at character {position + 1}; double it to mean a brace")))
            : errors;
    }
}

/// <summary>Fills in a template like Python's <c>str.format_map</c>, without conversions and format specifications.</summary>
[Operation("text.format", "Replaces each {name} in a template with a value.",
    Example = """{"template":"{name} is {age}.","values":{"name":"Ada","age":36}}""")]
public sealed class TextFormatOperation(WorkGate gate) : IOperation<TextFormatInput, string>
{
    /// <summary>The maximum length of the text, in characters (UTF-16): a short template can repeat a long value many times.</summary>
    public const int MaxCharacters = 10 * 1024 * 1024;

    /// <inheritdoc/>
    /// <exception cref="ProblemException">
    /// <c>invalid-request</c> if a brace is unbalanced or a name has no value; <c>too-large</c> above <see cref="MaxCharacters"/>.
    /// </exception>
    public ValueTask<string> RunAsync(TextFormatInput input, CancellationToken cancellationToken)
    {
        foreach (var (property, message) in input.Check())
        {
            throw new ProblemException(Problem.InvalidRequest("/" + property, message));
        }

        var texts = (input.Values ?? new Dictionary<string, RawJson>(StringComparer.Ordinal))
            .ToDictionary(static value => value.Key, static value => ToText(value.Value), StringComparer.Ordinal);
        var length = 0;
        var pieces = new TemplateReader(input.Template);
        while (pieces.Read())
        {
            cancellationToken.ThrowIfCancellationRequested();
            length += TextOf(pieces, texts).Length;
            if (length > MaxCharacters)
            {
                throw new ProblemException(Problem.TooLarge(string.Create(CultureInfo.InvariantCulture,
                    $"The formatted text is longer than {MaxCharacters} characters, the limit of text.format.")));
            }
        }

        return gate.RunAsync(length, () => string.Create(length, (input.Template, texts), Fill));
    }

    private static void Fill(Span<char> text, (string Template, Dictionary<string, string> Texts) source)
    {
        var pieces = new TemplateReader(source.Template);
        while (pieces.Read())
        {
            var piece = TextOf(pieces, source.Texts);
            piece.CopyTo(text);
            text = text[piece.Length..];
        }
    }

    private static ReadOnlySpan<char> TextOf(TemplateReader piece, Dictionary<string, string> texts) =>
        piece.IsName ? texts.GetAlternateLookup<ReadOnlySpan<char>>()[piece.Text] : piece.Text;

    private static string ToText(RawJson value) =>
        value.Utf8.Span[0] == '"' ? value.Deserialize(CoreJson.TypeInfo<string>()) : value.ToString();
}

/// <summary>Reads a template piece by piece: plain text, an escaped brace, or a name.</summary>
internal ref struct TemplateReader(ReadOnlySpan<char> template)
{
    private readonly int _length = template.Length;
    private ReadOnlySpan<char> _rest = template;

    /// <summary>The piece: the text, or the name without its braces.</summary>
    public ReadOnlySpan<char> Text { get; private set; }

    public bool IsName { get; private set; }

    /// <summary>The position of the unbalanced brace that ended the reading, from 0.</summary>
    public int? UnbalancedAt { get; private set; }

    public bool Read()
    {
        if (_rest.IsEmpty)
        {
            return false;
        }

        var brace = _rest.IndexOfAny('{', '}');
        if (brace != 0)
        {
            return Take(brace < 0 ? _rest.Length : brace);
        }

        if (_rest.Length > 1 && _rest[1] == _rest[0])
        {
            return Take(1, around: 1);
        }

        var end = _rest[1..].IndexOfAny('{', '}');
        if (_rest[0] == '{' && end >= 0 && _rest[1 + end] == '}')
        {
            _rest = _rest[1..];
            return Take(end, around: 1, isName: true);
        }

        UnbalancedAt = _length - _rest.Length;
        return false;
    }

    private bool Take(int length, int around = 0, bool isName = false)
    {
        Text = _rest[..length];
        IsName = isName;
        _rest = _rest[(length + around)..];
        return true;
    }
}
