using System.Globalization;
using System.Text;

namespace FunctionsApp.Operations.Tests;

public class WordSegmentTests
{
    // tests/Vectors/WordBreakTest.txt is that of Unicode 15, without its comments: ÷ is a boundary, × is none.
    [Fact]
    public void Has_the_boundaries_of_the_test_that_Unicode_publishes()
    {
        foreach (var line in File.ReadLines(Vectors.PathOf("WordBreakTest.txt")).Where(static line => !line.StartsWith('#')))
        {
            var segments = line.Split('÷', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
                .Select(static segment => string.Concat(segment.Split(" × ").Select(static point => Character(point))));

            Assert.Equal((line, string.Join('|', segments)), (line, string.Join('|', Split(string.Concat(segments)))));
        }
    }

    // tests/Vectors/WordBreakProperty.txt is that of Unicode 15, without its comments.
    [Fact]
    public void Classifies_characters_as_Unicode_lists_them()
    {
        foreach (var line in File.ReadLines(Vectors.PathOf("WordBreakProperty.txt")).Where(static line => !line.StartsWith('#')))
        {
            var (range, name) = (line.Split(';')[0].Split(".."), line.Split(';')[1]);
            for (var value = Value(range[0]); value <= Value(range[^1]); value++)
            {
                var rune = new Rune(value);

                Assert.Equal((line, ClassOf(name)), (line, WordBreaks.Of(rune, Rune.GetUnicodeCategory(rune))));
            }
        }
    }

    [Theory]
    [InlineData("a‍👍 b", "a‍👍| |b")]
    [InlineData("می‌خواهم بروم", "می‌خواهم| |بروم")]
    [InlineData("ה'א\"ב צ' \"", "ה'א\"ב| |צ'| |\"")]
    public void Does_not_split_one_word(string text, string expected)
    {
        Assert.Equal(expected, string.Join('|', Split(text)));
    }

    [Fact]
    public void Treats_half_of_a_surrogate_pair_as_a_segment()
    {
        Assert.Equal(["\ud83d\udc4d", "\ud83d", " ", "a", "\udc4d"], Split("\ud83d\udc4d\ud83d a\udc4d"));
    }

    [Fact]
    public void Stops_when_cancelled()
    {
        Assert.Throws<OperationCanceledException>(() => WordSegment.First("text", new CancellationToken(canceled: true)));
    }

    private static List<string> Split(string text)
    {
        var segments = new List<string>();
        for (var start = 0; start < text.Length; start += segments[^1].Length)
        {
            segments.Add(text.Substring(start, WordSegment.First(text.AsSpan(start), default).Length));
        }

        return segments;
    }

    private static int Value(string hex) => int.Parse(hex, NumberStyles.HexNumber, CultureInfo.InvariantCulture);

    private static string Character(string hex) => char.ConvertFromUtf32(Value(hex));

    private static WordBreak ClassOf(string name) => name switch
    {
        "CR" or "LF" or "Newline" => WordBreak.LineEnd,
        "ZWJ" => WordBreak.ZeroWidthJoiner,
        "Regional_Indicator" => WordBreak.RegionalIndicator,
        "Hebrew_Letter" => WordBreak.HebrewLetter,
        "ALetter" => WordBreak.Letter,
        "Single_Quote" => WordBreak.SingleQuote,
        "Double_Quote" => WordBreak.DoubleQuote,
        "MidNumLet" => WordBreak.MidNumberOrLetter,
        "MidLetter" => WordBreak.MidLetter,
        "MidNum" => WordBreak.MidNumber,
        "Numeric" => WordBreak.Number,
        "ExtendNumLet" => WordBreak.Connector,
        "WSegSpace" => WordBreak.Space,
        _ => Enum.Parse<WordBreak>(name),
    };
}
