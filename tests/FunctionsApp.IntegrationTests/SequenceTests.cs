using System.Globalization;
using System.Text.Json;
using FunctionsApp.IntegrationTests.Hosting;

namespace FunctionsApp.IntegrationTests;

[Collection(FunctionsAppCollection.Name)]
public sealed class SequenceTests(FunctionsAppFixture app)
{
    [Fact]
    public async Task A_step_uses_parts_of_earlier_results()
    {
        var response = await app.Api.PostAsync("sequence", """
            {"steps":[
              {"operation":"echo","input":{"value":{"a/b":{"list":[10,20,30]}}}},
              {"operation":"primes.factor","input":{"n":{"$ref":"#/results/0/a~1b/list/2"}}},
              {"operation":"echo","input":{"value":[{"$ref":"#/results/1"},{"$ref":"#/results/0/a%7E1b"},{"$ref":"#/results"}]}}]}
            """);

        Assert.Equal("[2,3,5]", response["results"][1].GetRawText());
        Assert.Equal("""{"a/b":{"list":[10,20,30]}}""", response["results"][2][2][0].GetRawText());
    }

    [Fact]
    public async Task A_failing_step_is_reported_with_its_index_and_the_results_so_far()
    {
        var response = await app.Api.PostAsync("sequence", """
            {"steps":[
              {"operation":"echo","input":{"value":"first"}},
              {"operation":"fail","input":{"message":"second"}},
              {"operation":"echo","input":{"value":"third"}}]}
            """);

        Assert.Equal("operation-failed", response.Problem);
        Assert.Equal(1, response["index"].GetInt32());
        Assert.Equal("""["first"]""", response["results"].GetRawText());
    }

    [Theory]
    [InlineData("#/results/0/nothing")]
    [InlineData("#/results/1")]
    [InlineData("#/results/00")]
    [InlineData("#/result")]
    [InlineData("elsewhere.json")]
    public async Task A_reference_to_a_missing_value_is_an_invalid_request(string reference)
    {
        var response = await app.Api.PostAsync("sequence", $$"""
            {"steps":[
              {"operation":"echo","input":{"value":{"a":1} } },
              {"operation":"echo","input":{"value":[0,{"$ref":"{{reference}}"}] } }]}
            """);

        Assert.Equal("invalid-request", response.Problem);
        Assert.Equal(["/steps/1/input/value/1/$ref"], response.ValidationErrors);
        Assert.Equal(1, response["index"].GetInt32());
        Assert.Equal("""[{"a":1}]""", response["results"].GetRawText());
    }

    [Fact]
    public async Task References_to_references_cannot_grow_without_bound()
    {
        // Each step holds the one before ten times; nine of them would be a billion of the first.
        static string Tenfold(int of)
        {
            var reference = string.Create(CultureInfo.InvariantCulture, $$"""{"$ref":"#/results/{{of}}"}""");
            return $$$"""{"operation":"echo","input":{"value":[{{{string.Join(',', Enumerable.Repeat(reference, 10))}}}] } }""";
        }

        var steps = string.Join(',', Enumerable.Range(0, 10).Select(Tenfold));
        var response = await app.Api.PostAsync("sequence", $$$"""{"steps":[{"operation":"echo","input":{"value":"lol"} },{{{steps}}}]}""");

        Assert.Equal("too-large", response.Problem);
        Assert.Contains("Limits:MaxResultBytes", response["detail"].GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_sequence_of_no_steps_has_no_results()
    {
        var response = await app.Api.PostAsync("sequence", """{"steps":[]}""");

        Assert.Equal(0, response["results"].GetArrayLength());
        Assert.Equal(JsonValueKind.Array, response["timeline"].ValueKind);
    }
}
