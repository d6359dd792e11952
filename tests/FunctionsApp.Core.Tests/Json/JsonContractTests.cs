using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Text;
using System.Text.Json;
using FunctionsApp.Core.Json;

namespace FunctionsApp.Core.Tests.Json;

public sealed class JsonContractTests
{
    [Fact]
    public void The_schema_matches_the_attributes() =>
        Assert.Equal(
            """
            {"type":"object","properties":{"across":{"type":"integer","description":"Across.","minimum":0,"maximum":9},"down":{"type":"integer","default":3,"description":"Down.","minimum":-2147483648,"maximum":2147483647},"part":{"type":["object","null"],"properties":{"name":{"type":"string"},"a/b~c":{"type":["integer","null"],"format":"int64","minimum":-9223372036854775808,"maximum":9223372036854775807}},"required":["name"],"additionalProperties":false,"default":null}},"required":["across"],"additionalProperties":false}
            """,
            Samples.Point.Schema.ToJsonString(CoreJson.Options));

    [Theory]
    [InlineData("x", """{"type":"number"}""")]
    [InlineData("small", """{"type":["integer","null"],"minimum":-5,"maximum":10}""")]
    [InlineData("ratio", """{"type":["number","null"],"minimum":0.5,"maximum":1.5}""")]
    [InlineData("text", """{"type":["string","null"],"minLength":2,"maxLength":4}""")]
    [InlineData("flags", """{"type":["array","null"],"items":{"type":"boolean"},"minItems":1,"maxItems":2}""")]
    [InlineData("map", """{"type":["object","null"],"additionalProperties":{"type":"integer","minimum":-2147483648,"maximum":2147483647}}""")]
    public void A_property_has_the_schema_of_its_type_and_attributes(string property, string expected) =>
        Assert.Equal(expected, Samples.Contract.Schema["properties"]![property]!.ToJsonString());

    [Fact]
    public void A_property_of_any_kind_with_a_default_keeps_its_description() =>
        Assert.Equal("What it is.", new JsonContract<SampleDescribed>().Schema["properties"]!["value"]!["description"]?.GetValue<string>());

    [Fact]
    public void Absent_properties_have_their_defaults() => Assert.Equal(new SamplePoint(1, 3), Samples.Point.Read("""{"across":1}"""u8, ""));

    [Fact]
    public void Every_property_is_read()
    {
        var part = Samples.Read("""{"x":1,"part":{"name":"n","a/b~c":7}}""").Part;

        Assert.Equal(new SamplePart { Name = "n", Odd = 7 }, part);
    }

    [Fact]
    public void Errors_are_reported_below_the_given_pointer() =>
        Assert.Equal("/steps/3/input/x is required", Samples.Lines(Samples.Refusal(() => Samples.Contract.Read("{}"u8, "/steps/3/input"))));

    [Fact]
    public void The_error_of_a_whole_value_has_the_given_pointer() =>
        Assert.Equal("/input must be an object, not null", Samples.Lines(Samples.Refusal(() => Samples.Contract.Read("null"u8, "/input"))));

    [Theory]
    [InlineData("""{"x":1,"bytes":"?"}""", "/bytes")]
    [InlineData("""{"x":1,"map":{"k":3000000000}}""", "/map/k")]
    [InlineData("""{"x":1,"map":{"a.b":3000000000}}""", "/map/a.b")]
    [InlineData("""{"x":1,"map":{"a b":3000000000}}""", "/map/a b")]
    [InlineData("""{"x":1,"map":{"a/b":3000000000}}""", "/map/a~1b")]
    [InlineData("""{"x":1,"map":{"a~b":3000000000}}""", "/map/a~0b")]
    [InlineData("""{"x":1,"map":{"a]b":3000000000}}""", "/map/a]b")]
    [InlineData("""{"x":1,"map":{"a[0]":3000000000}}""", "/map/a[0]")]
    [InlineData("""{"x":1,"map":{"it's":3000000000}}""", "/map/it's")]
    [InlineData("""{"x":1,"map":{"'q'":3000000000}}""", "/map/'q'")]
    [InlineData("""{"x":1,"map":{"":3000000000}}""", "/map/")]
    public void A_value_that_only_a_converter_refuses_is_an_error_at_its_pointer(string json, string pointer) =>
        Assert.Equal(pointer, Assert.Single(Samples.Refusal(() => Samples.Read(json)).Errors!).Key);

    [Theory]
    [InlineData("""{"x":1,"map":{"k":1,"k":2}}""", "/map/k")]
    [InlineData("""{"x":1,"map":{"a/b":1,"k":1,"a/b":2}}""", "/map/a~1b")]
    [InlineData("""{"x":1,"any":{"k":1,"k":2}}""", "/any/k")]
    [InlineData("""{"x":1,"any":[{"a":{"k":1,"\u006b":2}}]}""", "/any/0/a/k")]
    public void A_repeated_property_is_named_also_where_any_property_may_be(string json, string pointer) =>
        Assert.Equal(pointer + " appears more than once", Samples.ValidationErrors(json));

    [Theory]
    [InlineData("""{}""", "/in must have left or right")]
    [InlineData("""{"right":""}""", "/in/right must not be empty")]
    public void A_rule_across_properties_is_checked(string json, string expected) =>
        Assert.Equal(expected, Samples.Lines(Samples.Refusal(() => new JsonContract<SamplePair>().Read(Encoding.UTF8.GetBytes(json), "/in"))));

    [Theory]
    [InlineData("4", 4, 3)]
    [InlineData("""{"across":4}""", 4, 3)]
    [InlineData("""{"across":4,"down":5}""", 4, 5)]
    public void A_bare_value_goes_to_the_first_property(string json, int across, int down) =>
        Assert.Equal(new SamplePoint(across, down), Samples.ReadPoint(json, ItemShape.ObjectOrBareValue));

    [Fact]
    public void A_bare_array_goes_to_a_first_property_that_is_one() =>
        Assert.Equal([1, 2], new JsonContract<SampleList>().ReadItem("[1,2]"u8, ItemShape.ObjectOrBareValue).Values);

    [Theory]
    [InlineData("null", " must be an integer from 0 to 9, not null")]
    [InlineData("[4]", " must be an integer from 0 to 9, not an array")]
    [InlineData("\"4\"", " must be an integer from 0 to 9, not a string")]
    [InlineData("10", " must be an integer from 0 to 9")]
    [InlineData("{}", "/across is required")]
    [InlineData("""{"across":10}""", "/across must be an integer from 0 to 9")]
    public void The_error_of_an_item_has_its_pointer_in_the_item(string json, string expected) =>
        Assert.Equal(expected, Samples.Lines(Samples.Refusal(() => Samples.ReadPoint(json, ItemShape.ObjectOrBareValue))));

    [Fact]
    public void An_error_inside_a_bare_value_keeps_its_path() =>
        Assert.Equal("/1 must be an integer from -2147483648 to 2147483647, not null", Samples.Lines(
            Samples.Refusal(() => new JsonContract<SampleList>().ReadItem("[1,null]"u8, ItemShape.ObjectOrBareValue))));

    [Theory]
    [InlineData("[4]", 4, 3)]
    [InlineData("[4,5]", 4, 5)]
    [InlineData("[ 4 ,\n5 ]", 4, 5)]
    [InlineData("[4,5,null]", 4, 5)]
    public void The_values_of_an_array_go_to_the_properties_in_order(string json, int across, int down) =>
        Assert.Equal(new SamplePoint(across, down), Samples.ReadPoint(json, ItemShape.Starmap));

    [Theory]
    [InlineData("[]", "/0 is required")]
    [InlineData("[1,2,null,4]", " must have at most 3 values, one for each property of the input")]
    [InlineData("[\"a\",true]", "/0 must be an integer from 0 to 9, not a string\n/1 must be an integer from -2147483648 to 2147483647, not a boolean")]
    [InlineData("[1,2,{\"name\":1,\"bogus\":2}]", "/2/name must be a string, not a number\n/2/bogus is not a known property; known are name, a/b~c")]
    [InlineData("4", " must be an array of the input's values, because starmap is set")]
    [InlineData("""{"across":4}""", " must be an array of the input's values, because starmap is set")]
    [InlineData("null", " must be an array of the input's values, because starmap is set")]
    public void An_error_in_an_array_of_values_has_the_pointer_of_the_value(string json, string expected) =>
        Assert.Equal(expected, Samples.Lines(Samples.Refusal(() => Samples.ReadPoint(json, ItemShape.Starmap))));

    [Fact]
    public void An_empty_array_is_the_input_that_has_no_properties() =>
        Assert.Equal(new SampleNothing(), new JsonContract<SampleNothing>().ReadItem("[]"u8, ItemShape.Starmap));

    [Fact]
    public void A_bare_value_for_an_input_without_properties_is_an_error() =>
        Assert.Equal("/problems/invalid-request", Samples.Refusal(() => new JsonContract<SampleNothing>().ReadItem("1"u8, ItemShape.ObjectOrBareValue)).Type);

    [Fact]
    public void A_name_that_JSON_must_escape_is_found_by_a_bare_value() =>
        Assert.Equal(7, new JsonContract<SampleQuoted>().ReadItem("7"u8, ItemShape.ObjectOrBareValue).Value);

    [Fact]
    public void An_item_does_not_see_data_of_an_earlier_one()
    {
        Samples.Refusal(() => Samples.ReadPoint("[1,2,{\"name\":\"" + new string('n', 100_000) + "\"},4]", ItemShape.Starmap));

        Assert.Equal(new SamplePoint(8), Samples.ReadPoint("8", ItemShape.ObjectOrBareValue));
    }

    [Theory]
    [InlineData("1e999")]
    [InlineData("\"1\"")]
    [InlineData("[]")]
    public void An_optional_number_is_checked_like_a_required_one(string json) =>
        Assert.StartsWith("/in must be a number", Samples.Lines(Samples.Refusal(() =>
            new JsonContract<SampleMaybe>().Read(Encoding.UTF8.GetBytes($$"""{"in":{{json}}}"""), ""))), StringComparison.Ordinal);

    [Fact]
    public void The_error_of_a_value_in_an_array_has_its_pointer_with_any_length_of_name()
    {
        // Where a long pointer is cut off, half of an escape may be left of it.
        var lengths = Enumerable.Range(980, 20).Select(static length => new string('n', length) + "~~~~");

        Assert.All(lengths, static name => Assert.StartsWith("/2/nnn", Assert.Single(
            Samples.Refusal(() => Samples.ReadPoint($$"""[1,2,{"name":"n","{{name}}":1}]""", ItemShape.Starmap)).Errors!).Key, StringComparison.Ordinal));
    }

    [Fact]
    public void A_range_beyond_the_integers_is_shown_unchanged() =>
        Assert.Equal("/value must be a number from 0 to 1E+300", Samples.Lines(
            Samples.Refusal(() => new JsonContract<SampleRange>().Read("""{"value":-1}"""u8, ""))));

    [Fact]
    public void A_range_to_the_greatest_integer_is_shown_exactly() =>
        Assert.Equal("/count must be an integer from 0 to 9223372036854775807", Samples.Lines(
            Samples.Refusal(() => new JsonContract<SampleRange>().Read("""{"value":1,"count":-1}"""u8, ""))));

    [Fact]
    public void A_read_value_keeps_its_JSON_when_the_next_one_is_read()
    {
        var contract = new JsonContract<SampleAny>();
        var first = contract.ReadItem("[\"first\"]"u8, ItemShape.ObjectOrBareValue);
        _ = contract.ReadItem("[\"other\"]"u8, ItemShape.ObjectOrBareValue);

        Assert.Equal("""["first"]""", first.Value.GetRawText());
    }

    [Fact]
    public void A_required_property_that_is_null_is_refused() =>
        Assert.Equal("/name must be a string, not null", Samples.Lines(
            Samples.Refusal(() => new JsonContract<SamplePart>().Read("""{"name":null}"""u8, ""))));

    [Fact]
    public void A_recursive_record_is_read_at_every_depth()
    {
        var node = new JsonContract<SampleNode>().Read("""{"name":"a","next":{"name":"b","next":{"name":"c"}}}"""u8, "");

        Assert.Equal("c", node.Next!.Next!.Name);
    }

    [Fact]
    public void An_unknown_property_deep_in_a_recursive_record_is_an_error() =>
        Assert.Equal("/problems/invalid-request", Samples.Refusal(
            () => new JsonContract<SampleNode>().Read("""{"name":"a","next":{"name":"b","next":{"name":"c","bogus":1}}}"""u8, "")).Type);

    private sealed record SampleList(IReadOnlyList<int> Values);

    private sealed record SampleAny(JsonElement Value);

    private sealed record SampleQuoted([property: System.Text.Json.Serialization.JsonPropertyName("a\"b\\")] int Value);

    private sealed record SampleMaybe(Number? In = null);

    private sealed record SampleDescribed([property: Description("What it is.")] JsonElement? Value = null);

    private sealed record SampleRange(
        [property: Range(0, 1e300)] double Value, [property: Range(typeof(long), "0", "9223372036854775807")] long Count = 0);

    private sealed record SampleNode(string Name, SampleNode? Next = null);
}
