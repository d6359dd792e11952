using System.Buffers;
using System.Globalization;
using System.Text;

namespace FunctionsApp.Operations;

/// <summary>
/// The lower case of Unicode without a language: the framework's simple mappings, and the two of SpecialCasing.txt that depend on more
/// than a character, or are more than one.
/// </summary>
internal static class LowerCase
{
    private const char DottedCapitalI = 'İ';
    private const char CapitalSigma = 'Σ';

    private static readonly SearchValues<char> Special = SearchValues.Create([DottedCapitalI, CapitalSigma]);

    /// <summary>Returns a word in lower case.</summary>
    /// <param name="word">The word.</param>
    /// <param name="buffer">Where to write it; replaced if it is too small.</param>
    public static ReadOnlySpan<char> Of(ReadOnlySpan<char> word, ref char[] buffer)
    {
        // An İ becomes two characters.
        if (buffer.Length < 2 * word.Length)
        {
            buffer = new char[4 * word.Length];
        }

        word.ToLowerInvariant(buffer);
        return word.ContainsAny(Special) ? buffer.AsSpan(0, Correct(word, buffer)) : buffer.AsSpan(0, word.Length);
    }

    /// <summary>Writes the special mappings of a word over its simple ones, and returns the length of the whole.</summary>
    private static int Correct(ReadOnlySpan<char> word, Span<char> lower)
    {
        var length = word.Length + word.Count(DottedCapitalI);

        // From the end, so that nothing is overwritten before it is read.
        for (var (from, to) = (word.Length - 1, length - 1); from >= 0; from--)
        {
            if (word[from] == DottedCapitalI)
            {
                lower[to--] = '\u0307';
                lower[to--] = 'i';
            }
            else
            {
                lower[to--] = word[from] == CapitalSigma && IsFinal(word, from) ? 'ς' : lower[from];
            }
        }

        return length;
    }

    /// <summary>The condition Final_Sigma: a cased letter comes before, and none after; what has no case in between is ignored.</summary>
    private static bool IsFinal(ReadOnlySpan<char> word, int index)
    {
        var before = word[..index];
        var after = word[(index + 1)..];
        while (Rune.DecodeLastFromUtf16(before, out var rune, out var size) == OperationStatus.Done && IsCaseIgnorable(rune))
        {
            before = before[..^size];
        }

        while (Rune.DecodeFromUtf16(after, out var rune, out var size) == OperationStatus.Done && IsCaseIgnorable(rune))
        {
            after = after[size..];
        }

        return Rune.DecodeLastFromUtf16(before, out var left, out _) == OperationStatus.Done && IsCased(left)
            && !(Rune.DecodeFromUtf16(after, out var right, out _) == OperationStatus.Done && IsCased(right));
    }

    private static bool IsCased(Rune rune) =>
        Rune.GetUnicodeCategory(rune)
            is UnicodeCategory.UppercaseLetter or UnicodeCategory.LowercaseLetter or UnicodeCategory.TitlecaseLetter;

    private static bool IsCaseIgnorable(Rune rune) => Rune.GetUnicodeCategory(rune) is var category
        && (category is UnicodeCategory.NonSpacingMark or UnicodeCategory.EnclosingMark or UnicodeCategory.Format
                or UnicodeCategory.ModifierLetter or UnicodeCategory.ModifierSymbol
            || WordBreaks.Of(rune, category) is WordBreak.SingleQuote or WordBreak.MidLetter or WordBreak.MidNumberOrLetter);
}
