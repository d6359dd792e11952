using System.Net;
using FunctionsApp.IntegrationTests.Hosting;

namespace FunctionsApp.IntegrationTests;

/// <summary>The table of problems, row by row, as far as a request can bring it about.</summary>
[Collection(FunctionsAppCollection.Name)]
public sealed class ErrorTableTests(FunctionsAppFixture app)
{
    [Theory]
    [InlineData("await/echo", "{\"value\":1", 1, 11)]
    [InlineData("await/echo", "{\"value\":1}}", 1, 12)]
    [InlineData("gather", "{\n  \"calls\": [,]\n}", 2, 13)]
    [InlineData("gather", "", 1, 1)]
    [InlineData("map/math.square", "hello", 1, 1)]
    public async Task Malformed_json_gives_line_and_position(string path, string body, int line, int position)
    {
        var response = await app.Api.PostAsync(path, body);

        Assert.Equal(HttpStatusCode.BadRequest, response.Status);
        Assert.Equal("malformed-json", response.Problem);
        Assert.Equal((line, position), (response["line"].GetInt32(), response["position"].GetInt32()));
    }

    [Theory]
    [InlineData("await/delay", """{"seconds":-1}""", "/seconds")]
    [InlineData("await/delay", """{}""", "/seconds")]
    [InlineData("await/delay", """[1]""", "")]
    [InlineData("await/delay", """{"seconds":"1","more":2,"most":3}""", "/seconds", "/more", "/most")]
    [InlineData("await/delay?timeoutSeconds=0", """{"seconds":1}""", "/timeoutSeconds")]
    [InlineData("await/delay?timeoutSeconds=1e9", """{"seconds":1}""", "/timeoutSeconds")]
    [InlineData("await/delay?timeoutSeconds=soon", """{"seconds":1}""", "/timeoutSeconds")]
    [InlineData("gather", """{"call":[]}""", "/call", "/calls")]
    [InlineData("gather", """{"calls":[{"operation":"delay","input":{"seconds":"x"}},{"operation":"echo"}]}""", "/calls/0/input/seconds", "/calls/1/input/value")]
    [InlineData("gather", """{"calls":[{"operation":"echo","input":{"value":1},"timeoutSeconds":-1}]}""", "/calls/0/timeoutSeconds")]
    [InlineData("gather", """{"calls":[],"returnWhen":"never","maxConcurrency":0}""", "/returnWhen", "/maxConcurrency")]
    [InlineData("gather", """{"calls":[],"returnWhen":"firstCompleted"}""", "/calls")]
    [InlineData("sequence", """{"steps":[{"operation":"delay","input":{"seconds":"x"}},{"operation":"echo"}]}""", "/steps/0/input/seconds", "/steps/1/input/value")]
    [InlineData("sequence", """{"steps":[{"operation":"echo","input":{"value":{"$ref":"#/results/0"}}}]}""", "/steps/0/input/value/$ref")]
    [InlineData("map/math.square", """{"items":[1,"two",{"y":3}]}""", "/items/1", "/items/2/y", "/items/2/x")]
    [InlineData("map/math.square", """{"items":1,"chunkSize":0}""", "/items", "/chunkSize")]
    [InlineData("map/hash", """{"items":["a"],"reduce":"sum"}""", "/reduce")]
    [InlineData("callback/echo", """{"input":{"value":1}}""", "/onSuccess")]
    [InlineData("callback/echo", """{"input":{"value":1},"onSuccess":{"url":"nowhere"}}""", "/onSuccess/url")]
    [InlineData("stream/count", """{"count":-1,"intervalSeconds":"x"}""", "/count", "/intervalSeconds")]
    public async Task An_invalid_request_lists_every_error_by_its_pointer(string path, string body, params string[] pointers)
    {
        var response = await app.Api.PostAsync(path, body);

        Assert.Equal(HttpStatusCode.UnprocessableEntity, response.Status);
        Assert.Equal("invalid-request", response.Problem);
        Assert.Equal(pointers.Order(StringComparer.Ordinal), response.ValidationErrors.Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData("await/dleay", "{}", "delay")]
    [InlineData("map/primes.isprime", """{"items":[]}""", "primes.isPrime")]
    [InlineData("stream/greeet", "{}", "greet")]
    [InlineData("sequence", """{"steps":[{"operation":"ehco"}]}""", "echo")]
    [InlineData("gather", """{"calls":[{"operation":"ehco"}]}""", "echo")]
    [InlineData("callback/echo", """{"input":{"value":1},"onSuccess":{"operation":"ehco"}}""", "echo")]
    public async Task An_unknown_operation_comes_with_suggestions(string path, string body, string suggestion)
    {
        var response = await app.Api.PostAsync(path, body);

        Assert.Equal(HttpStatusCode.NotFound, response.Status);
        Assert.Equal("unknown-operation", response.Problem);
        Assert.Equal(suggestion, response["suggestions"][0].GetString());
    }

    [Theory]
    [InlineData("await/greet", "{}")]
    [InlineData("map/greet", """{"items":[1]}""")]
    [InlineData("stream/delay", """{"seconds":1}""")]
    [InlineData("gather", """{"calls":[{"operation":"greet"}]}""")]
    [InlineData("sequence", """{"steps":[{"operation":"count","input":{"count":1}}]}""")]
    [InlineData("callback/greet", """{"onSuccess":{"operation":"echo"}}""")]
    public async Task An_operation_of_the_wrong_kind_is_refused(string path, string body)
    {
        var response = await app.Api.PostAsync(path, body);

        Assert.Equal(HttpStatusCode.UnprocessableEntity, response.Status);
        Assert.Equal("wrong-kind", response.Problem);
    }

    [Fact]
    public async Task A_body_over_its_limit_is_too_large()
    {
        var response = await app.Api.PostAsync("await/echo", $$"""{"value":"{{new string('x', 10 * 1024 * 1024)}}"}""");

        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, response.Status);
        Assert.Equal("too-large", response.Problem);
        Assert.Contains("Limits:MaxRequestBytes", response["detail"].GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Calls_over_their_limit_are_too_large()
    {
        var calls = string.Join(',', Enumerable.Repeat("""{"operation":"fail","input":{"message":"never"}}""", 10_001));
        var response = await app.Api.PostAsync("gather", $$"""{"calls":[{{calls}}]}""");

        Assert.Equal("too-large", response.Problem);
        Assert.Contains("Limits:MaxCalls", response["detail"].GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Items_over_their_limit_are_too_large()
    {
        var response = await app.Api.PostAsync("map/math.square", $$"""{"items":[{{string.Join(',', Enumerable.Repeat('1', 1_000_001))}}]}""");

        Assert.Equal("too-large", response.Problem);
        Assert.Contains("Limits:MaxItems", response["detail"].GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Nesting_over_its_limit_is_too_large()
    {
        var response = await app.Api.PostAsync("await/echo", $$"""{"value":{{new string('[', 64)}}{{new string(']', 64)}}}""");

        Assert.Equal("too-large", response.Problem);
        Assert.Contains("Limits:MaxDepth", response["detail"].GetString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("text/plain")]
    [InlineData("application/x-www-form-urlencoded")]
    [InlineData("application/json; charset=utf-16")]
    public async Task A_body_with_another_media_type_is_unsupported(string contentType)
    {
        var response = await ApiResponse.ReadAsync(await app.Api.SendAsync("await/echo", """{"value":1}""", contentType));

        Assert.Equal(HttpStatusCode.UnsupportedMediaType, response.Status);
        Assert.Equal("unsupported-media-type", response.Problem);
        Assert.Equal(["application/json"], response.Headers.GetValues("Accept"));
    }

    [Theory]
    [InlineData("text/plain")]
    [InlineData("application/x-ndjson; charset=utf-16")]
    public async Task A_map_names_both_types_that_it_reads(string contentType)
    {
        var response = await ApiResponse.ReadAsync(await app.Api.SendAsync("map/math.square", "1", contentType));

        Assert.Equal("unsupported-media-type", response.Problem);
        Assert.Contains("send application/json or application/x-ndjson in UTF-8", response["detail"].GetString(), StringComparison.Ordinal);
        Assert.Equal(["application/json, application/x-ndjson"], response.Headers.GetValues("Accept"));
    }

    [Theory]
    [InlineData("await/fail", """{"message":"It broke."}""")]
    [InlineData("callback/fail", """{"input":{"message":"It broke."},"onSuccess":{"operation":"echo"}}""")]
    [InlineData("callback/echo", """{"input":{"value":1},"onSuccess":{"operation":"fail","input":{"message":"It broke."}}}""")]
    public async Task An_operations_own_error_has_its_message(string path, string body)
    {
        var response = await app.Api.PostAsync(path, body);

        Assert.Equal(HttpStatusCode.InternalServerError, response.Status);
        Assert.Equal("operation-failed", response.Problem);
        Assert.Equal("It broke.", response["detail"].GetString());
    }

    [Theory]
    [InlineData("await/delay?timeoutSeconds=0.1", """{"seconds":60}""")]
    [InlineData("stream/count?timeoutSeconds=0.1", """{"count":1,"intervalSeconds":60}""")]
    [InlineData("sequence", """{"steps":[{"operation":"delay","input":{"seconds":60}}],"timeoutSeconds":0.1}""")]
    [InlineData("callback/delay", """{"input":{"seconds":60},"onSuccess":{"operation":"echo"},"timeoutSeconds":0.1}""")]
    [InlineData("gather", """{"calls":[{"operation":"delay","input":{"seconds":60}}],"timeoutSeconds":0.1}""")]
    [InlineData("gather", """{"calls":[{"operation":"delay","input":{"seconds":60},"timeoutSeconds":0.1}]}""")]
    [InlineData("map/primes.count", """{"items":[{"from":0,"to":1000000000000}],"timeoutSeconds":0.1}""")]
    public async Task A_timeout_is_reported(string path, string body)
    {
        var response = await app.Api.PostAsync(path, body);

        Assert.Equal(HttpStatusCode.GatewayTimeout, response.Status);
        Assert.Equal("timeout", response.Problem);
        Assert.Contains("0.1 s", response["detail"].GetString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("await/echo", "\"\\ud800\"")]
    [InlineData("await/echo", "{\"value\":\"\\ud800\"}")]
    [InlineData("await/echo", "{\"value\":{\"\\udc00\":1}}")]
    public async Task Half_a_character_is_an_invalid_request(string path, string body)
    {
        var response = await app.Api.PostAsync(path, body);

        Assert.Equal("invalid-request", response.Problem);
    }
}
