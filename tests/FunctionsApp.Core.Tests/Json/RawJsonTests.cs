using System.Text.Json;
using FunctionsApp.Core.Json;

namespace FunctionsApp.Core.Tests.Json;

public sealed class RawJsonTests
{
    private const int Piece = 16 * 1024;

    [Fact]
    public void A_default_instance_is_null() => Assert.Equal("null", default(RawJson).ToString());

    [Fact]
    public void A_default_instance_is_written_as_null() => Assert.Equal("[null]", Write([default]));

    [Fact]
    public void A_value_is_written_as_it_is() =>
        Assert.Equal("""[{"a": 1e400 },"\u00e4"]""", Write([From("""{"a": 1e400 }"""), From("\"\\u00e4\"")]));

    [Fact]
    public void A_value_remains_valid_after_its_document_is_disposed()
    {
        RawJson copy;
        using (var document = JsonDocument.Parse("""{"a":[1,"x"]}"""))
        {
            copy = RawJson.From(document.RootElement.GetProperty("a"));
        }

        Assert.Equal("""[1,"x"]""", copy.ToString());
    }

    [Fact]
    public void A_value_is_read_as_it_is_written() =>
        Assert.Equal(["1e400", "null", """{"b":[ ]}"""],
            JsonSerializer.Deserialize("""[1e400,null,{"b":[ ]}]""", CoreJson.TypeInfo<List<RawJson>>())!.Select(static value => value.ToString()));

    [Fact]
    public void Text_is_written_unescaped_where_JSON_allows_it() =>
        Assert.Equal("\"ä<>&'+\\\"\\\\\\n\"", RawJson.From("ä<>&'+\"\\\n", CoreJson.TypeInfo<string>()).ToString());

    [Fact]
    public void A_value_may_be_deeper_than_any_request_when_it_is_parsed()
    {
        var json = new string('[', 600) + new string(']', 600);

        Assert.Equal(json, From(json).ToElement().GetRawText());
    }

    /// <summary>Long texts are written in pieces of 16 Ki characters, and a character may be two of them.</summary>
    [Fact]
    public void A_long_text_is_written_as_a_short_one_is()
    {
        string[] middles = ["\U0001F600", "\U0001F600\U0001F600", "\"", "\\", "\n", "\u0001", "é", "€", "\uD83D", "\uDE00", "\uD83D\"", "\uDE00\uD83D", ""];
        foreach (var before in (int[])[Piece - 3, Piece - 2, Piece - 1, Piece, (2 * Piece) - 1])
        {
            foreach (var middle in middles)
            {
                foreach (var after in (int[])[0, 1, Piece - 1, Piece])
                {
                    EnsureSame(new string('a', before) + middle + new string('b', after));
                }
            }
        }
    }

    [Theory]
    [InlineData("\U0001F600")]
    [InlineData("\"\\")]
    [InlineData("\u0001")]
    [InlineData("€")]
    [InlineData("\uD83D")]
    public void A_long_text_may_grow_as_it_is_written(string characters)
    {
        EnsureSame(string.Concat(Enumerable.Repeat(characters, 50_000)));
        EnsureSame("a" + string.Concat(Enumerable.Repeat(characters, 50_000)));
    }

    [Theory]
    [InlineData("{\"a\":\r\n [1,\n\t2],\r\"b\":\"x\\ny\"}", "{\"a\":[1,2],\"b\":\"x\\ny\"}")]
    [InlineData("[\"a \\\" , b\\\\\",\n true , \"\" ]", "[\"a \\\" , b\\\\\",true,\"\"]")]
    [InlineData("\n1\n", "1")]
    public void A_value_on_one_line_is_the_same_value(string json, string expected)
    {
        var line = From(json).OnOneLine();

        Assert.Equal(expected, line.ToString());
        Assert.True(JsonElement.DeepEquals(From(json).ToElement(), line.ToElement()));
    }

    [Fact]
    public void A_value_that_is_on_one_line_is_not_copied()
    {
        var value = From("""{"a": "x\ny"}""");

        Assert.True(value.Utf8.Span == value.OnOneLine().Utf8.Span);
    }

    [Fact]
    public void Putting_a_value_on_one_line_does_not_change_its_source()
    {
        var value = From("[1,\n2]");

        value.OnOneLine();

        Assert.Equal("[1,\n2]", value.ToString());
    }

    private static void EnsureSame(string text)
    {
        var (expected, actual) = (JsonSerializer.Serialize(text, CoreJson.TypeInfo<string>()), RawJson.From(text, CoreJson.TypeInfo<string>()).ToString());

        // Not Assert.Equal: it would print a hundred thousand characters.
        Assert.True(string.Equals(expected, actual, StringComparison.Ordinal), $"{text.Length} characters, different at {expected.AsSpan().CommonPrefixLength(actual)}");
    }

    private static RawJson From(string json) => RawJson.FromUtf8(System.Text.Encoding.UTF8.GetBytes(json));

    private static string Write(List<RawJson> values) => JsonSerializer.Serialize(values, CoreJson.TypeInfo<List<RawJson>>());
}
