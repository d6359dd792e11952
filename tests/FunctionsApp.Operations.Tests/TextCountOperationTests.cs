using System.Globalization;
using FsCheck;
using FsCheck.Fluent;

namespace FunctionsApp.Operations.Tests;

public class TextCountOperationTests
{
    /// <summary>What letters, clusters and lines are made of, lone surrogates among it.</summary>
    private static readonly Gen<string> Texts = Gen.Elements(
        "a", "Z", "9", " ", "'", "’", "-", "\r", "\n", "\r\n", "\u0301", "\u200d", "é", "ß", "中", "각", "ᄀ", "ᅡ", "ᆨ", "न", "ि", "क्", "٣",
        "🇩", "🇪", "👩", "👍", "🏽", "𝒳", "𐐀", "\ud83d", "\udc4d", "\u0000", "\u00ad").ListOf().Select(static parts => string.Concat(parts));

    // The clusters are examples of Unicode Standard Annex #29 and of the emoji sequences of UTS #51.
    [Theory]
    [InlineData("", 0)]
    [InlineData("abc", 3)]
    [InlineData("e\u0301", 1)]
    [InlineData("\r\n", 1)]
    [InlineData("🇩🇪🇫🇷", 2)]
    [InlineData("👨‍👩‍👧‍👦", 1)]
    [InlineData("👍🏽!", 2)]
    [InlineData("각", 1)]
    [InlineData("नि", 1)]
    public void Counts_characters_as_a_reader_does(string text, int expected)
    {
        Assert.Equal(expected, Count(text).Characters);
    }

    // The words of ICU4X's and unicode-segmentation's rule: a segment between default boundaries counts if it has a letter or a number.
    [Theory]
    [InlineData("", 0)]
    [InlineData(" \t-–…!", 0)]
    [InlineData("To be, or not to be.", 6)]
    [InlineData("don't won’t 'quoted' rock'n'roll", 4)]
    [InlineData("dogs' o''clock", 3)]
    [InlineData("room 101, ٣ apples", 4)]
    [InlineData("naïve cafe\u0301s Straße", 3)]
    [InlineData("Привет мир 你好", 4)]
    [InlineData("𝒳 a👍b", 3)]
    [InlineData("می\u200cخواهم", 1)]
    [InlineData("क्\u200dष co\u00adoperate word\u2060joiner", 3)]
    [InlineData("\u0301 \u200c \u200d", 0)]
    [InlineData("3.14 1,000.50 foo_bar 10:30", 5)]
    [InlineData("_ __ _a", 1)]
    [InlineData("˂ ˂a", 1)]
    [InlineData("e.g. example.com a.b. 3.", 4)]
    [InlineData("½ ² Ⅳ 1️⃣ 🇩🇪 ©", 4)]
    [InlineData("カタカナ ひら สวย", 1 + 2 + 3)]
    public void Counts_segments_with_a_letter_or_a_number_as_words(string text, int expected)
    {
        Assert.Equal(expected, Count(text).Words);
    }

    // What len(text.splitlines()) is in Python 3.13.
    [Theory]
    [InlineData("", 0)]
    [InlineData("a", 1)]
    [InlineData("\n", 1)]
    [InlineData("a\n", 1)]
    [InlineData("a\nb", 2)]
    [InlineData("a\r\nb\rc\n", 3)]
    [InlineData("\r\n\r\n", 2)]
    [InlineData("\n\r", 2)]
    [InlineData("\n\na", 3)]
    public void Counts_lines_as_splitlines_does(string text, int expected)
    {
        Assert.Equal(expected, Count(text).Lines);
    }

    [Fact]
    public void Lists_the_most_frequent_words_first_and_ties_in_ordinal_order()
    {
        Assert.Equal(
            [new WordCount("be", 2), new WordCount("to", 2), new WordCount("not", 1)],
            Count("To be, or not to be.", top: 3).Top);
    }

    [Fact]
    public void Counts_words_that_differ_only_in_case_as_one()
    {
        Assert.Equal([new WordCount("ärger", 3), new WordCount("ὀδυσσεύς", 2)], Count("Ärger ÄRGER ärger ὈΔΥΣΣΕΎΣ Ὀδυσσεύς").Top);
    }

    // str.lower() in Python 3.11.
    [Theory]
    [InlineData("İstanbul", "i\u0307stanbul")]
    [InlineData("İİ", "i\u0307i\u0307")]
    [InlineData("I", "i")]
    [InlineData("ı", "ı")]
    [InlineData("\u212aelvin", "kelvin")]
    [InlineData("STRAẞE", "straße")]
    [InlineData("ΟΔΟΣ", "οδος")]
    [InlineData("Σ", "σ")]
    [InlineData("ΣΑΣ", "σας")]
    [InlineData("ΑΣ\u0301", "ας\u0301")]
    [InlineData("ΑΣ'Α", "ασ'α")]
    [InlineData("ΣİΣ", "σi\u0307ς")]
    [InlineData("𐐀Σ", "𐐨ς")]
    [InlineData("ǅ", "ǆ")]
    public void Lower_cases_words_as_Unicode_does_in_every_language(string word, string expected)
    {
        Assert.Equal([new WordCount(expected, 1)], Count(word).Top);
    }

    [Fact]
    public void Lower_cases_words_of_any_length()
    {
        Assert.Equal([new WordCount(new string('a', 1_000), 1)], Count(new string('A', 1_000)).Top);
    }

    [Fact]
    public void Lists_no_words_if_top_is_0()
    {
        Assert.Empty(Count("a b c", top: 0).Top);
    }

    [Fact]
    public void Agrees_with_grouping_and_sorting_all_the_words()
    {
        var random = new Random(7);
        var words = Enumerable.Range(0, 20_000).Select(_ => "w" + (int)(1_000 * Math.Pow(random.NextDouble(), 2))).ToList();
        var expected = words
            .CountBy(word => word, StringComparer.Ordinal)
            .Select(word => new WordCount(word.Key, word.Value))
            .OrderByDescending(word => word.Count)
            .ThenBy(word => word.Word, StringComparer.Ordinal)
            .Take(100);

        var output = Count(string.Join(' ', words), top: 100);

        Assert.Equal(words.Count, output.Words);
        Assert.Equal(expected, output.Top);
    }

    [Fact]
    public void Counts_the_same_characters_as_the_framework() => Prop.ForAll(
        Texts.ToArbitrary(),
        static text => Assert.Equal(new StringInfo(text).LengthInTextElements, Count(text).Characters)).QuickCheckThrowOnFailure();

    [Fact]
    public void Counts_of_paragraphs_add_up() => Prop.ForAll(
        Texts.ToArbitrary(),
        Texts.ToArbitrary(),
        static (left, right) =>
        {
            var (first, second, both) = (Count(left + "\n\n", 1_000), Count(right, 1_000), Count(left + "\n\n" + right, 1_000));

            Assert.Equal(
                (first.Characters + second.Characters, first.Words + second.Words, first.Lines + second.Lines),
                (both.Characters, both.Words, both.Lines));
            Assert.Equal(both.Words, both.Top.Sum(static word => word.Count));
            Assert.Equal(
                first.Top.Concat(second.Top).GroupBy(static word => word.Word, static word => word.Count, StringComparer.Ordinal)
                    .ToDictionary(static word => word.Key, static word => word.Sum(), StringComparer.Ordinal),
                both.Top.ToDictionary(static word => word.Word, static word => word.Count, StringComparer.Ordinal));
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void Stops_when_cancelled()
    {
        Assert.Throws<OperationCanceledException>(() =>
            new TextCountOperation().Compute(new TextCountInput("text"), new CancellationToken(canceled: true)));
    }

    private static TextCountOutput Count(string text, int top = 10) => new TextCountOperation().Compute(new TextCountInput(text, top), default);
}
