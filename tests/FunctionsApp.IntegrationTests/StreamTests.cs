using System.Net;
using FunctionsApp.IntegrationTests.Hosting;

namespace FunctionsApp.IntegrationTests;

[Collection(FunctionsAppCollection.Name)]
public sealed class StreamTests(FunctionsAppFixture app)
{
    [Fact]
    public async Task Lines_of_json_are_the_default()
    {
        using var response = await app.Api.SendAsync("stream/count", """{"count":2,"start":5,"step":-1}""");
        var lines = await response.ReadLinesAsync();

        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal("application/x-ndjson", response.Content.Headers.ContentType!.MediaType);
        Assert.Equal(["""{"value":5}""", """{"value":4}"""], lines.Take(2));
        Assert.Matches("""^\{"end":\{"count":2,"elapsedMs":[0-9.]+\}\}$""", lines[2]);
        Assert.Equal(3, lines.Count);
    }

    [Fact]
    public async Task Server_sent_events_are_numbered_and_end_with_an_event()
    {
        using var response = await app.Api.SendAsync("stream/greet", """{"name":"Ada","pauseSeconds":0}""", accept: "text/event-stream");
        var text = await response.Content.ReadAsStringAsync();

        Assert.Equal("text/event-stream", response.Content.Headers.ContentType!.MediaType);
        Assert.StartsWith("id: 0\ndata: \"Hello, Ada!\"\n\nid: 1\ndata: \"Goodbye, Ada!\"\n\nevent: end\ndata: {\"count\":2,", text, StringComparison.Ordinal);
        Assert.EndsWith("}\n\n", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_error_after_the_first_value_is_the_last_line()
    {
        using var response = await app.Api.SendAsync("stream/greet?timeoutSeconds=2", """{"pauseSeconds":60}""");
        var lines = await response.ReadLinesAsync();

        Assert.Equal(2, lines.Count);
        Assert.Equal("""{"value":"Hello, World!"}""", lines[0]);
        Assert.StartsWith("""{"error":{"type":"/problems/timeout",""", lines[1], StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_error_after_the_first_event_is_the_last_event()
    {
        using var response = await app.Api.SendAsync("stream/greet?timeoutSeconds=2", """{"pauseSeconds":60}""", accept: "text/event-stream");
        var text = await response.Content.ReadAsStringAsync();

        Assert.StartsWith("id: 0\ndata: \"Hello, World!\"\n\nevent: error\ndata: {\"type\":\"/problems/timeout\",", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_empty_stream_has_an_end()
    {
        using var response = await app.Api.SendAsync("stream/count", """{"count":0}""");

        Assert.StartsWith("""{"end":{"count":0,""", Assert.Single(await response.ReadLinesAsync()), StringComparison.Ordinal);
    }
}
