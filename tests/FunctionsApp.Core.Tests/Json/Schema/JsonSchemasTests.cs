using System.ComponentModel;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using FunctionsApp.Core.Json;
using FunctionsApp.Core.Json.Schema;

namespace FunctionsApp.Core.Tests.Json.Schema;

public sealed class JsonSchemasTests
{
    [Fact]
    public void What_is_read_may_be_null_where_it_may_be_absent() =>
        Assert.Equal(
            """
            {"type":"object","properties":{"name":{"type":"string"},"count":{"type":["integer","null"],"description":"How many.","default":1,"minimum":-2147483648,"maximum":2147483647},"level":{"enum":["low","high",null],"type":["string","null"]},"always":{"type":["number","null"]},"any":true,"inner":{"type":["object","null"],"properties":{"flag":{"type":"boolean"}},"additionalProperties":false}},"required":["name"],"additionalProperties":false}
            """,
            JsonSchemas.OfInput(typeof(Outer)).ToJsonString());

    [Fact]
    public void What_is_written_has_everything_but_what_is_null() =>
        Assert.Equal(
            """
            {"type":"object","properties":{"name":{"type":"string"},"count":{"type":"integer","description":"How many.","default":1},"level":{"enum":["low","high"],"type":"string"},"always":{"type":["number","null"]},"any":true,"inner":{"type":"object","properties":{"flag":{"type":"boolean"}},"additionalProperties":false,"required":["flag"]}},"required":["name","always"],"additionalProperties":false}
            """,
            JsonSchemas.OfOutput(typeof(Outer)).ToJsonString());

    [Fact]
    public void What_is_written_is_as_its_schema_says() =>
        Assert.Equal("""{"name":"n","always":null}""", RawJson.From(new Outer { Name = "n" }, CoreJson.TypeInfo<Outer>()).ToString());

    [Fact]
    public void Another_schema_can_stand_for_a_type_within_one_that_is_read() =>
        Assert.Equal("""{"anyOf":[{"$ref":"#/Inner"},{"type":"null"}]}""", JsonSchemas.OfInput(typeof(Outer), Refer)["properties"]!["inner"]!.ToJsonString());

    [Fact]
    public void Another_schema_can_stand_for_a_type_within_one_that_is_written() =>
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
