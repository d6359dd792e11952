using System.Text;
using System.Text.Json;
using FsCheck;
using FsCheck.Fluent;
using FunctionsApp.Core.Json;

namespace FunctionsApp.Core.Tests.Json;

/// <summary>Items are found where the framework's reader finds them, wherever the blocks of 64 bytes begin.</summary>
public sealed class ItemIndexTests
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
            var index = ItemIndex.OfArray(Encoding.UTF8.GetBytes(text), sent.before + 1)!;
            var expected = JsonElement.Parse(sent.array).EnumerateArray().Select(static element => element.GetRawText()).ToArray();

            Assert.Equal(expected, Items(index));
            Assert.Equal(sent.before + Encoding.UTF8.GetByteCount(sent.array) - 1, index.End);
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(3_000));

    /// <summary>Whatever the bytes, items are found again from any of them.</summary>
    [Fact]
    public void Any_item_is_found_alone() =>
        Prop.ForAll(Gen.Elements("\"", "\\", ",", "[", "]", "{", "}", "1", " ").ListOf(400).Select(static parts => string.Concat(parts)).ToArbitrary(), static text =>
        {
            if (ItemIndex.OfArray(Encoding.UTF8.GetBytes("[" + text), 1) is { Count: > 0 } index)
            {
                var all = Items(index);
                for (var i = 0; i < index.Count; i++)
                {
                    var items = index.From(i);
                    Assert.Equal(all[i], Encoding.UTF8.GetString(index.Text[items.Next()]));
                }
            }
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(1_000));

    [Theory]
    [InlineData("[", 10)]
    [InlineData("[1,2", 10)]
    [InlineData("[\"]", 10)]
    [InlineData("[[[]]]", 1)]
    public void An_array_that_does_not_end_or_nests_too_deeply_is_refused(string text, int maxDepth) =>
        Assert.Null(ItemIndex.OfArray(Encoding.UTF8.GetBytes(text), 1, maxDepth));

    [Fact]
    public void A_million_elements_are_found()
    {
        var index = ItemIndex.OfArray(Encoding.UTF8.GetBytes($"[{string.Join(',', Enumerable.Range(0, 1_000_000))}]"), 1)!;

        Assert.Equal(1_000_000, index.Count);
        foreach (var i in (int[])[0, 1, 63, 64, 65, 999_999])
        {
            var items = index.From(i);
            Assert.Equal($"{i}", Encoding.UTF8.GetString(index.Text[items.Next()]));
        }
    }

    private static string[] Items(ItemIndex index)
    {
        var texts = new string[index.Count];
        var items = index.Count > 0 ? index.From(0) : default;
        for (var i = 0; i < texts.Length; i++)
        {
            texts[i] = Encoding.UTF8.GetString(index.Text[items.Next()]);
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
