using System.ComponentModel;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using FunctionsApp.Core.Json;
using FunctionsApp.Core.Json.Schema;

namespace FunctionsApp.Core.Tests.Json.Schema;

public sealed class JsonSchemasTests
{
    [Fact]
    public void Optional_properties_of_an_input_may_be_null() =>
        Assert.Equal(
            """
            {"type":"object","properties":{"name":{"type":"string"},"count":{"type":["integer","null"],"description":"How many.","default":1,"minimum":-2147483648,"maximum":2147483647},"level":{"enum":["low","high",null],"type":["string","null"]},"always":{"type":["number","null"]},"any":true,"inner":{"type":["object","null"],"properties":{"flag":{"type":"boolean"}},"additionalProperties":false}},"required":["name"],"additionalProperties":false}
            """,
            JsonSchemas.OfInput(typeof(Outer)).ToJsonString());

    [Fact]
    public void Properties_of_an_output_are_required_unless_they_may_be_null() =>
        Assert.Equal(
            """
            {"type":"object","properties":{"name":{"type":"string"},"count":{"type":"integer","description":"How many.","default":1},"level":{"enum":["low","high"],"type":"string"},"always":{"type":["number","null"]},"any":true,"inner":{"type":"object","properties":{"flag":{"type":"boolean"}},"additionalProperties":false,"required":["flag"]}},"required":["name","always"],"additionalProperties":false}
            """,
            JsonSchemas.OfOutput(typeof(Outer)).ToJsonString());

    [Fact]
    public void Written_values_match_their_schema() =>
        Assert.Equal("""{"name":"n","always":null}""", RawJson.From(new Outer { Name = "n" }, CoreJson.TypeInfo<Outer>()).ToString());

    [Fact]
    public void A_schema_can_be_replaced_within_an_input() =>
        Assert.Equal("""{"anyOf":[{"$ref":"#/Inner"},{"type":"null"}]}""", JsonSchemas.OfInput(typeof(Outer), Refer)["properties"]!["inner"]!.ToJsonString());

    [Fact]
    public void A_schema_can_be_replaced_within_an_output() =>
        Assert.Equal("""{"$ref":"#/Inner"}""", JsonSchemas.OfOutput(typeof(Outer), Refer)["properties"]!["inner"]!.ToJsonString());

    private static JsonObject? Refer(Type type) => type == typeof(Inner) ? new JsonObject { ["$ref"] = "#/Inner" } : null;

    private sealed record Outer
    {
        public required string Name { get; init; }

        [Description("How many."), DefaultValue(1)]
        public int? Count { get; init; }

        public Level? Level { get; init; }

        [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
        public double? Always { get; init; }

        public RawJson? Any { get; init; }

        public Inner? Inner { get; init; }
    }

    private sealed record Inner
    {
        public bool Flag { get; init; }
    }

    [JsonConverter(typeof(JsonStringEnumConverter<Level>))]
    private enum Level
    {
        [JsonStringEnumMemberName("low")]
        Low,

        [JsonStringEnumMemberName("high")]
        High,
    }
}
