using System.Net;
using FunctionsApp.IntegrationTests.Hosting;

namespace FunctionsApp.IntegrationTests;

/// <summary>What answers GET answers HEAD too, as monitors ask: with the same status and headers, and without a body.</summary>
[Collection(FunctionsAppCollection.Name)]
public sealed class HeadTests(FunctionsAppFixture app)
{
    [Theory]
    [InlineData("health/live", HttpStatusCode.OK)]
    [InlineData("health/ready", HttpStatusCode.OK)]
    [InlineData("operations", HttpStatusCode.OK)]
    [InlineData("operations/echo", HttpStatusCode.OK)]
    [InlineData("operations/ehco", HttpStatusCode.NotFound)]
    [InlineData("openapi.json", HttpStatusCode.OK)]
    [InlineData("playground", HttpStatusCode.OK)]
    [InlineData("tasks/00000000000000000000000000000000", HttpStatusCode.NotFound)]
    [InlineData("tasks/00000000000000000000000000000000/events", HttpStatusCode.NotFound)]
    [InlineData("tasks/00000000000000000000000000000000/deliveries", HttpStatusCode.NotFound)]
    public Task HEAD_has_the_response_of_GET_without_a_body(string path, HttpStatusCode status) => SameAsync(path, status);

    [Fact]
    public async Task HEAD_does_not_wait_for_the_end_of_events()
    {
        var task = await app.Api.PostAsync("tasks/delay", """{"input":{"seconds":600}}""");
        var id = task["id"].GetString();

        await SameAsync($"tasks/{id}/events", HttpStatusCode.OK);
        await SameAsync($"tasks/{id}/events?heartbeatSeconds=1", HttpStatusCode.OK);
        await SameAsync($"tasks/{id}", HttpStatusCode.OK);

        await app.Api.Http.DeleteAsync(new Uri($"tasks/{id}", UriKind.Relative));
    }

    [OwnHostFact]
    public async Task No_response_names_the_server()
    {
        foreach (var path in new[] { "health/live", "operations/ehco", "playground" })
        {
            using var response = await app.Api.Http.GetAsync(new Uri(path, UriKind.Relative));

            Assert.Empty(response.Headers.Server);
        }
    }

    [LocalHostFact("The platform answers 404 for any other method.")]
    public async Task HEAD_is_an_allowed_method()
    {
        using var request = new HttpRequestMessage(HttpMethod.Put, new Uri("health/live", UriKind.Relative));
        using var response = await app.Api.Http.SendAsync(request);

        Assert.Equal(HttpStatusCode.MethodNotAllowed, response.StatusCode);
        Assert.Equal(["GET", "HEAD"], response.Content.Headers.Allow);
    }

    private async Task SameAsync(string path, HttpStatusCode status)
    {
        using var get = await SendAsync(HttpMethod.Get);
        using var head = await SendAsync(HttpMethod.Head);

        Assert.Equal((status, status), (get.StatusCode, head.StatusCode));
        Assert.Equal(Headers(get), Headers(head));
        Assert.Empty(await head.Content.ReadAsByteArrayAsync().WaitAsync(TimeSpan.FromSeconds(60)));

        Task<HttpResponseMessage> SendAsync(HttpMethod method) =>
            app.Api.Http.SendAsync(new HttpRequestMessage(method, new Uri(path, UriKind.Relative)), HttpCompletionOption.ResponseHeadersRead);
    }

    /// <summary>The headers but for those that are about the moment, or about how a body is sent.</summary>
    private static IEnumerable<string> Headers(HttpResponseMessage response) =>
        response.Headers.Concat(response.Content.Headers)
            .Where(static header => header.Key is not ("Date" or "Transfer-Encoding" or "Content-Length"))
            .Select(static header => $"{header.Key}: {string.Join(", ", header.Value)}").Order(StringComparer.Ordinal);
}
