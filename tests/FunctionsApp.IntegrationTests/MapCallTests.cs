using System.Diagnostics;
using System.Globalization;
using System.Net;
using FunctionsApp.IntegrationTests.Hosting;

namespace FunctionsApp.IntegrationTests;

/// <summary>Maps of io operations.</summary>
[Collection(FunctionsAppCollection.Name)]
public sealed class MapCallTests(FunctionsAppFixture app)
{
    [Fact]
    public async Task All_items_run_at_once_and_results_keep_their_order()
    {
        var watch = Stopwatch.StartNew();
        var response = await app.Api.PostAsync("map/delay", $$"""{"items":[{{string.Join(',', Enumerable.Repeat("[1,7]", 60))}}],"starmap":true}""");

        Assert.Equal(HttpStatusCode.OK, response.Status);
        Assert.Equal(Enumerable.Repeat(7, 60), response["results"].EnumerateArray().Select(static result => result.GetInt32()));
        Assert.InRange(watch.Elapsed, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(30));
        Assert.Equal(["results", "errors", "elapsedMs"], response.Body.EnumerateObject().Select(static property => property.Name));
    }

    [Theory]
    [InlineData("", "0 1 2")]
    [InlineData("&ordered=false", "2 0 1")]
    public async Task Lines_have_their_results_in_the_order_that_is_asked_for(string option, string order)
    {
        using var response = await app.Api.SendAsync(
            "map/delay?maxConcurrency=3&starmap=true" + option, "[1.5,\"a\"]\n[3,\"b\"]\n[0,\"c\"]\n", "application/x-ndjson");
        var lines = (await response.Content.ReadAsStringAsync()).Split('\n', StringSplitOptions.RemoveEmptyEntries);

        Assert.Equal(order.Split(' ').Select(static index => $$"""{"index":{{index}},"result":"{{"abc"[index[0] - '0']}}"}"""), lines[..^1]);
        Assert.StartsWith("""{"summary":{"succeeded":3,"failed":0,"elapsedMs":""", lines[^1], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Many_lines_pass_through()
    {
        const int Items = 20_000;
        var body = string.Concat(Enumerable.Range(0, Items).Select(static i => string.Create(CultureInfo.InvariantCulture, $"{i}\n")));
        using var response = await app.Api.SendAsync("map/echo", body, "application/x-ndjson");
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync());
        for (var i = 0; i < Items; i++)
        {
            Assert.Equal(string.Create(CultureInfo.InvariantCulture, $$"""{"index":{{i}},"result":{{i}}}"""), await reader.ReadLineAsync());
        }

        Assert.StartsWith("""{"summary":{"succeeded":20000,"failed":0,""", await reader.ReadLineAsync(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("map/echo", """{"items":[1],"workers":1}""", "/workers")]
    [InlineData("map/echo", """{"items":[1],"chunkSize":1}""", "/chunkSize")]
    [InlineData("map/echo", """{"items":[1],"maxConcurrency":1001}""", "/maxConcurrency")]
    [InlineData("map/math.square", """{"items":[1],"maxConcurrency":1,"maxPerSecond":1}""", "/maxConcurrency /maxPerSecond")]
    [InlineData("map/delay", """{"items":[0,-1,"a"]}""", "/items/1 /items/2")]
    [InlineData("gather", """{"calls":[],"maxPerSecond":0}""", "/maxPerSecond")]
    public async Task What_is_invalid_is_named(string path, string body, string errors)
    {
        var response = await app.Api.PostAsync(path, body);

        Assert.Equal((HttpStatusCode.UnprocessableEntity, "invalid-request"), (response.Status, response.Problem));
        Assert.Equal(errors.Split(' '), response["errors"].EnumerateObject().Select(static error => error.Name));
    }

    [Fact]
    public async Task The_first_failure_is_the_response_and_ends_the_others()
    {
        var response = await app.Api.PostAsync("map/fail", """{"items":[{"message":"slow","afterSeconds":600},{"message":"quick"}]}""");

        Assert.Equal(("operation-failed", 1, "quick"), (
            response.Problem, response["index"].GetInt32(), response["detail"].GetString()));
    }

    [Theory]
    [InlineData("map/echo", """{"items":[1,2,3,4,5,6],"maxPerSecond":4}""")]
    [InlineData("gather", """{"maxPerSecond":4,"calls":[{{}},{{}},{{}},{{}},{{}},{{}}]}""")]
    public async Task Starts_are_spread_over_the_time(string path, string body)
    {
        var response = await app.Api.PostAsync(path, body.Replace("{{}}", """{"operation":"echo","input":{"value":1}}""", StringComparison.Ordinal));

        // Five pauses of a quarter of a second; the last may be half as long.
        Assert.InRange(response["elapsedMs"].GetDouble(), 1_124, 60_000);
    }

    [Fact]
    public async Task A_map_of_calls_can_be_a_task()
    {
        var created = await app.Api.PostAsync(
            "tasks", """{"pattern":"map","operation":"delay","request":{"items":[[0,1],[0,2]],"starmap":true,"reduce":"sum"}}""");
        var task = await app.Api.GetAsync($"tasks/{created["id"].GetString()}?waitSeconds=60");

        Assert.Equal(("succeeded", 3), (
            task["status"].GetString(), task["result"].GetProperty("result").GetInt32()));
    }
}
