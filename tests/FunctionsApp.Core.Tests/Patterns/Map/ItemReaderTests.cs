using System.Text.Json;
using FunctionsApp.Core.Json;
using FunctionsApp.Core.Json.Schema;
using FunctionsApp.Core.Patterns.Map;
using FunctionsApp.Core.Tests.Json;

namespace FunctionsApp.Core.Tests.Patterns.Map;

/// <summary>How the items of a map become inputs.</summary>
public sealed class ItemReaderTests
{
    [Theory]
    [InlineData("4", 4, 3)]
    [InlineData("""{"across":4}""", 4, 3)]
    [InlineData("""{"across":4,"down":5}""", 4, 5)]
    public void A_bare_value_goes_to_the_first_property(string json, int across, int down) =>
        Assert.Equal(new SamplePoint(across, down), MapItem.Read<SamplePoint>(json));

    [Fact]
    public void A_bare_array_goes_to_a_first_property_that_is_one() =>
        Assert.Equal([1, 2], MapItem.Read<SampleList>("[1,2]").Values);

    [Theory]
    [InlineData("null", " must be an integer from 0 to 9, not null")]
    [InlineData("[4]", " must be an integer from 0 to 9, not an array")]
    [InlineData("\"4\"", " must be an integer from 0 to 9, not a string")]
    [InlineData("10", " must be an integer from 0 to 9")]
    [InlineData("{}", "/across is required")]
    [InlineData("""{"across":10}""", "/across must be an integer from 0 to 9")]
    public void The_error_of_an_item_has_its_pointer_in_the_item(string json, string expected) =>
        Assert.Equal(expected, Samples.Lines(Samples.Refusal(() => MapItem.Read<SamplePoint>(json))));

    [Fact]
    public void An_error_inside_a_bare_value_keeps_its_path() =>
        Assert.Equal("/1 must be an integer from -2147483648 to 2147483647, not null", Samples.Lines(
            Samples.Refusal(() => MapItem.Read<SampleList>("[1,null]"))));

    [Theory]
    [InlineData("[4]", 4, 3)]
    [InlineData("[4,5]", 4, 5)]
    [InlineData("[ 4 ,\n5 ]", 4, 5)]
    [InlineData("[4,5,null]", 4, 5)]
    public void The_values_of_an_array_go_to_the_properties_in_order(string json, int across, int down) =>
        Assert.Equal(new SamplePoint(across, down), MapItem.Read<SamplePoint>(json, isStarmap: true));

    [Theory]
    [InlineData("[]", "/0 is required")]
    [InlineData("[1,2,null,4]", " must have at most 3 values, one for each property of the input")]
    [InlineData("[\"a\",true]", "/0 must be an integer from 0 to 9, not a string\n/1 must be an integer from -2147483648 to 2147483647, not a boolean")]
    [InlineData("[1,2,{\"name\":1,\"bogus\":2}]", "/2/name must be a string, not a number\n/2/bogus is not a known property; known are name, a/b~c")]
    [InlineData("4", " must be an array of the input's values, because starmap is set")]
    [InlineData("""{"across":4}""", " must be an array of the input's values, because starmap is set")]
    [InlineData("null", " must be an array of the input's values, because starmap is set")]
    public void An_error_in_an_array_of_values_has_the_pointer_of_the_value(string json, string expected) =>
        Assert.Equal(expected, Samples.Lines(Samples.Refusal(() => MapItem.Read<SamplePoint>(json, isStarmap: true))));

    [Fact]
    public void An_empty_array_is_the_input_that_has_no_properties() =>
        Assert.Equal(new SampleNothing(), MapItem.Read<SampleNothing>("[]", isStarmap: true));

    [Fact]
    public void A_bare_value_for_an_input_without_properties_is_an_error() =>
        Assert.Equal("/problems/invalid-request", Samples.Refusal(() => MapItem.Read<SampleNothing>("1")).Type);

    [Fact]
    public void A_name_that_JSON_must_escape_is_found_by_a_bare_value() =>
        Assert.Equal(7, MapItem.Read<SampleQuoted>("7").Value);

    [Fact]
    public void An_item_does_not_see_data_of_an_earlier_one()
    {
        Samples.Refusal(() => MapItem.Read<SamplePoint>("[1,2,{\"name\":\"" + new string('n', 100_000) + "\"},4]", isStarmap: true));

        Assert.Equal(new SamplePoint(8), MapItem.Read<SamplePoint>("8"));
    }

    [Fact]
    public void The_error_of_a_value_in_an_array_has_its_pointer_with_any_length_of_name()
    {
        // Where a long pointer is cut off, half of an escape may be left of it.
        var lengths = Enumerable.Range(980, 20).Select(static length => new string('n', length) + "~~~~");

        Assert.All(lengths, static name => Assert.StartsWith("/2/nnn", Assert.Single(
            Samples.Refusal(() => MapItem.Read<SamplePoint>($$"""[1,2,{"name":"n","{{name}}":1}]""", isStarmap: true)).Errors!).Key, StringComparison.Ordinal));
    }

    [Fact]
    public void A_read_value_keeps_its_JSON_when_the_next_one_is_read()
    {
        var reader = new ItemReader<SampleAny>(new JsonContract<SampleAny>());
        var first = reader.Read("[\"first\"]"u8, isStarmap: false, CoreJson.MaxDepth);
        _ = reader.Read("[\"other\"]"u8, isStarmap: false, CoreJson.MaxDepth);

        Assert.Equal("""["first"]""", first.Value.GetRawText());
    }

    private sealed record SampleList(IReadOnlyList<int> Values);

    private sealed record SampleAny(JsonElement Value);

    private sealed record SampleQuoted([property: System.Text.Json.Serialization.JsonPropertyName("a\"b\\")] int Value);
}
