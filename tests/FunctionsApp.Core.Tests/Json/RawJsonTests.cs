using System.Text.Json;
using FunctionsApp.Core.Json;

namespace FunctionsApp.Core.Tests.Json;

public sealed class RawJsonTests
{
    [Fact]
    public void A_default_instance_is_null() => Assert.Equal("null", default(RawJson).ToString());

    [Fact]
    public void A_default_instance_is_written_as_null() => Assert.Equal("[null]", Write([default]));

    [Fact]
    public void A_value_is_written_as_it_is() =>
        Assert.Equal("""[{"a": 1e400 },"\u00e4"]""", Write([From("""{"a": 1e400 }"""), From("\"\\u00e4\"")]));

    [Fact]
    public void A_value_outlives_the_document_it_was_copied_from()
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

    private static RawJson From(string json) => RawJson.FromUtf8(System.Text.Encoding.UTF8.GetBytes(json));

    private static string Write(List<RawJson> values) => JsonSerializer.Serialize(values, CoreJson.TypeInfo<List<RawJson>>());
}
