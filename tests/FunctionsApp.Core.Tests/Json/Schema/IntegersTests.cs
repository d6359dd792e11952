using System.ComponentModel.DataAnnotations;
using System.Globalization;
using System.Text;
using FunctionsApp.Core.Json;
using FunctionsApp.Core.Json.Schema;
using FunctionsApp.Core.Limits;
using FunctionsApp.Core.Tasks;
using FunctionsApp.Core.Tests.Patterns.Map;
using Microsoft.Extensions.Options;

namespace FunctionsApp.Core.Tests.Json.Schema;

/// <summary>Integers are read however JSON writes them, wherever the schema asks for one.</summary>
public sealed class IntegersTests
{
    private static readonly RequestReader Reader = new(Options.Create(new LimitsOptions()));

    [Theory]
    [InlineData("byte", "255.0", "256.0", "an integer from 0 to 255")]
    [InlineData("signedByte", "-1.28e2", "128.0", "an integer from -128 to 127")]
    [InlineData("short", "-32768.0", "3.2768e4", "an integer from -32768 to 32767")]
    [InlineData("unsignedShort", "65535.0", "6.5536e4", "an integer from 0 to 65535")]
    [InlineData("int", "-2147483648.0", "2147483648.0", "an integer from -2147483648 to 2147483647")]
    [InlineData("unsignedInt", "4294967295.0", "-1.0", "an integer from 0 to 4294967295")]
    [InlineData("long", "9223372036854775807.0", "9223372036854775808.0", "an integer of at most 64 bits")]
    [InlineData("long", "-9223372036854775808.0", "-1e19", "an integer of at most 64 bits")]
    [InlineData("unsignedLong", "18446744073709551615.0", "18446744073709551616.0", "an integer from 0 to 18446744073709551615")]
    [InlineData("unsignedLong", "18446744073709551615", "18446744073709551616", "an integer from 0 to 18446744073709551615")]
    [InlineData("maybeInt", "3.0", "3e9", "an integer from -2147483648 to 2147483647 or null")]
    [InlineData("maybeLong", "9007199254740993.0", "1e400", "an integer of at most 64 bits or null")]
    [InlineData("level", "1.0", "1e10", "an integer from -2147483648 to 2147483647")]
    [InlineData("maybeLevel", "10e-1", "1e-400", "an integer from -2147483648 to 2147483647 or null")]
    [InlineData("ranged", "9007199254740993.0", "9007199254740994.0", "an integer from -9007199254740993 to 9007199254740993")]
    [InlineData("ranged", "9007199254740993", "9007199254740994", "an integer from -9007199254740993 to 9007199254740993")]
    public void A_type_accepts_the_integers_that_fit_and_refuses_others_by_name(string property, string accepted, string refused, string expected)
    {
        var digits = Int128.TryParse(accepted, ScalarCheck.Integer, CultureInfo.InvariantCulture, out var integer) ? integer.ToString(null, null) : "";

        Assert.Equal(Read<Types>($$"""{"{{property}}":{{digits}}}"""), Read<Types>($$"""{"{{property}}":{{accepted}}}"""));
        Assert.StartsWith($"/{property} must be {expected.Replace(" or null", "", StringComparison.Ordinal)}", ValidationErrors<Types>($$"""{"{{property}}":{{refused}}}"""), StringComparison.Ordinal);
        Assert.StartsWith($"/{property} must be {expected.Replace(" or null", "", StringComparison.Ordinal)}", ValidationErrors<Types>($$"""{"{{property}}":1.5}"""), StringComparison.Ordinal);
    }

    [Fact]
    public void Integers_in_arrays_dictionaries_and_nested_records_are_read()
    {
        var read = Read<Nested>("""{"list":[1.0,2,3e0],"map":{"a":10e-1,"b":2},"inner":{"deep":[[1.0],[2.0,-0.0]]},"any":[1.0,1e2],"number":1.0,"text":"1.0"}""");

        Assert.Equal([1, 2, 3], read.List);
        Assert.Equal([1, 2], read.Map.Values);
        Assert.Equal([[1], [2, 0]], read.Inner.Deep);
        Assert.Equal("[1.0,1e2]", read.Any.ToString());
        Assert.False(read.Number.IsInteger);
        Assert.Equal("1.0", read.Text);
    }

    [Fact]
    public void Every_fraction_is_listed() =>
        Assert.Equal(
            "/list/1 must be an integer of at most 64 bits\n/map/a must be an integer from -2147483648 to 2147483647",
            ValidationErrors<Nested>("""{"list":[1.0,2.5,3e0],"map":{"a":1e10},"inner":{"deep":[]},"any":1,"number":1,"text":""}"""));

    [Fact]
    public void Integers_of_a_recursive_record_are_read_at_every_depth()
    {
        Assert.Equal(3, Read<Link>("""{"id":1.0,"next":{"id":2.0,"next":{"id":3.0}}}""").Next!.Next!.Id);
        Assert.Equal("/next/next/id must be an integer from 1 to 9", ValidationErrors<Link>("""{"id":1,"next":{"id":2,"next":{"id":3.5}}}"""));
    }

    [Theory]
    [InlineData("""{"across":4.0,"down":5e0}""", false, 4, 5)]
    [InlineData("""{"across":40e-1}""", false, 4, 3)]
    [InlineData("4.0", false, 4, 3)]
    [InlineData("[4.0,5.0]", true, 4, 5)]
    public void Items_have_their_integers_read(string item, bool isStarmap, int across, int down) =>
        Assert.Equal(new SamplePoint(across, down), MapItem.Read<SamplePoint>(item, isStarmap));

    [Theory]
    [InlineData("7.0", false, 7)]
    [InlineData(" 7e0\r", false, 7)]
    [InlineData("-0", false, 0)]
    [InlineData("-0.0", false, 0)]
    [InlineData("9007199254740993.0", false, 9_007_199_254_740_993)]
    [InlineData("""{"value":1.5e1}""", false, 15)]
    [InlineData("""{"value":9223372036854775807.0}""", false, long.MaxValue)]
    [InlineData("[1e18]", true, 1_000_000_000_000_000_000)]
    public void Items_of_one_64_bit_integer_are_read_exactly(string item, bool isStarmap, long expected) =>
        Assert.Equal(expected, MapItem.Read<One>(item, isStarmap).Value);

    [Theory]
    [InlineData("7.5")]
    [InlineData("1e19")]
    [InlineData("""{"value":7.5}""")]
    [InlineData("[7.5]")]
    public void Items_of_one_64_bit_integer_refuse_fractions(string item) =>
        Assert.Contains("must be an integer of at most 64 bits", Samples.Lines(Samples.Refusal(() =>
            MapItem.Read<One>(item, isStarmap: item[0] == '['))), StringComparison.Ordinal);

    [Fact]
    public void The_JSON_values_of_a_request_stay_as_written()
    {
        var request = Reader.Read<TaskRequest>("""{"retry":{"maxAttempts":3.0},"input":{"n": 1.0},"ttlSeconds":6e1}"""u8.ToArray());

        Assert.Equal((3, 60.0, """{"n": 1.0}"""), (request.Retry!.MaxAttempts, request.TtlSeconds, request.Input!.Value.ToString()));
    }

    private static T Read<T>(string json) => new JsonContract<T>().Read(Encoding.UTF8.GetBytes(json), "");

    private static string ValidationErrors<T>(string json) => Samples.Lines(Samples.Refusal(() => Read<T>(json)));

    private enum Level
    {
        Low,
        High,
    }

    private sealed record Types(
        byte Byte = 0, sbyte SignedByte = 0, short Short = 0, ushort UnsignedShort = 0, int Int = 0, uint UnsignedInt = 0, long Long = 0, ulong UnsignedLong = 0,
        int? MaybeInt = null, long? MaybeLong = null, Level Level = Level.Low, Level? MaybeLevel = null,
        [property: Range(typeof(long), "-9007199254740993", "9007199254740993")] long Ranged = 0);

    private sealed record Nested(long[] List, IReadOnlyDictionary<string, int> Map, Inner Inner, RawJson Any, Number Number, string Text);

    private sealed record Inner(int[][] Deep);

    private sealed record Link([property: Range(1, 9)] int Id, Link? Next = null);

    private sealed record One(long Value);
}
