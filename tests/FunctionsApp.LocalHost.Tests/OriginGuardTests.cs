using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Primitives;

namespace FunctionsApp.LocalHost.Tests;

/// <summary>
/// What browsers send, by the Fetch standard (Origin) and W3C Fetch Metadata (Sec-Fetch-Site, Sec-Fetch-Mode). The rows on proxies and on
/// requests without a Sec-Fetch-Site are those that Go's net/http.CrossOriginProtection is tested with.
/// </summary>
public sealed class OriginGuardTests
{
    [Theory]
    [InlineData("no browser", "127.0.0.1:7071", null, null)]
    [InlineData("a page of the host", "127.0.0.1:7071", "http://127.0.0.1:7071", "same-origin")]
    [InlineData("a page of the host, GET", "127.0.0.1:7071", null, "same-origin")]
    [InlineData("a page of the host, old browser", "127.0.0.1:7071", "http://127.0.0.1:7071", null)]
    [InlineData("a name in capitals", "LOCALHOST:7071", "http://localhost:7071", null)]
    [InlineData("IPv6", "[::1]:7071", "http://[::1]:7071", null)]
    [InlineData("the port of the scheme is absent", "app.example", "http://app.example", null)]
    [InlineData("the port of the scheme is in the host only", "app.example:80", "http://app.example", null)]
    [InlineData("the port of the scheme is in the origin only", "app.example", "http://app.example:80", null)]
    [InlineData("a proxy terminates TLS", "app.example", "https://app.example", null)]
    [InlineData("a proxy terminates TLS, and names its port", "app.example:443", "https://app.example", null)]
    [InlineData("a proxy has replaced the host name", "127.0.0.1:7071", "https://app.example", "same-origin")]
    [InlineData("the address bar", "127.0.0.1:7071", null, "none")]
    [InlineData("an origin and the address bar", "127.0.0.1:7071", "http://127.0.0.1:7071", "none")]
    [InlineData("an allowed origin", "127.0.0.1:7071", "https://allowed.example", "cross-site")]
    [InlineData("an allowed origin, old browser", "127.0.0.1:7071", "https://allowed.example", null)]
    [InlineData("an allowed origin on the same site", "127.0.0.1:7071", "http://127.0.0.1:3000", "same-site")]
    public void A_request_that_no_page_of_another_origin_sends_is_served(string sender, string host, string? origin, string? site) =>
        Assert.True(Guard().Refusal(Request("POST", host, origin, site)) is null, sender);

    [Theory]
    [InlineData("another site", "127.0.0.1:7071", "https://evil.example", "cross-site")]
    [InlineData("another site, old browser", "127.0.0.1:7071", "https://evil.example", null)]
    [InlineData("another site, no origin", "127.0.0.1:7071", null, "cross-site")]
    [InlineData("another host of the site", "app.example", "http://www.app.example", "same-site")]
    [InlineData("another port", "127.0.0.1:7071", "http://127.0.0.1:3001", "same-site")]
    [InlineData("another port, old browser", "127.0.0.1:7071", "http://127.0.0.1:3001", null)]
    [InlineData("the scheme's own port", "127.0.0.1:7071", "http://127.0.0.1", null)]
    [InlineData("the port of the other scheme", "app.example:80", "https://app.example", null)]
    [InlineData("another name of the machine", "127.0.0.1:7071", "http://localhost:7071", null)]
    [InlineData("another IPv6 address", "[::1]:7071", "http://[::2]:7071", null)]
    [InlineData("the host name as a part", "127.0.0.1:7071", "http://127.0.0.1:7071.evil.example", null)]
    [InlineData("the host name as a user", "127.0.0.1:7071", "http://127.0.0.1:7071@evil.example", null)]
    [InlineData("the host name as a path", "127.0.0.1:7071", "http://evil.example/127.0.0.1:7071", null)]
    [InlineData("another scheme", "127.0.0.1:7071", "ftp://127.0.0.1:7071", null)]
    [InlineData("an allowed name by another scheme", "127.0.0.1:7071", "http://allowed.example", "cross-site")]
    [InlineData("an allowed name on another port", "127.0.0.1:7071", "https://allowed.example:8443", "cross-site")]
    [InlineData("below an allowed name", "127.0.0.1:7071", "https://evil.allowed.example", "cross-site")]
    [InlineData("a sandboxed frame", "127.0.0.1:7071", "null", "cross-site")]
    [InlineData("a sandboxed frame, old browser", "127.0.0.1:7071", "null", null)]
    [InlineData("a file", "127.0.0.1:7071", "file://", null)]
    [InlineData("an empty origin", "127.0.0.1:7071", "", null)]
    [InlineData("two origins in one header", "127.0.0.1:7071", "http://127.0.0.1:7071 https://evil.example", null)]
    [InlineData("a list of origins", "127.0.0.1:7071", "http://127.0.0.1:7071, https://evil.example", null)]
    [InlineData("another site that no user asked for", "127.0.0.1:7071", "https://evil.example", "none")]
    [InlineData("an unknown relation", "127.0.0.1:7071", null, "sideways")]
    [InlineData("two relations in one header", "127.0.0.1:7071", null, "same-origin, cross-site")]
    public void A_request_of_a_page_of_another_origin_is_refused(string sender, string host, string? origin, string? site)
    {
        foreach (var method in new[] { "GET", "HEAD", "POST", "DELETE", "OPTIONS" })
        {
            var refusal = Guard().Refusal(Request(method, host, origin, site));

            Assert.True(refusal is { Slug: "cross-site", Status: 403 }, $"{sender}, {method}");
        }
    }

    [Fact]
    public void A_request_with_several_headers_is_refused()
    {
        var request = Request("POST", "127.0.0.1:7071", origin: null, site: null);
        request.Headers.Origin = new StringValues(["http://127.0.0.1:7071", "https://evil.example"]);
        Assert.NotNull(Guard().Refusal(request));

        request = Request("POST", "127.0.0.1:7071", origin: null, site: null);
        request.Headers["Sec-Fetch-Site"] = new StringValues(["same-origin", "cross-site"]);
        Assert.NotNull(Guard().Refusal(request));
    }

    [Theory]
    [InlineData("GET", "navigate", null, true)]
    [InlineData("GET", "no-cors", null, false)]
    [InlineData("GET", "cors", null, false)]
    [InlineData("GET", null, null, false)]
    [InlineData("GET", "navigate", "https://evil.example", false)]
    [InlineData("POST", "navigate", "https://evil.example", false)]
    [InlineData("POST", "navigate", null, false)]
    [InlineData("DELETE", "navigate", null, false)]
    public void A_link_from_another_site_can_be_followed_but_no_form_can_be_sent(string method, string? mode, string? origin, bool isServed)
    {
        var request = Request(method, "127.0.0.1:7071", origin, "cross-site");
        request.Headers["Sec-Fetch-Mode"] = mode;

        Assert.Equal(isServed, Guard().Refusal(request) is null);
    }

    [Fact]
    public void A_refusal_names_the_origin_and_the_setting()
    {
        Assert.Equal(
            "A web page of 'https://evil.example' has sent the request, and Host:AllowedOrigins does not list that origin.",
            Guard().Refusal(Request("POST", "127.0.0.1:7071", "https://evil.example", "cross-site"))!.Detail);
        Assert.Equal(
            "A web page of another origin has sent the request (Sec-Fetch-Site: same-site).",
            Guard().Refusal(Request("POST", "127.0.0.1:7071", origin: null, "same-site"))!.Detail);
    }

    [Theory]
    [InlineData("*")]
    [InlineData("null")]
    [InlineData("app.example")]
    [InlineData("https://app.example/path")]
    [InlineData("https://user@app.example")]
    [InlineData("ws://app.example")]
    public void An_invalid_origin_in_the_settings_is_refused_at_startup(string origin) => Assert.Contains(
        $"'{origin}' in Host:AllowedOrigins", Assert.Throws<InvalidOperationException>(() => Guard(origin)).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("HTTPS://App.Example:443")]
    [InlineData("https://app.example/")]
    public void An_origin_may_be_written_in_other_ways(string setting) =>
        Assert.Null(Guard(setting).Refusal(Request("POST", "127.0.0.1:7071", "https://app.example", "cross-site")));

    [Fact]
    public void An_origin_may_be_written_in_Unicode() =>
        Assert.Null(Guard("https://Müller.example:8443").Refusal(Request("POST", "127.0.0.1:7071", "https://xn--mller-kva.example:8443", "cross-site")));

    private static OriginGuard Guard() => Guard("https://allowed.example", " ", "http://127.0.0.1:3000");

    private static OriginGuard Guard(params string[] allowed) => new(Options.Create(new HostOptions { AllowedOrigins = allowed }));

    private static HttpRequest Request(string method, string host, string? origin, string? site)
    {
        var request = new DefaultHttpContext().Request;
        (request.Method, request.Host) = (method, new HostString(host));
        (request.Headers.Origin, request.Headers["Sec-Fetch-Site"]) = (origin, site);
        return request;
    }
}
