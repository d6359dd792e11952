using System.Net;
using System.Text.Json;
using FunctionsApp.IntegrationTests.Hosting;

namespace FunctionsApp.IntegrationTests.Tasks;

/// <summary><c>Prefer: respond-async</c> (RFC 7240): a task of what the endpoint would run at once.</summary>
[Collection(FunctionsAppCollection.Name)]
public sealed class TaskPreferenceTests(FunctionsAppFixture app)
{
    [Theory]
    [InlineData("await/echo", """{"value":1}""", "operation", "echo")]
    [InlineData("sequence", """{"steps":[]}""", "pattern", "sequence")]
    [InlineData("gather", """{"calls":[]}""", "pattern", "gather")]
    [InlineData("map/math.square", """{"items":[1]}""", "pattern", "map")]
    public async Task Respond_async_returns_a_task(string path, string body, string property, string value)
    {
        var response = await app.Api.CreateAsync(path, body, ("Prefer", "respond-async"));
        var ended = await app.Api.EndAsync(response.Id());

        Assert.Equal($"/api/tasks/{response.Id()}", response.Headers.Location!.ToString());
        Assert.Equal(["respond-async"], response.Headers.GetValues("Preference-Applied"));
        Assert.Equal(value, response[property].GetString());
        Assert.Equal("succeeded", ended.State());
    }

    [Theory]
    [InlineData("await/echo", """{"value":{"a":[1]}}""")]
    [InlineData("sequence", """{"steps":[{"operation":"echo","input":{"value":1}}]}""")]
    [InlineData("gather", """{"calls":[{"operation":"echo","input":{"value":1}}]}""")]
    [InlineData("map/math.square", """{"items":[2]}""")]
    [InlineData("await/fail", """{"message":"It broke."}""")]
    [InlineData("sequence", """{"steps":[{"operation":"echo","input":{"value":1}},{"operation":"fail","input":{"message":"It broke."}}]}""")]
    [InlineData("gather", """{"calls":[{"id":"a","operation":"delay","input":{"seconds":60},"timeoutSeconds":0.1}]}""")]
    [InlineData("map/primes.factor", """{"items":[0]}""")]
    public async Task Work_that_ends_in_time_has_the_response_of_its_endpoint(string path, string body)
    {
        var direct = await app.Api.PostAsync(path, body);
        var response = await app.Api.SendAsync(HttpMethod.Post, path, body, ("Prefer", "respond-async, wait=60"));

        Assert.Equal((direct.Status, direct.MediaType), (response.Status, response.MediaType));
        Assert.Equal(Shape(direct.Body), Shape(response.Body));
        Assert.Equal(["wait=60"], response.Headers.GetValues("Preference-Applied"));
        Assert.Null(response.Headers.Location);
    }

    [Theory]
    [InlineData("await/delay", TaskRequests.Endless)]
    [InlineData("sequence", """{"steps":[{"operation":"delay","input":{"seconds":3600}}]}""")]
    [InlineData("gather", """{"calls":[{"operation":"delay","input":{"seconds":3600}}]}""")]
    [InlineData("map/primes.count", """{"items":[{"from":0,"to":1000000000000}]}""")]
    public async Task Work_that_does_not_end_in_time_is_a_task(string path, string body)
    {
        var response = await app.Api.CreateAsync(path, body, ("Prefer", "respond-async, wait=1"));

        Assert.Contains(response.State(), new[] { "queued", "running" });
        Assert.Equal(["respond-async, wait=1"], response.Headers.GetValues("Preference-Applied"));
        Assert.Equal($"/api/tasks/{response.Id()}", response.Headers.Location!.ToString());
        await app.Api.CancelAsync(response.Id());
        Assert.Equal("cancelled", (await app.Api.EndAsync(response.Id())).State());
    }

    [Theory]
    [InlineData("RESPOND-ASYNC", "respond-async")]
    [InlineData("handling=lenient, respond-async;why=not", "respond-async")]
    [InlineData("respond-async, wait=soon", "respond-async")]
    [InlineData("respond-async, wait=-1", "respond-async")]
    [InlineData("respond-async, wait=0", "respond-async, wait=0")]
    [InlineData(",, respond-async ,", "respond-async")]
    public async Task A_preference_is_read_in_every_valid_spelling(string prefer, string applied)
    {
        var response = await app.Api.CreateAsync("await/echo", """{"value":1}""", ("Prefer", prefer));

        Assert.Equal([applied], response.Headers.GetValues("Preference-Applied"));
    }

    [Theory]
    [InlineData("respond-async, wait=\"60\"", "wait=60")]
    [InlineData("Wait = 60 ; x=y, Respond-Async", "wait=60")]
    [InlineData("respond-async, wait=60, wait=1", "wait=60")]
    [InlineData("wait=60", null)]
    [InlineData("handling=strict", null)]
    [InlineData("respond-asynchronously", null)]
    [InlineData("", null)]
    public async Task Other_preferences_do_not_create_a_task(string prefer, string? applied)
    {
        var response = await app.Api.SendAsync(HttpMethod.Post, "await/echo", """{"value":1}""", ("Prefer", prefer));

        Assert.Equal((HttpStatusCode.OK, 1), (response.Status, response["result"].GetInt32()));
        Assert.Equal(applied, response.Headers.TryGetValues("Preference-Applied", out var values) ? values.Single() : null);
    }

    [Fact]
    public async Task A_map_of_lines_is_never_a_task()
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "map/math.square")
        {
            Content = new StringContent("3\n", System.Text.Encoding.UTF8, "application/x-ndjson"),
            Headers = { { "Prefer", "respond-async" } },
        };
        using var response = await app.Api.Http.SendAsync(request);

        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.StartsWith("""{"index":0,"result":9}""", await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("await/delay", """{"seconds":"x"}""", "/seconds")]
    [InlineData("await/delay?timeoutSeconds=0", """{"seconds":1}""", "/timeoutSeconds")]
    [InlineData("sequence", """{"steps":[{"operation":"delay","input":{"seconds":"x"}}]}""", "/steps/0/input/seconds")]
    [InlineData("gather", """{"calls":[{"operation":"echo"}]}""", "/calls/0/input/value")]
    [InlineData("map/math.square", """{"items":["two"],"chunkSize":0}""", "/chunkSize")]
    [InlineData("map/hash", """{"items":["a"],"reduce":"sum"}""", "/reduce")]
    public async Task An_invalid_request_is_refused_at_once(string path, string body, string pointer)
    {
        var response = await app.Api.SendAsync(HttpMethod.Post, path, body, ("Prefer", "respond-async"));

        Assert.Equal("invalid-request", response.Problem);
        Assert.Equal([pointer], response.ValidationErrors);
    }

    [Fact]
    public async Task The_timeout_of_the_query_applies_to_the_task()
    {
        var response = await app.Api.CreateAsync("await/delay?timeoutSeconds=0.2", TaskRequests.Endless, ("Prefer", "respond-async"));

        Assert.Equal("/problems/timeout", (await app.Api.EndAsync(response.Id()))["error"].GetProperty("type").GetString());
    }

    [Fact]
    public async Task The_same_key_is_the_same_task()
    {
        var key = Guid.NewGuid().ToString();
        var first = await app.Api.CreateAsync("await/delay", """{"seconds":0.2,"result":1}""", ("Prefer", "respond-async"), ("Idempotency-Key", key));
        var again = await app.Api.SendAsync(
            HttpMethod.Post, "await/delay", """{"seconds":0.2,"result":1}""", ("Prefer", "respond-async, wait=60"), ("Idempotency-Key", key));

        Assert.Equal((HttpStatusCode.OK, 1), (again.Status, again["result"].GetInt32()));
        Assert.Equal(1, (await app.Api.EndAsync(first.Id()))["attempts"].GetInt32());
        Assert.Equal("idempotency-key-reused", (await app.Api.SendAsync(
            HttpMethod.Post, "await/delay", """{"seconds":0.3}""", ("Prefer", "respond-async"), ("Idempotency-Key", key))).Problem);
    }

    /// <summary>The properties of a value, at any depth, in their order; and the values that do not tell the time or the request.</summary>
    private static string Shape(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Object => "{" + string.Join(',', value.EnumerateObject().Select(static property => property.Name + (
            property.Name == "traceId" || property.Name.EndsWith("Ms", StringComparison.Ordinal) ? "" : ":" + Shape(property.Value)))) + "}",
        JsonValueKind.Array => "[" + string.Join(',', value.EnumerateArray().Select(Shape)) + "]",
        _ => value.GetRawText(),
    };
}
