using FunctionsApp.Core.Json;
using FunctionsApp.Core.Limits;
using FunctionsApp.Core.Problems;
using FunctionsApp.Core.Tests.Json;
using Microsoft.Extensions.Options;

namespace FunctionsApp.Operations.Tests;

public class TextFormatOperationTests
{
    // What Python 3.13 prints for template.format_map(values), but for the JSON spelling of values that are no strings.
    [Theory]
    [InlineData("plain", "{}", "plain")]
    [InlineData("", "{}", "")]
    [InlineData("Hello, {name}!", """{"name":"World"}""", "Hello, World!")]
    [InlineData("{a}{b}{a}", """{"a":"1","b":"2"}""", "121")]
    [InlineData("{{}} {{a}} {{{a}}}", """{"a":"x"}""", "{} {a} {x}")]
    [InlineData("{a}}}{{", """{"a":"x"}""", "x}{")]
    [InlineData("{a}", """{"a":"{b}"}""", "{b}")]
    [InlineData("{first name}", """{"first name":"Ada"}""", "Ada")]
    [InlineData("{}", """{"":"empty"}""", "empty")]
    [InlineData("{s}", """{"s":"line\nbreak \"quoted\""}""", "line\nbreak \"quoted\"")]
    [InlineData("{n} {t} {z} {l} {o}", """{"n":1.50,"t":true,"z":null,"l":[1, 2],"o":{"a":"b"}}""", """1.50 true null [1, 2] {"a":"b"}""")]
    public async Task Fills_the_names_in(string template, string values, string expected)
    {
        Assert.Equal(expected, await Format(template, values));
    }

    [Fact]
    public async Task Needs_no_values_when_there_are_no_names()
    {
        Assert.Equal("{}", await new TextFormatOperation(Gate).RunAsync(new TextFormatInput("{{}}"), default));
    }

    [Fact]
    public void Lists_every_name_without_a_value_once()
    {
        var errors = new TextFormatInput("{b}{a}{b}{c}", Values("""{"c":1}""")).Check();

        Assert.Equal(
            [("values/a", "is required: the template uses it"), ("values/b", "is required: the template uses it")],
            errors);
    }

    [Theory]
    [InlineData("{", '{', 1)]
    [InlineData("ab}", '}', 3)]
    [InlineData("{a", '{', 1)]
    [InlineData("{a{b}}", '{', 1)]
    [InlineData("{{}", '}', 3)]
    [InlineData("{{{", '{', 3)]
    public void Reports_the_position_of_an_unmatched_brace(string template, char brace, int position)
    {
        var (property, message) = new TextFormatInput(template, Values("""{"a":1,"b":1}""")).Check().First();

        Assert.Equal("template", property);
        Assert.Equal($"must not have the single '{brace}' at character {position}; double it to mean a brace", message);
    }

    [Theory]
    [InlineData("{nobody}", "/values/nobody")]
    [InlineData("}", "/template")]
    public async Task Refuses_invalid_templates_even_without_the_check(string template, string error)
    {
        var exception = await Assert.ThrowsAsync<ProblemException>(() => Format(template, "{}"));

        Assert.Equal(error, Assert.Single(exception.Problem.Errors!).Key);
    }

    [Fact]
    public async Task Returns_text_up_to_the_limit()
    {
        var text = await Format(string.Concat(Enumerable.Repeat("{a}", 10)), $$"""{"a":"{{new string('x', 1024 * 1024)}}"}""");

        Assert.Equal(TextFormatOperation.MaxCharacters, text.Length);
    }

    [Fact]
    public async Task Refuses_text_over_the_limit_and_names_the_limit()
    {
        var exception = await Assert.ThrowsAsync<ProblemException>(() =>
            Format(string.Concat(Enumerable.Repeat("{a}", 10)) + "!", $$"""{"a":"{{new string('x', 1024 * 1024)}}"}"""));

        Assert.Equal("/problems/too-large", exception.Problem.Type);
        Assert.Contains("10485760", exception.Problem.Detail, StringComparison.Ordinal);
    }

    private static WorkGate Gate { get; } = new(new MemoryBudget(Options.Create(new LimitsOptions()), TimeProvider.System), Options.Create(new LimitsOptions()));

    private static async Task<string> Format(string template, string values) =>
        await new TextFormatOperation(Gate).RunAsync(new TextFormatInput(template, Values(values)), default);

    private static Dictionary<string, RawJson> Values(string json) =>
        Samples.Raw(json).Deserialize(CoreJson.TypeInfo<Dictionary<string, RawJson>>());
}
