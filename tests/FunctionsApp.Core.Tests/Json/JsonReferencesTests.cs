using System.Text;
using System.Text.Json;
using FunctionsApp.Core.Json;
using FunctionsApp.Core.Limits;
using FunctionsApp.Core.Problems;
using FunctionsApp.Core.Tests.Limits;

namespace FunctionsApp.Core.Tests.Json;

public sealed class JsonReferencesTests
{
    private const string Earlier =
        """{"results":[{"a/b":1,"m~n":"tilde","%7E":"percent","":"empty","ä":"umlaut","list":[10,{"deep":null}],"1":"one"},"text",1e400,[]]}""";

    [Theory]
    [InlineData("#/results/0/a~1b", "1")]
    [InlineData("#/results/0/a%2Fb", null)]
    [InlineData("#/results/0/m~0n", "\"tilde\"")]
    [InlineData("#/results/0/m%7E0n", "\"tilde\"")]
    [InlineData("#/results/0/%257E", "\"percent\"")]
    [InlineData("#/results/0/", "\"empty\"")]
    [InlineData("#/results/0/ä", "\"umlaut\"")]
    [InlineData("#/results/0/%C3%A4", "\"umlaut\"")]
    [InlineData("#/results/0/list/1/deep", "null")]
    [InlineData("#/results/0/list/0", "10")]
    [InlineData("#/results/0/1", "\"one\"")]
    [InlineData("#/results/1", "\"text\"")]
    [InlineData("#/results/2", "1e400")]
    [InlineData("#/results/3", "[]")]
    [InlineData("#/results/4", null)]
    [InlineData("#/results/-", null)]
    [InlineData("#/results/00", null)]
    [InlineData("#/results/1/0", null)]
    [InlineData("#/results/0/nowhere", null)]
    [InlineData("#results/0", null)]
    [InlineData("/results/0", null)]
    [InlineData("results/0", null)]
    [InlineData("", null)]
    [InlineData("#/%", null)]
    [InlineData("#/results/0/%ED%A0%80", null)]
    [InlineData("http://example.com/#/results/0", null)]
    public void A_reference_stands_for_the_value_of_its_pointer(string reference, string? expected) =>
        Assert.Equal(expected ?? "nowhere", Answer($$"""{"$ref":{{JsonSerializer.Serialize(reference, CoreJson.Options)}}}"""));

    [Theory]
    [InlineData("""{"value":{"$ref":"#/results/1"}}""", """{"value":"text"}""")]
    [InlineData("""[1,{"$ref":"#/results/1"},[{"$ref":"#/results/0/list/0"}]]""", """[1,"text",[10]]""")]
    [InlineData("""{"\u0024ref":"#\/results\/1"}""", "\"text\"")]
    public void References_are_replaced_everywhere(string input, string expected) => Assert.Equal(expected, Answer(input));

    [Theory]
    [InlineData("""{"$ref":"#/results/1","more":1}""")]
    [InlineData("""{"$ref":1}""")]
    [InlineData("""{"$ref":null}""")]
    [InlineData("""{"$ref":{"a":[true]}}""")]
    [InlineData("""["$ref","#/results/1"]""")]
    [InlineData("""{"$Ref":"#/results/1"}""")]
    [InlineData("""{"n":[1e400,-0,0.10,12345678901234567890],"s":"ä<>&'\"\\","e":{},"l":[]}""")]
    public void Everything_else_stays_as_it_is(string input) => Assert.Equal(input, Answer(input));

    [Fact]
    public void A_reference_within_an_earlier_value_is_not_followed() =>
        Assert.Equal("""{"$ref":"#"}""", References(static _ => Samples.Parse("""{"$ref":"#"}"""), 100).Resolve(
            Samples.Raw("""{"$ref":"#/results/0"}"""), "").ToString());

    [Theory]
    [InlineData("""{"a":[0,{"$ref":"#/results/9"}]}""", "/steps/2/input/a/1/$ref")]
    [InlineData("""{"x/y":{"m~n":{"$ref":"#/results/9"}}}""", "/steps/2/input/x~1y/m~0n/$ref")]
    [InlineData("""{"$ref":"#/results/9"}""", "/steps/2/input/$ref")]
    public void A_reference_to_a_missing_value_is_an_error_at_its_pointer(string input, string pointer)
    {
        var problem = Samples.Refusal(() => Resolve(input, "/steps/2/input"));

        Assert.Equal(pointer + " points to no value: '#/results/9' does not exist at this point", Samples.Lines(problem));
    }

    [Fact]
    public void References_may_add_bytes_up_to_the_budget() =>
        Assert.Equal("""["text","text"]""", References(Find, 12).Resolve(
            Samples.Raw("""[{"$ref":"#/results/1"},{"$ref":"#/results/1"}]"""), "").ToString());

    [Fact]
    public void References_over_the_budget_are_too_large()
    {
        var input = "[" + string.Join(',', Enumerable.Repeat("""{"$ref":"#/results/1"}""", 3)) + "]";

        var problem = Samples.Refusal(() => References(Find, 17).Resolve(Samples.Raw(input), ""));

        Assert.Equal("/problems/too-large", problem.Type);
    }

    [Fact]
    public void Too_many_references_are_too_large()
    {
        var input = Samples.Raw("""[{"$ref":"#/results/1"},{"$ref":"#/results/1"},{"$ref":"#/results/1"}]""");

        var problem = Samples.Refusal(() => new JsonReferences(Find, new LimitsOptions { MaxCalls = 2 }, Unlimited.Memory, default).Resolve(input, ""));

        Assert.Equal("/problems/too-large", problem.Type);
        Assert.Contains("Limits:MaxCalls", problem.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public void A_cancelled_request_resolves_no_more_references() =>
        Assert.Throws<OperationCanceledException>(() => new JsonReferences(Find, new LimitsOptions(), Unlimited.Memory, new CancellationToken(canceled: true)).Resolve(
            Samples.Raw("""{"$ref":"#/results/1"}"""), ""));

    [Fact]
    public void Values_nest_as_deep_as_two_bodies_do()
    {
        var deep = new string('[', 512) + new string(']', 512);
        var input = new string('[', 512) + """{"$ref":"#/results/0"}""" + new string(']', 512);

        var resolved = References(_ => JsonElement.Parse(deep, new JsonDocumentOptions { MaxDepth = 600 }), 10_000).Resolve(Samples.Raw(input), "");

        Assert.Equal(new string('[', 1_024) + new string(']', 1_024), resolved.ToString());
    }

    [Fact]
    public void Long_names_do_not_cost_memory_for_each_value_below_them()
    {
        var json = "{\"" + new string('n', 100_000) + "\":[" + string.Join(',', Enumerable.Repeat("0", 2_000)) + "]}";
        var input = Samples.Raw(json);

        var before = GC.GetAllocatedBytesForCurrentThread();
        References(Find, 10_000).Resolve(input, "");
        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;

        Assert.InRange(allocated, 1, 100 * json.Length);
    }

    [Theory]
    [InlineData("""{"$ref":"#/a"}""", true)]
    [InlineData("""{"\u0024ref":"#/a"}""", true)]
    [InlineData("""{"$re\u0066":"#/a"}""", true)]
    [InlineData("""{"ref":"#/a"}""", false)]
    [InlineData("""{"$Ref":"#/a"}""", false)]
    public void An_input_without_the_keyword_needs_no_resolving(string input, bool expected) =>
        Assert.Equal(expected, JsonReferences.MayOccur(Encoding.UTF8.GetBytes(input)));

    private static JsonReferences References(Func<string[], JsonElement?> find, int bytes) => new(find, new LimitsOptions(), new RequestMemory(budget: null, bytes), default);

    private static JsonElement? Find(string[] tokens) => JsonPointer.Follow(Samples.Parse(Earlier), tokens);

    private static RawJson Resolve(string input, string pointer) =>
        References(Find, 1_000_000).Resolve(Samples.Raw(input), pointer);

    private static string Answer(string input)
    {
        try
        {
            return Resolve(input, "").ToString();
        }
        catch (ProblemException exception) when (exception.Problem.Detail.Contains("points to no value", StringComparison.Ordinal))
        {
            return "nowhere";
        }
    }
}
