using System.Globalization;
using System.Text;

namespace FunctionsApp.Operations;

/// <summary>How a character takes part in the rules of word boundaries: Word_Break of Unicode Standard Annex #29, table 3.</summary>
internal enum WordBreak : byte
{
    Other,
    LineEnd,
    Extend,
    Format,
    ZeroWidthJoiner,
    RegionalIndicator,
    Katakana,
    HebrewLetter,
    Letter,
    SingleQuote,
    DoubleQuote,
    MidNumberOrLetter,
    MidLetter,
    MidNumber,
    Number,
    Connector,
    Space,
}

/// <summary>
/// Classifies characters. The general category of a character decides, as the framework knows it; the tables have only those
/// characters for which it does not, from WordBreakProperty.txt of Unicode 15.
/// </summary>
internal static class WordBreaks
{
    private static readonly WordBreak[] Ascii =
        [.. Enumerable.Range(0, 128).Select(static value => Of(new Rune(value), Rune.GetUnicodeCategory(new Rune(value))))];

    /// <summary>
    /// First and last character and class, of letters that are no plain letters: those of scripts without spaces are each a word.
    /// </summary>
    private static ReadOnlySpan<int> Letters =>
    [
        0x05D0, 0x05F2, (int)WordBreak.HebrewLetter,
        0x0E01, 0x0EDF, (int)WordBreak.Other, // Thai, Lao
        0x1000, 0x109F, (int)WordBreak.Other, // Myanmar
        0x1780, 0x17DC, (int)WordBreak.Other, // Khmer
        0x1950, 0x19C9, (int)WordBreak.Other, // Tai Le, New Tai Lue
        0x1A20, 0x1AA7, (int)WordBreak.Other, // Tai Tham
        0x3006, 0x3029, (int)WordBreak.Other, // ideographs
        0x3031, 0x3035, (int)WordBreak.Katakana,
        0x3038, 0x303A, (int)WordBreak.Other,
        0x3041, 0x309F, (int)WordBreak.Other, // Hiragana
        0x30A1, 0x30FF, (int)WordBreak.Katakana,
        0x31F0, 0x31FF, (int)WordBreak.Katakana,
        0x3400, 0x9FFF, (int)WordBreak.Other, // ideographs
        0xA9E0, 0xA9FE, (int)WordBreak.Other, // Myanmar
        0xAA60, 0xAADD, (int)WordBreak.Other, // Myanmar, Tai Viet
        0xF900, 0xFAD9, (int)WordBreak.Other, // ideographs
        0xFB1D, 0xFB4F, (int)WordBreak.HebrewLetter,
        0xFF66, 0xFF9D, (int)WordBreak.Katakana,
        0xFF9E, 0xFF9F, (int)WordBreak.Extend,
        0x11700, 0x11746, (int)WordBreak.Other, // Ahom
        0x17000, 0x18DFF, (int)WordBreak.Other, // Tangut
        0x1AFF0, 0x1B000, (int)WordBreak.Katakana,
        0x1B001, 0x1B11F, (int)WordBreak.Other,
        0x1B120, 0x1B122, (int)WordBreak.Katakana,
        0x1B132, 0x1B152, (int)WordBreak.Other,
        0x1B155, 0x1B167, (int)WordBreak.Katakana,
        0x1B170, 0x1B2FB, (int)WordBreak.Other, // Nüshu
        0x20000, 0x3FFFD, (int)WordBreak.Other, // ideographs
    ];

    /// <summary>The same, of characters that are neither letters nor marks nor digits.</summary>
    private static ReadOnlySpan<int> Others =>
    [
        0x000A, 0x000D, (int)WordBreak.LineEnd,
        0x0022, 0x0022, (int)WordBreak.DoubleQuote,
        0x0027, 0x0027, (int)WordBreak.SingleQuote,
        0x002C, 0x002C, (int)WordBreak.MidNumber,
        0x002E, 0x002E, (int)WordBreak.MidNumberOrLetter,
        0x003A, 0x003A, (int)WordBreak.MidLetter,
        0x003B, 0x003B, (int)WordBreak.MidNumber,
        0x0085, 0x0085, (int)WordBreak.LineEnd,
        0x00A0, 0x00A0, (int)WordBreak.Other,
        0x00B7, 0x00B7, (int)WordBreak.MidLetter,
        0x02C2, 0x02C5, (int)WordBreak.Letter,
        0x02D2, 0x02D7, (int)WordBreak.Letter,
        0x02DE, 0x02DF, (int)WordBreak.Letter,
        0x02E5, 0x02EB, (int)WordBreak.Letter,
        0x02ED, 0x02FF, (int)WordBreak.Letter,
        0x037E, 0x037E, (int)WordBreak.MidNumber,
        0x0387, 0x0387, (int)WordBreak.MidLetter,
        0x055A, 0x055C, (int)WordBreak.Letter,
        0x055E, 0x055E, (int)WordBreak.Letter,
        0x055F, 0x055F, (int)WordBreak.MidLetter,
        0x0589, 0x0589, (int)WordBreak.MidNumber,
        0x058A, 0x058A, (int)WordBreak.Letter,
        0x05F3, 0x05F3, (int)WordBreak.Letter,
        0x05F4, 0x05F4, (int)WordBreak.MidLetter,
        0x060C, 0x060D, (int)WordBreak.MidNumber,
        0x066B, 0x066B, (int)WordBreak.Number,
        0x066C, 0x066C, (int)WordBreak.MidNumber,
        0x07F8, 0x07F8, (int)WordBreak.MidNumber,
        0x2007, 0x2007, (int)WordBreak.Other,
        0x200B, 0x200B, (int)WordBreak.Other,
        0x200C, 0x200C, (int)WordBreak.Extend,
        0x200D, 0x200D, (int)WordBreak.ZeroWidthJoiner,
        0x2018, 0x2019, (int)WordBreak.MidNumberOrLetter,
        0x2024, 0x2024, (int)WordBreak.MidNumberOrLetter,
        0x2027, 0x2027, (int)WordBreak.MidLetter,
        0x2028, 0x2029, (int)WordBreak.LineEnd,
        0x202F, 0x202F, (int)WordBreak.Connector,
        0x2044, 0x2044, (int)WordBreak.MidNumber,
        0x24B6, 0x24E9, (int)WordBreak.Letter,
        0x309B, 0x309C, (int)WordBreak.Katakana,
        0x30A0, 0x30A0, (int)WordBreak.Katakana,
        0x32D0, 0x32FE, (int)WordBreak.Katakana,
        0x3300, 0x3357, (int)WordBreak.Katakana,
        0xA708, 0xA721, (int)WordBreak.Letter,
        0xA789, 0xA78A, (int)WordBreak.Letter,
        0xAB5B, 0xAB5B, (int)WordBreak.Letter,
        0xFE10, 0xFE10, (int)WordBreak.MidNumber,
        0xFE13, 0xFE13, (int)WordBreak.MidLetter,
        0xFE14, 0xFE14, (int)WordBreak.MidNumber,
        0xFE50, 0xFE50, (int)WordBreak.MidNumber,
        0xFE52, 0xFE52, (int)WordBreak.MidNumberOrLetter,
        0xFE54, 0xFE54, (int)WordBreak.MidNumber,
        0xFE55, 0xFE55, (int)WordBreak.MidLetter,
        0xFF07, 0xFF07, (int)WordBreak.MidNumberOrLetter,
        0xFF0C, 0xFF0C, (int)WordBreak.MidNumber,
        0xFF0E, 0xFF0E, (int)WordBreak.MidNumberOrLetter,
        0xFF1A, 0xFF1A, (int)WordBreak.MidLetter,
        0xFF1B, 0xFF1B, (int)WordBreak.MidNumber,
        0x1F130, 0x1F149, (int)WordBreak.Letter,
        0x1F150, 0x1F169, (int)WordBreak.Letter,
        0x1F170, 0x1F189, (int)WordBreak.Letter,
        0x1F1E6, 0x1F1FF, (int)WordBreak.RegionalIndicator,
        0x1F3FB, 0x1F3FF, (int)WordBreak.Extend,
        0xE0020, 0xE007F, (int)WordBreak.Extend,
    ];

    /// <summary>Returns the class of the first character, its length, and whether it is a letter or a number.</summary>
    public static (WordBreak Class, int Length, bool IsLetterOrNumber) First(ReadOnlySpan<char> text)
    {
        var first = text[0];
        if (char.IsAscii(first))
        {
            return (Ascii[first], 1, char.IsAsciiLetterOrDigit(first));
        }

        // Half of a surrogate pair is decoded as U+FFFD, which is neither.
        Rune.DecodeFromUtf16(text, out var rune, out var length);
        var category = Rune.GetUnicodeCategory(rune);
        var isLetterOrNumber =
            category is <= UnicodeCategory.OtherLetter or (>= UnicodeCategory.DecimalDigitNumber and <= UnicodeCategory.OtherNumber);
        return (Of(rune, category), length, isLetterOrNumber);
    }

    /// <summary>Returns the class of a character.</summary>
    public static WordBreak Of(Rune rune, UnicodeCategory category) => category switch
    {
        UnicodeCategory.UppercaseLetter or UnicodeCategory.LowercaseLetter or UnicodeCategory.TitlecaseLetter => WordBreak.Letter,
        UnicodeCategory.ModifierLetter or UnicodeCategory.OtherLetter or UnicodeCategory.LetterNumber =>
            Find(Letters, rune.Value) ?? WordBreak.Letter,
        UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark or UnicodeCategory.EnclosingMark => WordBreak.Extend,
        UnicodeCategory.DecimalDigitNumber => WordBreak.Number,
        UnicodeCategory.ConnectorPunctuation => WordBreak.Connector,
        UnicodeCategory.Format => Find(Others, rune.Value) ?? WordBreak.Format,
        UnicodeCategory.SpaceSeparator => Find(Others, rune.Value) ?? WordBreak.Space,
        _ => Find(Others, rune.Value) ?? WordBreak.Other,
    };

    private static WordBreak? Find(ReadOnlySpan<int> table, int value)
    {
        var (low, high) = (0, (table.Length / 3) - 1);
        while (low <= high)
        {
            var middle = (low + high) / 2;
            if (value < table[3 * middle])
            {
                high = middle - 1;
            }
            else if (value > table[(3 * middle) + 1])
            {
                low = middle + 1;
            }
            else
            {
                return (WordBreak)table[(3 * middle) + 2];
            }
        }

        return null;
    }
}
