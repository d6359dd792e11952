using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Text;
using System.Text.Json;
using FunctionsApp.Core.Json;
using FunctionsApp.Core.Json.Schema;

namespace FunctionsApp.Core.Tests.Json.Schema;

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
    [InlineData("1e999")]
    [InlineData("\"1\"")]
    [InlineData("[]")]
    public void An_optional_number_is_checked_like_a_required_one(string json) =>
        Assert.StartsWith("/in must be a number", Samples.Lines(Samples.Refusal(() =>
            new JsonContract<SampleMaybe>().Read(Encoding.UTF8.GetBytes($$"""{"in":{{json}}}"""), ""))), StringComparison.Ordinal);

    [Fact]
    public void A_range_beyond_the_integers_is_shown_unchanged() =>
        Assert.Equal("/value must be a number from 0 to 1E+300", Samples.Lines(
            Samples.Refusal(() => new JsonContract<SampleRange>().Read("""{"value":-1}"""u8, ""))));

    [Fact]
    public void A_range_to_the_greatest_integer_is_shown_exactly() =>
        Assert.Equal("/count must be an integer from 0 to 9223372036854775807", Samples.Lines(
            Samples.Refusal(() => new JsonContract<SampleRange>().Read("""{"value":1,"count":-1}"""u8, ""))));

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

    private sealed record SampleMaybe(Number? In = null);

    private sealed record SampleDescribed([property: Description("What it is.")] JsonElement? Value = null);

    private sealed record SampleRange(
        [property: Range(0, 1e300)] double Value, [property: Range(typeof(long), "0", "9223372036854775807")] long Count = 0);

    private sealed record SampleNode(string Name, SampleNode? Next = null);
}
