using System.Globalization;
using System.IO.Pipelines;
using System.Text;
using System.Text.Json;
using FunctionsApp.Core.Json.Schema;
using FunctionsApp.Core.Patterns.Map;
using FunctionsApp.Core.Problems;
using Microsoft.Extensions.DependencyInjection;

namespace FunctionsApp.Core.Tests.Patterns.Map;

/// <summary>One request, one answer: a reduction depends neither on chunks, nor on workers, nor on the form of the request.</summary>
public sealed class MapReductionTests : MapTests
{
    // Python's fractions, rounded once: tests/Vectors/make.py.
    [Fact]
    public async Task A_sum_is_exact_and_rounded_once()
    {
        foreach (var vector in Vectors.Read("sums.json"))
        {
            var expected = vector.GetProperty("sum").GetRawText();

            Assert.All(await SumsAsync(vector.GetProperty("values")), sum => AssertSame(expected, sum));
        }
    }

    [Theory]
    [InlineData("[0.1,0.1,0.1,0.1,0.1,0.1,0.1,0.1,0.1,0.1]", "1")]
    [InlineData("[1e308,1e308,-1e308,-1e308]", "0")]
    public async Task A_sum_is_the_same_in_each_run(string items, string expected)
    {
        Settings = [("Cpu:Threads", "4")];
        for (var run = 0; run < 100; run++)
        {
            Assert.Equal(expected, await ReducedAsync("test.number", $$"""{"items":{{items}},"reduce":"sum"}"""));
        }
    }

    [Theory]
    [InlineData("min", "[9007199254740993,9007199254740992.0]", "9007199254740992")]
    [InlineData("max", "[9007199254740992.0,9007199254740993]", "9007199254740993")]
    [InlineData("max", "[9223372036854775807,9.223372036854775e18]", "9223372036854775807")]
    [InlineData("max", "[9223372036854775807,9223372036854775808]", "9.223372036854776E+18")]
    [InlineData("min", "[-9223372036854775808,-9223372036854775809]", "-9223372036854775808")]
    [InlineData("min", "[9007199254740993,9007199254740993.5]", "9007199254740993")]
    [InlineData("min", "[-1,-1.5]", "-1.5")]
    [InlineData("max", "[-1,-0.5]", "-0.5")]
    [InlineData("max", "[1000000000000000.0,1000000000000000]", "1000000000000000")]
    [InlineData("min", "[1000000000000000,1e15]", "1000000000000000")]
    [InlineData("min", "[0.0,-0.0]", "0")]
    [InlineData("max", "[-0.0,0]", "0")]
    [InlineData("min", "[5e-324,0]", "0")]
    [InlineData("max", "[-1e308,-9223372036854775808]", "-9223372036854775808")]
    public async Task Integers_and_doubles_are_compared_exactly_in_any_order(string reduce, string items, string expected)
    {
        var reversed = JsonSerializer.Serialize(JsonSerializer.Deserialize<JsonElement[]>(items)!.Reverse());

        Assert.Equal(expected, await ReducedAsync("test.number", $$"""{"items":{{items}},"chunkSize":1,"reduce":"{{reduce}}"}"""));
        Assert.Equal(expected, await ReducedAsync("test.number", $$"""{"items":{{reversed}},"reduce":"{{reduce}}"}"""));
    }

    [Theory]
    [InlineData("sum")]
    [InlineData("min")]
    [InlineData("count")]
    public async Task A_result_that_is_not_finite_is_a_failed_item(string reduce)
    {
        Hook.Number = static (input, _) => 1 / input.X.AsDouble;

        var response = await MapAsync("test.number", $$"""{"items":[0,-0.0,1],"returnExceptions":true,"reduce":"{{reduce}}"}""");

        Assert.Equal("1", response.Result!.Value.ToString());
        Assert.Equal([(0, "The result is not a finite number."), (1, "The result is not a finite number.")], response.Errors.Select(static error => (error.Index, error.Error.Detail)));
    }

    /// <summary>The sum in each form of the request; <c>null</c> if the problem is that it is out of range.</summary>
    private async Task<List<string>> SumsAsync(JsonElement values)
    {
        string[] options = ["", ",\"chunkSize\":1", ",\"chunkSize\":3", ",\"workers\":1"];
        var sums = new List<string>();
        foreach (var option in options)
        {
            sums.Add(await SumAsync(() => ReducedAsync("test.number", $$"""{"items":{{values.GetRawText()}}{{option}},"reduce":"sum"}""")));
        }

        sums.Add(await SumAsync(async () =>
        {
            var lines = string.Concat(values.EnumerateArray().Reverse().Select(static value => value.GetRawText() + "\n"));
            var options = Services.GetRequiredService<RequestReader>().Read<MapOptions>("""{"reduce":"sum"}"""u8.ToArray());
            await foreach (var part in Services.GetRequiredService<MapService>().StreamAsync("test.number", options, PipeReader.Create(new MemoryStream(Encoding.UTF8.GetBytes(lines))), default))
            {
                if (part.Summary is { } summary)
                {
                    return summary.Result!.Value.ToString();
                }
            }

            return "no summary";
        }));
        return sums;
    }

    private static async Task<string> SumAsync(Func<Task<string>> reduce)
    {
        try
        {
            return await reduce();
        }
        catch (OperationException exception)
        {
            Assert.Equal("The sum is out of the range of a double.", exception.Message);
            return "null";
        }
    }

    /// <summary>Compares integers by their digits, doubles by their value: Python writes the same double in other digits.</summary>
    private static void AssertSame(string expected, string actual)
    {
        if (expected == "null" || long.TryParse(expected, CultureInfo.InvariantCulture, out _))
        {
            Assert.Equal(expected, actual);
        }
        else
        {
            Assert.Equal(double.Parse(expected, CultureInfo.InvariantCulture), double.Parse(actual, CultureInfo.InvariantCulture));
        }
    }
}
