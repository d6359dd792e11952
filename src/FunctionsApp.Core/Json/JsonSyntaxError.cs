using System.Text;
using System.Text.Json;
using FunctionsApp.Core.Problems;

namespace FunctionsApp.Core.Json;

/// <summary>
/// Says what is wrong with a text that is not JSON (RFC 8259). The framework's reader finds the place. What it read before the place
/// shows what JSON allows there.
/// </summary>
internal readonly ref struct JsonSyntaxError
{
    private const int MaxShownCharacters = 20;

    private readonly ReadOnlySpan<byte> _text;
    private readonly int _at;

    /// <summary>The last token before the error.</summary>
    private readonly JsonTokenType _last;

    /// <summary>Whether a comma follows the last token.</summary>
    private readonly bool _hasComma;

    /// <summary>The text between the last token and the error: the start of a token, or nothing.</summary>
    private readonly ReadOnlySpan<byte> _part;

    /// <summary>The bracket that closes the innermost array or object at the error; null outside of any.</summary>
    private readonly char? _bracket;

    private JsonSyntaxError(ReadOnlySpan<byte> text, int at, JsonTokenType last, int lastEnd, char? bracket)
    {
        (_at, _last, _bracket) = (at, last, bracket);
        _text = text;
        _part = text[lastEnd..at].TrimStart(" \t\r\n"u8);
        _hasComma = _part is [(byte)',', ..];
        _part = _hasComma ? _part[1..].TrimStart(" \t\r\n"u8) : _part;

        // The reader reports a comma before the end of the text itself, not what is absent after it.
        if (IsAfterValue && _part.IsEmpty && bracket is not null && text[at..].TrimEnd(" \t\r\n"u8) is [(byte)','])
        {
            (_at, _hasComma) = (text.Length, true);
        }
    }

    /// <summary>Finds the error, and where it is.</summary>
    /// <param name="text">A text in UTF-8 that is not JSON.</param>
    public static (string Message, int At) Find(ReadOnlySpan<byte> text)
    {
        var reader = new Utf8JsonReader(text, new JsonReaderOptions { MaxDepth = int.MaxValue });
        var (last, lastEnd) = (JsonTokenType.None, 0);
        var brackets = new Stack<char>();
        try
        {
            while (reader.Read())
            {
                (last, lastEnd) = (reader.TokenType, (int)reader.BytesConsumed);
                if (last is JsonTokenType.StartObject or JsonTokenType.StartArray)
                {
                    brackets.Push(last == JsonTokenType.StartObject ? '}' : ']');
                }
                else if (last is JsonTokenType.EndObject or JsonTokenType.EndArray)
                {
                    brackets.Pop();
                }
            }

            return ("The text is not JSON", text.Length);
        }
        catch (JsonException exception)
        {
            var at = 0;
            for (var line = exception.LineNumber; line > 0; line--)
            {
                at += text[at..].IndexOf((byte)'\n') + 1;
            }

            at += (int)exception.BytePositionInLine!.Value;
            var error = new JsonSyntaxError(text, at, last, lastEnd, brackets.TryPeek(out var bracket) ? bracket : null);
            return (error.Describe(), error._at);
        }
    }

    private bool IsAtEnd => _at == _text.Length;

    private char Current => IsAtEnd ? '\0' : (char)_text[_at];

    /// <summary>Whether the last token ends a value.</summary>
    private bool IsAfterValue => _last is not (JsonTokenType.None or JsonTokenType.StartObject or JsonTokenType.StartArray
        or JsonTokenType.PropertyName);

    /// <summary>What may follow a value; null if only white space may.</summary>
    private string? AfterValue => _bracket is { } bracket ? $"a comma or '{bracket}'" : null;

    private bool ExpectsValue => _part.IsEmpty && (_hasComma ? _bracket == ']'
        : _last is JsonTokenType.None or JsonTokenType.StartArray or JsonTokenType.PropertyName);

    private string? Expected => _last switch
    {
        _ when _hasComma => _bracket == '}' ? "a property name" : "a value",
        JsonTokenType.StartObject => "a property name or '}'",
        JsonTokenType.StartArray => "a value or ']'",
        JsonTokenType.None or JsonTokenType.PropertyName => "a value",
        _ => AfterValue,
    };

    private string Describe() => _part switch
    {
        [(byte)'"', ..] => DescribeString(),
        [(byte)'-' or (>= (byte)'0' and <= (byte)'9'), ..] => DescribeNumber(),
        [] => DescribeToken(Expected),
        _ => DescribeWord(_part),
    };

    private string DescribeString()
    {
        var isEscaped = false;
        foreach (var character in _part[1..])
        {
            if (character == '"' && !isEscaped)
            {
                // A whole string is a name: the reader reads a name together with its colon.
                return DescribeToken("a colon");
            }

            isEscaped = character == '\\' && !isEscaped;
        }

        return IsAtEnd ? "The text ends within a string"
            : isEscaped ? $"A backslash must not stand before {Found()}, only before \" \\ / b f n r t u"
            : Current < ' ' ? $"{Found()} must be escaped in a string"
            : $"{Found()} stands where \\u must have four hexadecimal digits";
    }

    private string DescribeNumber() => (char)_part[^1] switch
    {
        '-' when _part.Length == 1 => "A digit must follow the minus sign of a number",
        '.' => "A digit must follow the decimal point of a number",
        'e' or 'E' or '+' or '-' => "A digit must follow the exponent sign of a number",
        _ when char.IsAsciiDigit(Current) => "A number must not have a leading zero",
        _ => DescribeToken(AfterValue),
    };

    private string DescribeWord(ReadOnlySpan<byte> start)
    {
        var rest = _text[(start.IsEmpty ? _at : _at - start.Length)..];
        var text = Encoding.UTF8.GetString(rest[..Math.Min(rest.Length, 4 * MaxShownCharacters)]);
        var word = string.Concat(text.TakeWhile(static character => char.IsAsciiLetterOrDigit(character) || character == '_'));
        return $"'{Excerpt.Of(word, MaxShownCharacters)}' is not a JSON value; "
            + "strings need quotes, and the only words are true, false and null";
    }

    private string DescribeToken(string? expected) => Current switch
    {
        _ when IsAtEnd && _last == JsonTokenType.None && _part.IsEmpty => "The text is empty, but a JSON value is expected",
        _ when IsAtEnd => $"The text ends where {expected} is expected",
        _ when expected is null => $"{Found()} follows the end of the value",
        '/' => "JSON does not allow comments",
        '\'' => "A string or name must have double quotes, not single quotes",
        var bracket when _hasComma && bracket == _bracket => $"A comma must not stand before '{bracket}'",
        '+' when ExpectsValue => "A number must not have a plus sign",
        '.' when ExpectsValue => "A number must have a digit before its decimal point",
        var letter when ExpectsValue && char.IsAsciiLetter(letter) => DescribeWord([]),
        _ => $"{Found()} stands where {expected} is expected",
    };

    /// <summary>Shows the character at the error.</summary>
    private string Found()
    {
        Rune.DecodeFromUtf8(_text[_at..], out var rune, out _);
        return Rune.IsControl(rune) || Rune.IsWhiteSpace(rune) || rune.Value == 0xFEFF ? $"U+{rune.Value:X4}" : $"'{rune}'";
    }
}
