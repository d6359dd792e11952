using System.Globalization;

namespace FunctionsApp.Operations;

/// <summary>
/// The text between two word boundaries: the default ones of Unicode Standard Annex #29, section 4.1, whose rules are named WB….
/// </summary>
/// <param name="Length">The length in UTF-16 code units.</param>
/// <param name="IsWord">Whether the segment has a letter or a number.</param>
internal readonly record struct WordSegment(int Length, bool IsWord)
{
    /// <summary>Returns the segment at the start of a text that is not empty.</summary>
    public static WordSegment First(ReadOnlySpan<char> text, CancellationToken cancellationToken)
    {
        var (left, length, isWord) = WordBreaks.First(text);
        if (left == WordBreak.LineEnd)
        {
            return new(text.StartsWith("\r\n", StringComparison.Ordinal) ? 2 : 1, IsWord: false); // WB3, WB3a
        }

        // The character before, and on the left the one before that counts: WB4 ignores others.
        var (previous, isHalfFlag) = (left, left == WordBreak.RegionalIndicator);
        while (length < text.Length)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var rest = text[length..];
            var (right, size, isLetterOrNumber) = WordBreaks.First(rest);
            if (!IsIgnored(right) && !IsInner(left, right, rest[size..], cancellationToken))
            {
                if (!Joins(left, right)
                    && !(isHalfFlag && right == WordBreak.RegionalIndicator) // WB15, WB16
                    && !(previous == WordBreak.Space && right == WordBreak.Space) // WB3d
                    && !(previous == WordBreak.ZeroWidthJoiner && IsPictograph(rest[..size]))) // WB3c
                {
                    break;
                }

                (left, isHalfFlag) = (right, !isHalfFlag && right == WordBreak.RegionalIndicator);
            }

            (previous, length, isWord) = (right, length + size, isWord || isLetterOrNumber);
        }

        return new(length, isWord);
    }

    private static bool IsIgnored(WordBreak value) => value is WordBreak.Extend or WordBreak.Format or WordBreak.ZeroWidthJoiner;

    private static bool IsLetter(WordBreak value) => value is WordBreak.Letter or WordBreak.HebrewLetter;

    /// <summary>Whether there is no boundary between two characters, wherever they are.</summary>
    private static bool Joins(WordBreak left, WordBreak right) => right switch
    {
        WordBreak.Letter or WordBreak.HebrewLetter or WordBreak.Number => // WB5, WB8, WB9, WB10, WB13b
            IsLetter(left) || left is WordBreak.Number or WordBreak.Connector,
        WordBreak.Katakana => left is WordBreak.Katakana or WordBreak.Connector, // WB13, WB13b
        WordBreak.Connector => IsLetter(left) || left is WordBreak.Number or WordBreak.Katakana or WordBreak.Connector, // WB13a
        WordBreak.SingleQuote => left == WordBreak.HebrewLetter, // WB7a
        _ => false,
    };

    /// <summary>Whether a character is punctuation that is part of the word because of both its neighbours.</summary>
    private static bool IsInner(
        WordBreak left, WordBreak middle, ReadOnlySpan<char> text, CancellationToken cancellationToken) => middle switch
        {
            WordBreak.MidLetter => IsLetter(left) && IsLetter(Next(text, cancellationToken)), // WB6, WB7
            WordBreak.MidNumber => left == WordBreak.Number && Next(text, cancellationToken) == WordBreak.Number, // WB11, WB12
            WordBreak.MidNumberOrLetter or WordBreak.SingleQuote => // WB6, WB7, WB11, WB12
                IsLetter(left)
                    ? IsLetter(Next(text, cancellationToken))
                    : left == WordBreak.Number && Next(text, cancellationToken) == WordBreak.Number,
            WordBreak.DoubleQuote => // WB7b, WB7c
                left == WordBreak.HebrewLetter && Next(text, cancellationToken) == WordBreak.HebrewLetter,
            _ => false,
        };

    /// <summary>Returns the class of the first character that is not ignored; <see cref="WordBreak.Other"/> for none.</summary>
    private static WordBreak Next(ReadOnlySpan<char> text, CancellationToken cancellationToken)
    {
        while (!text.IsEmpty)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var (next, size, _) = WordBreaks.First(text);
            if (!IsIgnored(next))
            {
                return next;
            }

            text = text[size..];
        }

        return WordBreak.Other;
    }

    /// <summary>
    /// Whether a character is an Extended_Pictographic. The framework knows that for its text elements only: one that another
    /// pictograph and a joiner start goes on with such a character.
    /// </summary>
    private static bool IsPictograph(ReadOnlySpan<char> character)
    {
        ReadOnlySpan<char> start = ['©', '\u200D'];
        Span<char> text = stackalloc char[start.Length + character.Length];
        start.CopyTo(text);
        character.CopyTo(text[start.Length..]);
        return StringInfo.GetNextTextElementLength(text) == text.Length;
    }
}
