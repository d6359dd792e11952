using System.Text;
using System.Text.Json;
using FunctionsApp.Core.Json;
using FunctionsApp.Core.Json.Schema;
using FunctionsApp.Core.Limits;
using FunctionsApp.Core.Patterns.Map;
using FunctionsApp.Core.Problems;
using FunctionsApp.Core.Tests.Json;
using Microsoft.Extensions.Options;

namespace FunctionsApp.Core.Tests.Patterns.Map;

public sealed class MapRequestReaderTests
{
    private const int MaxDepth = 8;

    private static readonly IOptions<LimitsOptions> Limits = Options.Create(new LimitsOptions { MaxDepth = MaxDepth });
    private static readonly MapRequestReader Reader = new(new RequestReader(Limits), Limits);

    [Theory]
    [InlineData("""{"items":5}""", "/items must be an array, not a number")]
    [InlineData("""{"items":null}""", "/items must be an array, not null")]
    [InlineData("""{"items":{"0":1}}""", "/items must be an array, not an object")]
    [InlineData("""{"items":"abc"}""", "/items must be an array, not a string")]
    [InlineData("""{"items":[1],"workers":0}""", "/workers must be an integer from 1 to 1024")]
    [InlineData("""{"items":[1],"reduce":"SUM"}""", "/reduce must be one of 'sum', 'min', 'max', 'count'")]
    [InlineData("""{"items":[1],"reduce":0}""", "/reduce must be one of 'sum', 'min', 'max', 'count', not a number")]
    public void The_items_and_options_of_a_map_are_checked(string body, string expected) =>
        Assert.Equal(expected, Samples.Lines(Samples.Refusal(() => Read(body))));

    [Fact]
    public void Items_are_read_one_by_one() =>
        Assert.Equal(["1", """{"a": [2]}""", "\"c\""], Texts(Read("""{"items":[1, {"a": [2]} ,"c"]}""")));

    /// <summary>The items are read apart from the rest of the body, which must make no difference.</summary>
    [Theory]
    [InlineData("""{"items":[1,2]}""", null)]
    [InlineData("""{"items":[]}""", null)]
    [InlineData("""{"items":[ ] , "workers":1}""", null)]
    [InlineData("""{"workers":1,"items":[{"a":"]}\""},[[]],"\\"]}""", null)]
    [InlineData("""{"items":[1,,2]}""", "',' stands where a value is expected")]
    [InlineData("""{"items":[1,2,]}""", "A comma must not stand before ']'")]
    [InlineData("""{"items":[,]}""", "',' stands where a value or ']' is expected")]
    [InlineData("""{"items":[1,2}""", "'}' stands where a comma or ']' is expected")]
    [InlineData("""{"items":[1,{"a":[}]]}""", "'}' stands where a value or ']' is expected")]
    [InlineData("""{"items":[1,"a]}""", "The text ends within a string")]
    [InlineData("""{"items":[1,tru]}""", "'tru' is not a JSON value")]
    [InlineData("""{"items":[1,01]}""", "A number must not have a leading zero")]
    [InlineData("""{"items":[1 2]}""", "'2' stands where a comma or ']' is expected")]
    [InlineData("""{"items":[1],"workers":1x}""", "'x' stands where a comma or ")]
    [InlineData("""{"items":[1,""", "The text ends where a value is expected")]
    [InlineData("""{"items":["\ud800",2]}""", "/items/0 has half of a surrogate pair")]
    [InlineData("""{"items":["\ud800",2x]}""", "'x' stands where a comma or ")]
    [InlineData("""{"items":[1],"workers":0}""", "/workers must be an integer from 1 to 1024")]
    [InlineData("""{"items":[1,x],"workers":0}""", "'x' is not a JSON value")]
    [InlineData("""{"items":[1],"items":[2]}""", "/items appears more than once")]
    [InlineData("""{"items":[[[[[[[1]]]]]]]}""", null)]
    [InlineData("""{"items":[[[[[[[[1]]]]]]]]}""", "nests deeper than 8")]
    public void A_body_is_valid_or_invalid_as_that_of_any_pattern(string body, string? expected)
    {
        var utf8 = Encoding.UTF8.GetBytes(body);
        var plain = new RequestReader(Options.Create(new LimitsOptions { MaxDepth = MaxDepth }));
        var problem = Refusal(() => Read(body));

        Assert.Equal(expected is null, problem is null);
        Assert.Contains(expected ?? "", problem is null ? "" : problem.Errors is null ? problem.Detail : Samples.Lines(problem), StringComparison.Ordinal);
        Assert.Equal(Comparable(problem), Comparable(Refusal(() => plain.Read<MapRequest>(utf8))));
        if (expected is null)
        {
            Assert.Equal(Texts(plain.Read<MapRequest>(utf8)), Texts(Read(body)));
        }

        static Problem? Refusal(Action read) => (Record.Exception(read) as ProblemException)?.Problem;

        static string? Comparable(Problem? problem) => problem is null ? null : problem.Detail + problem.Type + (problem.Errors is null ? "" : Samples.Lines(problem));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(200_000)]
    public void Options_are_read_wherever_they_are(int spaces)
    {
        var request = Read($$"""{"maxFailures":-0.0, "items":[1.0,{"a":[2]},3], "workers":2.0,"chunkSize":1e3,{{new string(' ', spaces)}}"timeoutSeconds":1.5}""");

        Assert.Equal((2, 1_000, 0, 1.5), (request.Workers, request.ChunkSize, request.MaxFailures, request.TimeoutSeconds));
        Assert.Equal(["1.0", """{"a":[2]}""", "3"], Texts(request));
    }

    [Theory]
    [InlineData("\uFEFF{\"items\":[1,2]}")]
    [InlineData("{\"\\u0069tems\":[1,2]}")]
    [InlineData(" { \"reduce\" : null , \"items\" : [ 1 , 2 ] } ")]
    public void Items_are_found_however_the_body_is_written(string body) => Assert.Equal(["1", "2"], Texts(Read(body)));

    [Fact]
    public void Text_that_is_not_UTF_8_is_malformed() =>
        Assert.Equal("malformed-json", Samples.Refusal(() => Reader.Read<MapRequest>(new byte[] { (byte)'{', 0x80, (byte)'}' })).Slug);

    private static MapRequest Read(string body) => Reader.Read<MapRequest>(Encoding.UTF8.GetBytes(body));

    private static IEnumerable<string> Texts(MapRequest request) => [.. JsonElement.Parse(JsonSerializer.SerializeToUtf8Bytes(request.Items, CoreJson.TypeInfo<JsonItems>()))
        .EnumerateArray().Select(static item => item.GetRawText())];
}
