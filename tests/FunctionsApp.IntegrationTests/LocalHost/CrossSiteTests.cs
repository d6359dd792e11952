using System.Net;
using FunctionsApp.IntegrationTests.Hosting;

namespace FunctionsApp.IntegrationTests.LocalHost;

/// <summary>What a web page that a developer visits can have a host without keys do. <c>OriginGuardTests</c> has more headers.</summary>
[Collection(FunctionsAppCollection.Name)]
public sealed class CrossSiteTests(FunctionsAppFixture app)
{
    private const string Task = """{"input":{"seconds":600}}""";

    private static readonly (string Name, string Value) Foreign = ("Origin", "https://evil.example");
    private static readonly (string Name, string Value) CrossSite = ("Sec-Fetch-Site", "cross-site");

    [OwnHostFact]
    public async Task A_page_of_another_site_starts_no_work()
    {
        await using var host = await LocalHostProcess.StartAsync();
        using var api = host.Connect();
        (string Name, string Value)[][] senders = [[Foreign], [CrossSite], [Foreign, CrossSite], [("Origin", "null")], [("Sec-Fetch-Site", "same-site")]];
        foreach (var headers in senders)
        {
            // Without a content type, as a page may send it without a preflight.
            using var request = new HttpRequestMessage(HttpMethod.Post, "tasks/delay") { Content = new StringContent(Task) };
            request.Content.Headers.ContentType = null;
            foreach (var (name, value) in headers)
            {
                request.Headers.Add(name, value);
            }

            var response = await ApiResponse.ReadAsync(await api.Http.SendAsync(request));

            Assert.Equal((HttpStatusCode.Forbidden, "cross-site"), (response.Status, response.Problem));
        }

        Assert.Empty((await api.GetAsync("tasks"))["items"].EnumerateArray());
        Assert.Equal("cross-site", (await api.SendAsync(HttpMethod.Get, "operations", json: null, CrossSite)).Problem);
        var preflight = await api.SendAsync(HttpMethod.Options, "tasks/delay", json: null, Foreign, ("Access-Control-Request-Method", "POST"));
        Assert.Equal("cross-site", preflight.Problem);
    }

    [OwnHostFact]
    public async Task The_page_of_the_host_works_and_a_link_leads_to_it()
    {
        var own = ("Origin", app.Host.BaseAddress.GetLeftPart(UriPartial.Authority));

        using var link = new HttpRequestMessage(HttpMethod.Get, app.Host.BaseAddress);
        link.Headers.Add("Sec-Fetch-Site", "cross-site");
        link.Headers.Add("Sec-Fetch-Mode", "navigate");
        link.Headers.Add("Sec-Fetch-Dest", "document");
        using var page = await app.Api.Http.SendAsync(link);
        Assert.Equal((HttpStatusCode.OK, "text/html"), (page.StatusCode, page.Content.Headers.ContentType?.MediaType));

        (string Name, string Value)[][] senders = [[own, ("Sec-Fetch-Site", "same-origin")], [own], []];
        foreach (var headers in senders)
        {
            Assert.Equal(HttpStatusCode.Accepted, (await app.Api.SendAsync(HttpMethod.Post, "tasks/echo", """{"input":{"value":1}}""", headers)).Status);
        }
    }

    [OwnHostFact]
    public async Task Pages_of_an_allowed_origin_can_send_and_read()
    {
        const string Allowed = "https://app.example";
        await using var host = await LocalHostProcess.StartAsync(("Host__AllowedOrigins__0", Allowed));
        using var api = host.Connect();

        using var preflight = new HttpRequestMessage(HttpMethod.Options, "await/echo");
        preflight.Headers.Add("Origin", Allowed);
        preflight.Headers.Add("Access-Control-Request-Method", "POST");
        preflight.Headers.Add("Access-Control-Request-Headers", "content-type,x-functions-key");
        using var permission = await api.Http.SendAsync(preflight);
        Assert.Equal(HttpStatusCode.NoContent, permission.StatusCode);
        Assert.Equal([Allowed], permission.Headers.GetValues("Access-Control-Allow-Origin"));
        Assert.Equal(["POST"], permission.Headers.GetValues("Access-Control-Allow-Methods"));
        Assert.Equal(["content-type,x-functions-key"], permission.Headers.GetValues("Access-Control-Allow-Headers"));

        var response = await api.SendAsync(HttpMethod.Post, "await/echo", """{"value":1}""", ("Origin", Allowed), CrossSite);
        Assert.Equal((HttpStatusCode.OK, 1), (response.Status, response["result"].GetInt32()));
        Assert.Equal([Allowed], response.Headers.GetValues("Access-Control-Allow-Origin"));

        var refused = await api.SendAsync(HttpMethod.Post, "await/echo", """{"value":1}""", Foreign, CrossSite);
        Assert.Equal("cross-site", refused.Problem);
        Assert.False(refused.Headers.Contains("Access-Control-Allow-Origin"));
    }

    [OwnHostFact]
    public async Task An_invalid_allowed_origin_is_refused_at_startup()
    {
        await using var host = await LocalHostProcess.RunToEndAsync("http://127.0.0.1:0", ("Host__AllowedOrigins__0", "*"));

        Assert.Equal(1, host.ExitCode);
        Assert.Contains("'*' in Host:AllowedOrigins is not an origin", host.Error, StringComparison.Ordinal);
    }
}
