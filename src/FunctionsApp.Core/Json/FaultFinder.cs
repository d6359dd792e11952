using System.Buffers;
using System.Text;
using FunctionsApp.Core.Problems;

namespace FunctionsApp.Core.Json;

/// <summary>Finds the first fault of a text that the framework has refused as JSON (RFC 8259), and says what it is.</summary>
internal ref struct FaultFinder
{
    private const int MaxShownCharacters = 20;

    private static readonly string[] Words = ["true", "false", "null"];

    private readonly ReadOnlySpan<byte> _text;

    /// <summary>The brackets that close what is open.</summary>
    private readonly Stack<char> _open = [];
    private int _at;

    private FaultFinder(ReadOnlySpan<byte> text) => _text = text;

    /// <summary>What may come next.</summary>
    private enum Next
    {
        Value,
        ValueOrEnd,
        Name,
        NameOrEnd,
        Colon,
        CommaOrEnd,
    }

    /// <summary>Finds the fault, and where it is.</summary>
    /// <param name="text">A text in UTF-8 that is not JSON.</param>
    public static (string Message, int At) Find(ReadOnlySpan<byte> text)
    {
        var finder = new FaultFinder(text);
        var message = finder.Read();
        return (message ?? "The text is not JSON", finder._at);
    }

    private readonly bool IsAtEnd => _at == _text.Length;

    private readonly char Current => IsAtEnd ? '\0' : (char)_text[_at];

    /// <summary>Reads up to the first fault.</summary>
    /// <returns>What is wrong at the current position; null for JSON.</returns>
    private string? Read()
    {
        var next = Next.Value;
        while (true)
        {
            _at += _text[_at..].IndexOfAnyExcept(" \t\r\n"u8) is >= 0 and var white ? white : _text.Length - _at;
            if (next == Next.CommaOrEnd && _open.Count == 0)
            {
                return IsAtEnd ? null : $"{Found()} follows the end of the value";
            }

            if (IsAtEnd)
            {
                return _text.ContainsAnyExcept(" \t\r\n"u8)
                    ? $"The text ends where {Expected(next)} is expected"
                    : "The text is empty, but a JSON value is expected";
            }

            if (ReadNext(ref next) is { } fault)
            {
                return fault;
            }
        }
    }

    private string? ReadNext(ref Next next)
    {
        var current = Current;
        switch (next)
        {
            case Next.CommaOrEnd or Next.ValueOrEnd or Next.NameOrEnd when current == _open.Peek():
                _at++;
                _open.Pop();
                next = Next.CommaOrEnd;
                return null;
            case Next.CommaOrEnd when current == ',':
                _at++;
                next = _open.Peek() == '}' ? Next.Name : Next.Value;
                return null;
            case Next.Colon when current == ':':
                _at++;
                next = Next.Value;
                return null;
            case Next.Name or Next.NameOrEnd when current == '"':
                next = Next.Colon;
                return ReadString();
            case Next.Value or Next.ValueOrEnd:
                return ReadValue(ref next);
            default:
                return Unexpected(next);
        }
    }

    private string? ReadValue(ref Next next)
    {
        var expected = next;
        next = Next.CommaOrEnd;
        switch (Current)
        {
            case '{':
                _at++;
                _open.Push('}');
                next = Next.NameOrEnd;
                return null;
            case '[':
                _at++;
                _open.Push(']');
                next = Next.ValueOrEnd;
                return null;
            case '"':
                return ReadString();
            case '-' or (>= '0' and <= '9'):
                return ReadNumber();
            case '+':
                return "A number must not have a plus sign";
            case '.':
                return "A number must have a digit before its decimal point";
            case (>= 'a' and <= 'z') or (>= 'A' and <= 'Z'):
                return ReadWord();
            default:
                return Unexpected(expected);
        }
    }

    private readonly string Unexpected(Next next) => Current switch
    {
        '/' => "JSON does not allow comments",
        '\'' => "A string or name must have double quotes, not single quotes",
        ']' or '}' when next is Next.Value or Next.Name && _open.Count > 0 && Current == _open.Peek() && LastIsComma() =>
            $"A comma must not stand before '{Current}'",
        _ => $"{Found()} stands where {Expected(next)} is expected",
    };

    private readonly bool LastIsComma() => _text[.._at].TrimEnd(" \t\r\n"u8).EndsWith((byte)',');

    private string? ReadString()
    {
        for (_at++; !IsAtEnd; _at++)
        {
            switch (Current)
            {
                case '"':
                    _at++;
                    return null;
                case < ' ':
                    return $"{Found()} must be escaped in a string";
                case '\\':
                    _at++;
                    if (ReadEscape() is { } fault)
                    {
                        return fault;
                    }

                    break;
            }
        }

        return "The text ends within a string";
    }

    /// <summary>Reads up to the last character of an escape.</summary>
    private string? ReadEscape()
    {
        if (IsAtEnd)
        {
            return "The text ends within a string";
        }

        if (Current != 'u')
        {
            return "\"\\/bfnrt".Contains(Current, StringComparison.Ordinal)
                ? null
                : $"A backslash must not stand before {Found()}, only before \" \\ / b f n r t u";
        }

        for (var digits = 0; digits < 4; digits++)
        {
            _at++;
            if (!char.IsAsciiHexDigit(Current))
            {
                return IsAtEnd ? "The text ends within a string" : $"{Found()} stands where \\u must have four hexadecimal digits";
            }
        }

        return null;
    }

    private string? ReadNumber()
    {
        _at += Current == '-' ? 1 : 0;
        var zero = Current == '0';
        if (ReadDigits(zero ? 1 : int.MaxValue) == 0)
        {
            return "A digit must follow the minus sign of a number";
        }

        if (zero && char.IsAsciiDigit(Current))
        {
            return "A number must not have a leading zero";
        }

        if (Current == '.')
        {
            _at++;
            if (ReadDigits() == 0)
            {
                return "A digit must follow the decimal point of a number";
            }
        }

        if (Current is 'e' or 'E')
        {
            _at++;
            _at += Current is '+' or '-' ? 1 : 0;
            if (ReadDigits() == 0)
            {
                return "A digit must follow the exponent sign of a number";
            }
        }

        return null;
    }

    private int ReadDigits(int most = int.MaxValue)
    {
        var start = _at;
        while (_at - start < most && char.IsAsciiDigit(Current))
        {
            _at++;
        }

        return _at - start;
    }

    private string? ReadWord()
    {
        var rest = _text[_at..];
        var length = rest.IndexOfAnyExcept(SearchValues.Create("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"u8));
        var text = Encoding.ASCII.GetString(length < 0 ? rest : rest[..Math.Min(length, 2 * MaxShownCharacters)]);
        foreach (var word in Words)
        {
            if (word[0] == text[0])
            {
                _at += word.AsSpan().CommonPrefixLength(text);
                return word.Length == text.Length && string.Equals(word, text, StringComparison.Ordinal) ? null : NoWord(text);
            }
        }

        return NoWord(text);
    }

    private static string NoWord(string text) =>
        $"'{Excerpt.Of(text, MaxShownCharacters)}' is not a JSON value; strings need quotes, and the only words are true, false and null";

    private readonly string Expected(Next next) => next switch
    {
        Next.Value => "a value",
        Next.ValueOrEnd => "a value or ']'",
        Next.Name => "a property name",
        Next.NameOrEnd => "a property name or '}'",
        Next.Colon => "a colon",
        _ => $"a comma or '{_open.Peek()}'",
    };

    /// <summary>Shows the character at the current position.</summary>
    private readonly string Found()
    {
        Rune.DecodeFromUtf8(_text[_at..], out var rune, out _);
        return Rune.IsControl(rune) || Rune.IsWhiteSpace(rune) || rune.Value == 0xFEFF ? $"U+{rune.Value:X4}" : $"'{rune}'";
    }
}
