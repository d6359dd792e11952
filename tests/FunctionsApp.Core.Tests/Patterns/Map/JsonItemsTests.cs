using System.Text;
using System.Text.Json;
using FsCheck;
using FsCheck.Fluent;
using FunctionsApp.Core.Patterns.Map;
using FunctionsApp.Core.Problems;

namespace FunctionsApp.Core.Tests.Patterns.Map;

/// <summary>Items are found where the framework's reader finds them.</summary>
public sealed class JsonItemsTests
{
    private static readonly Gen<string> Strings = Gen.Elements("a", ",", "]", "[", "{", "}", " ", "é", "\\\"", "\\\\", "\\n", "\\u00e9", "\U0001F600").ListOf()
        .Select(static parts => $"\"{string.Concat(parts)}\"");

    private static readonly Gen<string> Spaces = Gen.Frequency((6, Gen.Constant("")), (1, Gen.Elements(" ", "\n", "\r\n", "\t ")));

    private static readonly Gen<string> Scalars = Gen.OneOf(Strings, Gen.Elements("0", "-12.5e3", "123456789", "true", "null"));

    private static readonly Gen<string> Arrays = Gen.Sized(static size => Array(Math.Min(size / 12, 4)));

    [Fact]
    public void The_index_has_the_elements_of_the_array() =>
        Prop.ForAll((from before in Gen.Choose(0, 70) from array in Arrays select (before, array)).ToArbitrary(), static sent =>
        {
            var text = new string(' ', sent.before) + sent.array + " , ]";
            var items = Read(text, sent.before + 1)!;
            var expected = JsonElement.Parse(sent.array).EnumerateArray().Select(static element => element.GetRawText()).ToArray();

            Assert.Equal(expected, Texts(items));
            Assert.Equal(sent.before + Encoding.UTF8.GetByteCount(sent.array), items.End);
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(3_000));

    /// <summary>Whatever the bytes: an array is read if it is JSON, and each of its items is found again.</summary>
    [Fact]
    public void Only_JSON_is_read_and_any_item_is_found_alone() =>
        Prop.ForAll(Gen.Elements("\"", "\\", ",", ",", "[", "]", "{", "}", "1", "1", "-2", " ").ListOf().Select(static parts => string.Concat(parts)).ToArbitrary(), static text =>
        {
            var array = $"[{text}]";
            JsonItems? items = null;
            var isRefused = Record.Exception(() => items = Read(array, 1)) is ProblemException || items is null || items.End < array.Length;

            Assert.Equal(IsJson(array), !isRefused);
            if (items is not null)
            {
                var all = Texts(items);
                var buffer = new JsonBuffer(items);
                for (var i = 0; i < items.Count; i++)
                {
                    var at = buffer.Find(i);
                    Assert.Equal(all[i], Encoding.UTF8.GetString(items.Text.Span[buffer.Next(items.Text.Span, ref at)]));
                }
            }
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(3_000));

    [Theory]
    [InlineData("[")]
    [InlineData("[1,2")]
    [InlineData("[1,2}")]
    [InlineData("[\"]")]
    [InlineData("[\"\\ud800\"]")]
    public void An_array_that_does_not_end_or_is_not_Unicode_is_none(string text) => Assert.Null(Read(text, 1));

    [Theory]
    [InlineData("[1,,2]", "malformed-json")]
    [InlineData("[1,]", "malformed-json")]
    [InlineData("[01]", "malformed-json")]
    [InlineData("[-]", "malformed-json")]
    [InlineData("[1 2]", "malformed-json")]
    [InlineData("[[[]]]", "too-large")]
    public void An_element_that_is_not_JSON_or_nests_too_deep_is_refused(string text, string expected) =>
        Assert.Equal(expected, Assert.Throws<ProblemException>(() => Read(text, 1, maxDepth: 1)).Problem.Slug);

    [Fact]
    public void A_million_elements_are_found()
    {
        var buffer = new JsonBuffer(Read($"[{string.Join(',', Enumerable.Range(0, 1_000_000))}]", 1)!);
        var text = buffer.Text.Span;

        Assert.Equal(1_000_000, buffer.Count);
        foreach (var i in (int[])[0, 1, 63, 64, 65, 999_999])
        {
            var at = buffer.Find(i);
            Assert.Equal($"{i}", Encoding.UTF8.GetString(text[buffer.Next(text, ref at)]));
        }
    }

    private static JsonItems? Read(string text, int start, int maxDepth = 100) => JsonItems.Read(Encoding.UTF8.GetBytes(text), start, maxDepth);

    private static bool IsJson(string text)
    {
        try
        {
            _ = JsonElement.Parse(text);
            return true;
        }
        catch (JsonException)
        {
            return false;
        }
    }

    private static string[] Texts(JsonItems items)
    {
        var texts = new string[items.Count];
        var at = items.Count > 0 ? items.Index.Find(0).Start : 0;
        for (var i = 0; i < texts.Length; i++)
        {
            texts[i] = Encoding.UTF8.GetString(items.Text.Span[JsonItems.Next(items.Text.Span, ref at)]);
        }

        return texts;
    }

    private static Gen<string> Array(int depth) =>
        from values in Spaced(Value(depth)).ListOf()
        from space in Spaces
        select $"[{(values.Count == 0 ? space : string.Join(',', values))}]";

    private static Gen<string> Spaced(Gen<string> values) => from before in Spaces from value in values from after in Spaces select before + value + after;

    private static Gen<string> Value(int depth) => depth == 0 ? Scalars : Gen.Frequency(
        (4, Scalars),
        (1, Array(depth - 1)),
        (1, (from name in Strings from value in Spaced(Value(depth - 1)) select $"{{{name}:{value}}}")));
}
