using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using FunctionsApp.Core.Json;
using FunctionsApp.Core.Json.Schema;
using FunctionsApp.Core.Operations;
using FunctionsApp.Core.Patterns.Map;
using FunctionsApp.Core.Problems;
using FunctionsApp.Core.Tests.Json;
using Microsoft.Extensions.DependencyInjection;

namespace FunctionsApp.Core.Tests.Patterns.Map;

/// <summary>A bare value is what the object would be that it stands for.</summary>
public sealed class BareValueTests
{
    /// <summary>The built-in operations for which one value is enough; the others need more, which a bare value says as well.</summary>
    [Fact]
    public void A_bare_value_has_the_result_of_its_object()
    {
        using var services = TestServices.Create();
        var compared = new List<string>();
        foreach (var operation in services.GetRequiredService<OperationCatalog>().All.OfType<CpuOperation>())
        {
            var first = operation.Example.ToElement().EnumerateObject().First();
            Assert.Equal(operation.InputSchema["properties"]!.AsObject().First().Key, first.Name);
            foreach (var value in (string[])[first.Value.GetRawText(), "1", "\"a b\"", "[1,2]", "null", "true", "\"\"", "[]", "-1", "9223372036854775808", "0.5", "[1,\"2\"]"])
            {
                Assert.Equal(Outcome(operation, $$"""{"{{first.Name}}":{{value}}}""", "/" + first.Name), Outcome(operation, value, ""));
                compared.Add(operation.Name);
            }
        }

        Assert.Contains("math.square", compared);
        Assert.Contains("hash", compared);
    }

    [Theory]
    [InlineData("7", "7 True 2.5 a Grey Red 3 - - 0 -")]
    [InlineData(" 7\r", "7 True 2.5 a Grey Red 3 - - 0 -")]
    [InlineData("-0.5e1", "-5 True 2.5 a Grey Red 3 - - 0 -")]
    public void Every_other_property_has_its_default(string value, string expected) => Assert.Equal(expected, Read<Defaults>(value).ToString());

    /// <summary>An object of one integer has a way of its own, which is to make no difference.</summary>
    [Theory]
    [InlineData("{\"x\":7}")]
    [InlineData("{\"x\": -7 }")]
    [InlineData("{\"x\":7,\"y\":8}")]
    [InlineData("{\"x\":7,\"x\":8}")]
    [InlineData("{ \"x\":7}")]
    [InlineData("{\"x\":7.0}")]
    [InlineData("{\"x\":9223372036854775808}")]
    [InlineData("{\"x\":07}")]
    [InlineData("{\"x\":-}")]
    [InlineData("{\"x\":}")]
    [InlineData("{\"x\":7 8}")]
    [InlineData("{\"x\":7}}")]
    [InlineData("{\"x\":7")]
    [InlineData("{\"x\":\"7\"}")]
    [InlineData("{\"X\":7}")]
    public void An_object_of_one_integer_is_read_as_any_other(string text)
    {
        var contract = new JsonContract<ComputeInput>();
        var utf8 = Encoding.UTF8.GetBytes(text);

        Assert.Equal(Outcome(() => contract.Read(utf8, "")), Outcome(() => new ItemReader<ComputeInput>(contract).Read(utf8, isStarmap: false, CoreJson.MaxDepth)));

        static string Outcome(Func<ComputeInput> read)
        {
            try
            {
                return read().ToString();
            }
            catch (ProblemException exception)
            {
                return exception.Problem.Errors is null ? exception.Problem.Detail : Samples.Lines(exception.Problem);
            }
        }
    }

    [Fact]
    public void A_value_of_any_type_may_be_the_first()
    {
        Assert.Equal(new Enumerated(Shade.Dark), Read<Enumerated>("\"Dark\""));
        Assert.Equal(new Optional(7), Read<Optional>("7"));
        Assert.Equal(new Optional(null), Read<Optional>("null"));
        Assert.Equal(new Numeric(2.5), Read<Numeric>("2.5"));
        Assert.Equal(new Text("a\u0001\U0001F600"), Read<Text>("\"a\\u0001\\ud83d\\ude00\""));
        Assert.Equal([1, 2], Read<Listed>("[1,2]").Values);
        Assert.Equal(new byte[] { 1, 2, 3 }, Read<Binary>("\"AQID\"").Value);
        Assert.Equal("[1,{\"a\":null}]", Read<Anything>("[1,{\"a\":null}]").Value.GetRawText());
    }

    [Theory]
    [InlineData(typeof(Numeric), true)]
    [InlineData(typeof(Defaults), false)]
    [InlineData(typeof(Whole), false)]
    [InlineData(typeof(Ordered), false)]
    [InlineData(typeof(Enumerated), false)]
    [InlineData(typeof(Optional), false)]
    [InlineData(typeof(Listed), false)]
    [InlineData(typeof(Converted), false)]
    [InlineData(typeof(Renamed), false)]
    [InlineData(typeof(Two), false)]
    [InlineData(typeof(Additional), false)]
    [InlineData(typeof(Demanding), false)]
    [InlineData(typeof(Sample), false)]
    [InlineData(typeof(SampleNothing), false)]
    public void Only_an_input_with_one_required_64_bit_integer_is_read_from_a_bare_value(Type type, bool direct) =>
        Assert.Equal(direct, (bool)typeof(BareValueTests).GetMethod(nameof(IsDirect), System.Reflection.BindingFlags.NonPublic | System.Reflection.BindingFlags.Static)!
            .MakeGenericMethod(type).Invoke(null, null)!);

    [Fact]
    public void Other_values_are_read_as_their_object()
    {
        Assert.Equal(new Converted(70), Read<Converted>("7"));
        Assert.Equal(new Renamed(7), Read<Renamed>("7"));
        Assert.Equal(new Additional(7) { Y = 9 }, Read<Additional>("7"));
    }

    [Fact]
    public void Rules_across_properties_apply_to_a_bare_value()
    {
        Assert.Equal(new SamplePair("a"), Read<SamplePair>("\"a\""));
        Assert.Equal(" must have left or right", ValidationErrors<SamplePair>("null"));
        Assert.Equal(new Ordered(3), Read<Ordered>("3"));
        Assert.Equal(" must be an object: 'to' must be more than from", ValidationErrors<Ordered>("9"));
        Assert.Equal(" must not be 4", ValidationErrors<Ordered>("4"));
    }

    [Theory]
    [InlineData(typeof(Listed), "[1,\"2\",3000000000]", "/1 must be an integer from -2147483648 to 2147483647, not a string")]
    [InlineData(typeof(Listed), "[1,3000000000]", "/1 must be an integer from -2147483648 to 2147483647")]
    [InlineData(typeof(Optional), "3000000000", " must be an integer from -2147483648 to 2147483647")]
    [InlineData(typeof(Binary), "\"?\"", " must be base64 text (RFC 4648, section 4)")]
    [InlineData(typeof(Text), "null", " must be a string, not null")]
    [InlineData(typeof(Text), "\"\\udc00\"", " has half of a surrogate pair, which is not valid Unicode text")]
    [InlineData(typeof(Numeric), "1e999", " must be a number, and at most 1.7976931348623157E+308 in size")]
    [InlineData(typeof(Two), "1", " must be an object: 'y' is required")]
    public void Errors_have_the_pointer_of_the_value(Type type, string value, string expected)
    {
        var read = typeof(BareValueTests).GetMethod(nameof(ValidationErrors), System.Reflection.BindingFlags.NonPublic | System.Reflection.BindingFlags.Static)!.MakeGenericMethod(type);

        Assert.Equal(expected, ((string)read.Invoke(null, [value])!).Split('\n')[0]);
    }

    [Theory]
    [InlineData("1,\"y\":2")]
    [InlineData("1 2")]
    [InlineData("1}")]
    [InlineData("")]
    [InlineData("]")]
    [InlineData("\"1\"x")]
    public void A_text_that_is_not_one_value_is_not_JSON(string value)
    {
        Assert.Equal("malformed-json", Samples.Refusal(() => Read<Defaults>(value)).Slug);
        Assert.Equal("malformed-json", Samples.Refusal(() => Read<Two>(value)).Slug);
    }

    private static T Read<T>(string value) => MapItem.Read<T>(value);

    private static string ValidationErrors<T>(string value) => Samples.Lines(Samples.Refusal(() => Read<T>(value)));

    private static bool IsDirect<T>() => IntegerItem<T>.Create(new JsonContract<T>().Node) is not null;

    /// <summary>The result as JSON, or the errors with pointers that start at the value.</summary>
    private static string Outcome(CpuOperation operation, string item, string place)
    {
        try
        {
            using var output = new ResultBuffer(hasCommas: false);
            ItemFunction.Of(operation, maxDepth: 64).Compute(Encoding.UTF8.GetBytes(item), isStarmap: false, output, CancellationToken.None);
            return Encoding.UTF8.GetString(output.Written.Span);
        }
        catch (OperationException exception)
        {
            return exception.Message;
        }
        catch (ProblemException exception)
        {
            // An error of another property than the first stands at a bare value itself.
            return string.Join('\n', exception.Problem.Errors!.SelectMany(error =>
                error.Value.Select(message => place.Length == 0 ? error.Key + " " + message : Bare(error.Key, message))).Order(StringComparer.Ordinal));
        }

        string Bare(string pointer, string message) => pointer.Length == 0 ? " " + message
            : pointer.StartsWith(place, StringComparison.Ordinal) && (pointer.Length == place.Length || pointer[place.Length] == '/') ? pointer[place.Length..] + " " + message
            : $" must be an object: '{pointer[1..]}' {message}";
    }

    private enum Tone
    {
        Grey,
        Red,
    }

    [JsonConverter(typeof(JsonStringEnumConverter<Shade>))]
    private enum Shade
    {
        Light,
        Dark,
    }

    private sealed record Defaults(
        Number X, bool Flag = true, double Ratio = 2.5, string Name = "a", Tone Tone = Tone.Grey, Tone? Other = Tone.Red, int? Small = 3, long? Big = null,
        string? Text = null, Number? Rest = null, int[]? List = null)
    {
        public override string ToString() => string.Create(CultureInfo.InvariantCulture,
            $"{X.AsDouble} {Flag} {Ratio} {Name} {Tone} {Other} {Small} {Big?.ToString(CultureInfo.InvariantCulture) ?? "-"} {Text ?? "-"} {Rest?.AsDouble ?? 0} {(List is null ? "-" : "+")}");
    }

    private sealed record Enumerated(Shade Tone, int Y = 1);

    private sealed record Optional(int? Value, int Y = 1);

    private sealed record Whole(long Value, int Y = 1);

    private sealed record Numeric(Number Value);

    private sealed record Text(string Value);

    private sealed record Listed(int[] Values);

    private sealed record Binary(byte[] Value);

    private sealed record Anything(JsonElement Value);

    private sealed record Two(Number X, Number Y);

    private sealed record Converted([property: JsonConverter(typeof(TenfoldConverter))] int X);

    private sealed record Renamed([property: JsonPropertyName("other")] int X);

    private sealed record Additional(int X)
    {
        public int Y { get; init; } = 9;
    }

    private sealed record Demanding(int X)
    {
        public required int Y { get; init; }
    }

    private sealed record Ordered(int From, int To = 5) : ICrossChecked
    {
        public IEnumerable<(string Property, string Message)> Check()
        {
            if (From >= To)
            {
                yield return ("to", "must be more than from");
            }

            if (From == 4)
            {
                yield return ("", "must not be 4");
            }
        }
    }

    private sealed class TenfoldConverter : JsonConverter<int>
    {
        public override int Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => 10 * reader.GetInt32();

        public override void Write(Utf8JsonWriter writer, int value, JsonSerializerOptions options) => writer.WriteNumberValue(value / 10);
    }
}
