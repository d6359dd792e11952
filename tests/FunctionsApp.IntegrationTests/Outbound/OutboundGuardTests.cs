using System.Net;
using FunctionsApp.IntegrationTests.Hosting;

namespace FunctionsApp.IntegrationTests.Outbound;

/// <summary>The guard of an app as it is delivered: loopback, where a server does listen, is refused like all else inside.</summary>
[Collection(FunctionsAppCollection.Name)]
public sealed class OutboundGuardTests(FunctionsAppFixture app)
{
    [Theory]
    [InlineData("http://127.0.0.1:7071/", "127.0.0.1")]
    [InlineData("http://2130706433/", "2130706433")]
    [InlineData("http://0x7f.1/", "0x7f.1")]
    [InlineData("http://localhost/", "localhost")]
    [InlineData("http://[::1]/", "[::1]")]
    [InlineData("http://[::ffff:127.0.0.1]/", "[::ffff:127.0.0.1]")]
    [InlineData("http://169.254.169.254/metadata/instance", "169.254.169.254")]
    [InlineData("http://10.0.0.1/", "10.0.0.1")]
    [InlineData("http://db.internal/", "db.internal")]
    public async Task Every_private_address_is_refused_with_the_same_text(string url, string host)
    {
        foreach (var operation in new[] { "await/http.request", "stream/http.lines" })
        {
            var response = await app.Api.PostAsync(operation, $$"""{"url":"{{url}}"}""");

            Assert.Equal((HttpStatusCode.Forbidden, "destination-not-allowed"), (response.Status, response.Problem));
            Assert.Equal($"The host '{host}' is not allowed: it is not on the public Internet, and Outbound:AllowedHosts does not list it.", response["detail"].GetString());
        }
    }

    [Fact]
    public async Task The_app_does_not_call_itself()
    {
        Assert.Equal("destination-not-allowed", (await app.Api.PostAsync("await/http.request", $$"""{"url":"{{app.Api.Http.BaseAddress}}health/live"}""")).Problem);
    }

    [Fact]
    public async Task Every_error_of_an_input_is_listed()
    {
        var response = await app.Api.PostAsync("gather", """
            {"calls":[{"operation":"http.request","input":
              {"url":"example.com","method":"GET","body":1,"headers":{"Host":"x","X-A":"a\r\nb","x y":"1","Accept":"*/*"}}}]}
            """);

        Assert.Equal((HttpStatusCode.UnprocessableEntity, "invalid-request"), (response.Status, response.Problem));
        Assert.Equal(
            new[] { "body", "headers/Host", "headers/X-A", "headers/x y", "url" }.Select(static error => "/calls/0/input/" + error),
            response.ValidationErrors.Order(StringComparer.Ordinal));
    }
}

/// <summary>The guard where some of loopback is allowed.</summary>
[Collection(FunctionsAppCollection.Name)]
public sealed class OutboundGuardWithAllowedHostsTests(UpstreamFixture upstream)
{
    [OwnHostFact]
    public async Task Another_port_of_an_allowed_host_is_refused()
    {
        var response = await upstream.Api.PostAsync("await/http.request", """{"url":"http://127.0.0.1:2/"}""");

        Assert.Equal("destination-not-allowed", response.Problem);
    }

    [OwnHostFact]
    public async Task A_name_of_an_allowed_address_is_resolved_and_checked_at_connect_time()
    {
        // Some machines give localhost an IPv6 address as well, which is not allowed; either way nothing else is dialled.
        var id = upstream.NewId();
        var url = new UriBuilder(upstream.Url($"/echo?id={id}")) { Host = "localhost" }.Uri;
        var addresses = await Dns.GetHostAddressesAsync("localhost");
        var allowed = addresses.All(static address => address.Equals(IPAddress.Loopback));

        var response = await upstream.Api.PostAsync("await/http.request", $$"""{"url":"{{url}}"}""");

        Assert.Equal(allowed ? HttpStatusCode.OK : HttpStatusCode.Forbidden, response.Status);
        Assert.Equal(allowed ? 1 : 0, upstream.Server.Requests(id).Count);
    }

    [OwnHostFact]
    public async Task A_redirect_to_a_private_address_is_refused()
    {
        foreach (var target in new[] { "http://169.254.169.254/latest/meta-data/", "http://127.0.0.1:2/", "http://[::1]/", "http://10.0.0.1/", "file:///etc/passwd" })
        {
            var response = await upstream.RequestAsync("/redirect?to=" + Uri.EscapeDataString(target));

            Assert.Equal((target, HttpStatusCode.Forbidden, "destination-not-allowed"), (target, response.Status, response.Problem));
        }
    }

    [OwnHostFact]
    public async Task Redirects_are_followed_to_a_limit()
    {
        var id = upstream.NewId();

        var response = await upstream.RequestAsync($"/loop?id={id}");

        Assert.Equal("upstream-failed", response.Problem);
        Assert.Equal(6, upstream.Server.Requests(id).Count);
    }

    [OwnHostFact]
    public async Task Secrets_stay_with_their_origin()
    {
        foreach (var (origin, stay) in new[] { (upstream.Server.Origin, true), (upstream.Server.OtherOrigin, false) })
        {
            var id = upstream.NewId();
            var target = Uri.EscapeDataString(new Uri(origin, $"/echo?id={id}").AbsoluteUri);

            await upstream.ResultAsync($"/redirect?to={target}", """ "headers":{"Authorization":"Bearer x","Cookie":"a=b","X-Mine":"1"} """);

            var headers = Assert.Single(upstream.Server.Requests(id)).Headers;
            Assert.Equal((stay, stay, stay), (headers.ContainsKey("authorization"), headers.ContainsKey("cookie"), headers.ContainsKey("x-mine")));
        }
    }

    [OwnHostFact]
    public async Task A_redirect_of_a_post_becomes_a_get()
    {
        var id = upstream.NewId();

        var result = await upstream.ResultAsync($"/redirect?to={Uri.EscapeDataString($"/echo?id={id}")}", """ "method":"POST","body":"x" """);

        Assert.Equal(200, result.GetProperty("status").GetInt32());
        Assert.Equal(("GET", ""), (upstream.Server.Requests(id)[0].Method, upstream.Server.Requests(id)[0].Body));
    }

    [OwnHostFact]
    public async Task An_invalid_allow_list_stops_the_startup_with_a_message()
    {
        await using var host = await LocalHostProcess.RunToEndAsync("http://127.0.0.1:0", ("Outbound__AllowedHosts__0", "http://db.internal/"));

        Assert.Equal(1, host.ExitCode);
        Assert.Contains("Outbound:AllowedHosts has 'http://db.internal/'", host.Error, StringComparison.Ordinal);
    }
}
