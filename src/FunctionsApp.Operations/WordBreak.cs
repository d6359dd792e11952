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
/// Classifies characters. The general category of a character decides, as the framework knows it; the lists have only those
/// characters for which it does not, from WordBreakProperty.txt of Unicode 15.
/// </summary>
internal static class WordBreaks
{
    private static readonly WordBreak[] Ascii =
        [.. Enumerable.Range(0, 128).Select(static value => Of(new Rune(value), Rune.GetUnicodeCategory(new Rune(value))))];

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
        UnicodeCategory.ModifierLetter or UnicodeCategory.OtherLetter or UnicodeCategory.LetterNumber => OfLetter(rune.Value),
        UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark or UnicodeCategory.EnclosingMark => WordBreak.Extend,
        UnicodeCategory.DecimalDigitNumber => WordBreak.Number,
        UnicodeCategory.ConnectorPunctuation => WordBreak.Connector,
        UnicodeCategory.Format => OfOther(rune.Value) ?? WordBreak.Format,
        UnicodeCategory.SpaceSeparator => OfOther(rune.Value) ?? WordBreak.Space,
        _ => OfOther(rune.Value) ?? WordBreak.Other,
    };

    /// <summary>Returns the class of a letter. Each letter of a script without spaces is a word of its own.</summary>
    private static WordBreak OfLetter(int letter) => letter switch
    {
        (>= 0x05D0 and <= 0x05F2) or (>= 0xFB1D and <= 0xFB4F) => WordBreak.HebrewLetter,
        (>= 0x3031 and <= 0x3035) or (>= 0x30A1 and <= 0x30FF) or (>= 0x31F0 and <= 0x31FF) or (>= 0xFF66 and <= 0xFF9D)
            or (>= 0x1AFF0 and <= 0x1B000) or (>= 0x1B120 and <= 0x1B122) or (>= 0x1B155 and <= 0x1B167) => WordBreak.Katakana,
        0xFF9E or 0xFF9F => WordBreak.Extend,
        (>= 0x0E01 and <= 0x0EDF) // Thai, Lao
            or (>= 0x1000 and <= 0x109F) or (>= 0xA9E0 and <= 0xA9FE) or (>= 0xAA60 and <= 0xAADD) // Myanmar, Tai Viet
            or (>= 0x1780 and <= 0x17DC) // Khmer
            or (>= 0x1950 and <= 0x19C9) or (>= 0x1A20 and <= 0x1AA7) // Tai Le, New Tai Lue, Tai Tham
            or (>= 0x3041 and <= 0x309F) or (>= 0x1B001 and <= 0x1B11F) or (>= 0x1B132 and <= 0x1B152) // Hiragana
            or (>= 0x3006 and <= 0x303A) or (>= 0x3400 and <= 0x9FFF) or (>= 0xF900 and <= 0xFAD9) or >= 0x20000 // ideographs
            or (>= 0x11700 and <= 0x11746) or (>= 0x17000 and <= 0x18DFF) or (>= 0x1B170 and <= 0x1B2FB) // Ahom, Tangut, Nüshu
            => WordBreak.Other,
        _ => WordBreak.Letter,
    };

    /// <summary>Returns the class of a character that is neither a letter nor a mark nor a digit; null if its category decides.</summary>
    private static WordBreak? OfOther(int character) => character switch
    {
        (>= '\n' and <= '\r') or 0x0085 or 0x2028 or 0x2029 => WordBreak.LineEnd,
        '"' => WordBreak.DoubleQuote,
        '\'' => WordBreak.SingleQuote,
        '.' or 0x2018 or 0x2019 or 0x2024 or 0xFE52 or 0xFF07 or 0xFF0E => WordBreak.MidNumberOrLetter,
        ':' or 0x00B7 or 0x0387 or 0x055F or 0x05F4 or 0x2027 or 0xFE13 or 0xFE55 or 0xFF1A => WordBreak.MidLetter,
        ',' or ';' or 0x037E or 0x0589 or 0x060C or 0x060D or 0x066C or 0x07F8 or 0x2044 or 0xFE10 or 0xFE14 or 0xFE50 or 0xFE54
            or 0xFF0C or 0xFF1B => WordBreak.MidNumber,
        0x066B => WordBreak.Number,
        (>= 0x02C2 and <= 0x02C5) or (>= 0x02D2 and <= 0x02D7) or 0x02DE or 0x02DF or (>= 0x02E5 and <= 0x02FF)
            or (>= 0x055A and <= 0x055C) or 0x055E or 0x058A or 0x05F3 or (>= 0x24B6 and <= 0x24E9)
            or (>= 0xA708 and <= 0xA721) or 0xA789 or 0xA78A or 0xAB5B
            or (>= 0x1F130 and <= 0x1F149) or (>= 0x1F150 and <= 0x1F169) or (>= 0x1F170 and <= 0x1F189) => WordBreak.Letter,
        0x309B or 0x309C or 0x30A0 or (>= 0x32D0 and <= 0x32FE) or (>= 0x3300 and <= 0x3357) => WordBreak.Katakana,
        0x200C or (>= 0x1F3FB and <= 0x1F3FF) or (>= 0xE0020 and <= 0xE007F) => WordBreak.Extend,
        0x200D => WordBreak.ZeroWidthJoiner,
        0x202F => WordBreak.Connector,
        (>= 0x1F1E6 and <= 0x1F1FF) => WordBreak.RegionalIndicator,
        0x00A0 or 0x2007 or 0x200B => WordBreak.Other,
        _ => null,
    };
}
