using System.Net;
using FunctionsApp.IntegrationTests.Hosting;

namespace FunctionsApp.IntegrationTests;

[Collection(FunctionsAppCollection.Name)]
public sealed class GatherTests(FunctionsAppFixture app)
{
    [Fact]
    public async Task The_first_failure_cancels_the_others_and_is_the_response()
    {
        var response = await app.Api.PostAsync("gather", """
            {"calls":[
              {"operation":"delay","input":{"seconds":60}},
              {"id":"culprit","operation":"fail","input":{"message":"It broke.","afterSeconds":0.1}}]}
            """);

        Assert.Equal("operation-failed", response.Problem);
        Assert.Equal((1, "culprit"), (response["index"].GetInt32(), response["id"].GetString()));
    }

    [Fact]
    public async Task With_returnExceptions_failures_are_results()
    {
        var response = await app.Api.PostAsync("gather", """
            {"returnExceptions":true,"calls":[
              {"operation":"echo","input":{"value":1}},
              {"operation":"fail","input":{"message":"It broke."}},
              {"operation":"nonsense"},
              {"operation":"echo","input":{"valeu":1}}]}
            """);

        Assert.Equal(HttpStatusCode.OK, response.Status);
        Assert.Equal((1, 3, 0), (response["succeeded"].GetInt32(), response["failed"].GetInt32(), response["cancelled"].GetInt32()));
        Assert.Equal(
            ["succeeded", "failed", "failed", "failed"], response["results"].EnumerateArray().Select(static result => result.GetProperty("status").GetString()!));
        Assert.Equal(
            ["/problems/operation-failed", "/problems/unknown-operation", "/problems/invalid-request"],
            response["results"].EnumerateArray().Skip(1).Select(static result => result.GetProperty("error").GetProperty("type").GetString()!));
    }

    [Fact]
    public async Task The_timeout_of_the_gather_fails_unfinished_calls()
    {
        var response = await app.Api.PostAsync("gather", """
            {"returnExceptions":true,"timeoutSeconds":1,"calls":[
              {"operation":"echo","input":{"value":1}},{"operation":"delay","input":{"seconds":60}}]}
            """);

        Assert.Equal("succeeded", response["results"][0].GetProperty("status").GetString());
        Assert.Equal("failed", response["results"][1].GetProperty("status").GetString());
        Assert.Equal("/problems/timeout", response["results"][1].GetProperty("error").GetProperty("type").GetString());
    }

    [Fact]
    public async Task The_losers_of_a_race_are_cancelled()
    {
        var response = await app.Api.PostAsync("gather", """
            {"returnWhen":"firstSucceeded","calls":[
              {"operation":"fail","input":{"message":"At once."}},
              {"operation":"delay","input":{"seconds":1,"result":"won"}},
              {"operation":"delay","input":{"seconds":60}}]}
            """);

        Assert.Equal(["failed", "succeeded", "cancelled"], response["results"].EnumerateArray().Select(static result => result.GetProperty("status").GetString()!));
        Assert.Equal("[0,1]", response["completionOrder"].GetRawText());
    }

    [Fact]
    public async Task A_race_without_a_winner_fails()
    {
        var response = await app.Api.PostAsync("gather", """
            {"returnWhen":"firstSucceeded","calls":[
              {"operation":"fail","input":{"message":"later","afterSeconds":1}},{"id":"b","operation":"fail","input":{"message":"sooner"}}]}
            """);

        Assert.Equal("operation-failed", response.Problem);
        Assert.Equal("b", response["id"].GetString());
    }

    [Fact]
    public async Task A_semaphore_starts_calls_in_order()
    {
        var calls = string.Join(',', Enumerable.Repeat("""{"operation":"delay","input":{"seconds":0.1}}""", 6));
        var response = await app.Api.PostAsync("gather", $$"""{"maxConcurrency":2,"calls":[{{calls}}]}""");

        var starts = response["results"].EnumerateArray().Select(static result => result.GetProperty("startedMs").GetDouble()).ToList();
        Assert.Equal(starts.Order(), starts);
        Assert.True(response["elapsedMs"].GetDouble() >= 300);
    }

    [Fact]
    public async Task A_thousand_calls_run_at_once()
    {
        var calls = string.Join(',', Enumerable.Repeat("""{"operation":"delay","input":{"seconds":1}}""", 1_000));
        var response = await app.Api.PostAsync("gather", $$"""{"calls":[{{calls}}]}""");

        Assert.Equal(1_000, response["succeeded"].GetInt32());
        Assert.True(response.RanAtOnce());
    }

    [Fact]
    public async Task Results_are_streamed_as_their_calls_end()
    {
        using var response = await app.Api.SendAsync("gather", """
            {"calls":[
              {"id":"slow","operation":"delay","input":{"seconds":3600}},
              {"id":"quick","operation":"delay","input":{"seconds":0.1,"result":2}}]}
            """, accept: "application/x-ndjson");

        Assert.Equal("application/x-ndjson", response.Content.Headers.ContentType!.MediaType);
        Assert.StartsWith(
            """{"index":1,"id":"quick","operation":"delay","status":"succeeded","result":2,"startedMs":""", Assert.Single(await response.ReadLinesAsync(1)), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_summary_ends_a_stream()
    {
        using var response = await app.Api.SendAsync(
            "gather", """{"maxConcurrency":1,"calls":[{"operation":"echo","input":{"value":1}},{"operation":"echo","input":{"value":2}}]}""", accept: "application/x-ndjson");
        var lines = await response.ReadLinesAsync();

        Assert.Equal(3, lines.Count);
        Assert.StartsWith("""{"index":0,"operation":"echo",""", lines[0], StringComparison.Ordinal);
        Assert.StartsWith("""{"index":1,"operation":"echo",""", lines[1], StringComparison.Ordinal);
        Assert.StartsWith("""{"summary":{"succeeded":2,"failed":0,"cancelled":0,"elapsedMs":""", lines[2], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Results_are_streamed_as_events()
    {
        using var response = await app.Api.SendAsync(
            "gather", """{"calls":[{"operation":"echo","input":{"value":1}}]}""", accept: "text/event-stream");

        Assert.Matches(
            """^id: 0\ndata: \{"index":0,[^\n]*"result":1,[^\n]*\}\n\nevent: summary\ndata: \{"succeeded":1,[^\n]*\}\n\n$""",
            await response.Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task A_failure_ends_a_stream_with_an_error()
    {
        using var response = await app.Api.SendAsync("gather", """
            {"calls":[
              {"operation":"delay","input":{"seconds":60}},
              {"operation":"echo","input":{"value":1}},
              {"id":"culprit","operation":"fail","input":{"message":"It broke.","afterSeconds":1}}]}
            """, accept: "application/x-ndjson");
        var lines = await response.ReadLinesAsync();

        Assert.Equal(2, lines.Count);
        Assert.StartsWith("""{"index":1,""", lines[0], StringComparison.Ordinal);
        Assert.Matches("""^\{"error":\{"type":"/problems/operation-failed",.*"index":2,"id":"culprit"\}\}$""", lines[1]);
    }

    [Fact]
    public async Task A_failure_before_the_first_result_has_a_status_of_its_own()
    {
        var response = await ApiResponse.ReadAsync(await app.Api.SendAsync(
            "gather", """{"calls":[{"operation":"fail","input":{"message":"It broke."}}]}""", accept: "application/x-ndjson"));

        Assert.Equal(HttpStatusCode.InternalServerError, response.Status);
        Assert.Equal("operation-failed", response.Problem);
    }

    [Theory]
    [InlineData("*/*", "application/json")]
    [InlineData("application/json, application/x-ndjson", "application/json")]
    [InlineData("application/json;q=0.5, application/x-ndjson", "application/x-ndjson")]
    [InlineData("text/event-stream, */*;q=0.1", "text/event-stream")]
    [InlineData("application/x-ndjson;q=0", "application/json")]
    public async Task The_client_gets_the_media_type_that_it_prefers(string accept, string mediaType)
    {
        using var response = await app.Api.SendAsync("gather", """{"calls":[{"operation":"echo","input":{"value":1}}]}""", accept: accept);

        Assert.Equal(mediaType, response.Content.Headers.ContentType!.MediaType);
    }
}
