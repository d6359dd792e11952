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
    /// <summary>Returns a word in lower case.</summary>
    /// <param name="word">The word.</param>
    /// <param name="buffer">Where to write it; replaced if it is too small.</param>
    public static ReadOnlySpan<char> Of(ReadOnlySpan<char> word, ref char[] buffer)
    {
        if (word.Contains('İ'))
        {
            word = word.ToString().Replace("İ", "i\u0307", StringComparison.Ordinal);
        }

        if (buffer.Length < word.Length)
        {
            buffer = new char[2 * word.Length];
        }

        word.ToLowerInvariant(buffer);
        for (var i = word.IndexOf('Σ'); i >= 0 && i < word.Length; i++)
        {
            if (word[i] == 'Σ' && IsFinal(word, i))
            {
                buffer[i] = 'ς';
            }
        }

        return buffer.AsSpan(0, word.Length);
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
