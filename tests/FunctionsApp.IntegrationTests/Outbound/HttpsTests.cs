using System.Net;
using System.Text.Json;
using FunctionsApp.IntegrationTests.Hosting;

namespace FunctionsApp.IntegrationTests.Outbound;

/// <summary>A LocalHost that trusts the certificates of the loopback server: OpenSSL is told of them by the environment.</summary>
public sealed class TrustingUpstreamFixture : UpstreamFixture
{
    private readonly string _authorities = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());

    public override async Task DisposeAsync()
    {
        await base.DisposeAsync();
        File.Delete(_authorities);
    }

    protected override IEnumerable<(string Key, string Value)> HostSettings()
    {
        File.WriteAllText(_authorities, Server.AuthorityPem);
        return [("SSL_CERT_FILE", _authorities)];
    }
}

/// <summary>Requests over TLS, to a server whose certificate is like any other.</summary>
[Collection(FunctionsAppCollection.Name)]
public sealed class HttpsTests(TrustingUpstreamFixture upstream) : IClassFixture<TrustingUpstreamFixture>
{
    private const string Secrets = """ "headers":{"Authorization":"Bearer x","Cookie":"a=b","X-Mine":"1"} """;

    [OwnHostFact(Needs.Linux)]
    public async Task A_response_arrives_over_TLS_from_a_name_and_from_an_address()
    {
        foreach (var host in new[] { "127.0.0.1", "localhost" })
        {
            var id = upstream.NewId();
            var url = new UriBuilder(new Uri(upstream.Server.SecureOrigin, $"/echo?id={id}")) { Host = host }.Uri;

            var response = await RequestAsync(url, """ "method":"POST","body":"x" """);

            Assert.Equal(HttpStatusCode.OK, response.Status);
            Assert.Equal("x", response["result"].GetProperty("body").GetProperty("Body").GetString());
            Assert.Single(upstream.Server.Requests(id));
        }
    }

    [OwnHostFact(Needs.Linux)]
    public async Task A_certificate_of_an_unknown_authority_is_not_accepted()
    {
        await using var host = await upstream.StartHostAsync();
        using var api = host.Connect();

        await AssertNotAcceptedAsync(api, upstream.Server.SecureOrigin);
    }

    [OwnHostFact(Needs.Linux)]
    public async Task A_certificate_of_another_name_is_not_accepted() => await AssertNotAcceptedAsync(upstream.Api, upstream.Server.MisnamedOrigin);

    [OwnHostFact(Needs.Linux)]
    public async Task A_redirect_from_https_to_http_is_refused_and_nothing_is_sent_there()
    {
        foreach (var status in new[] { 301, 302, 303, 307, 308 })
        {
            var (first, second) = (upstream.NewId(), upstream.NewId());
            foreach (var operation in new[] { "await/http.request", "stream/http.lines" })
            {
                var response = await upstream.Api.PostAsync(operation, Input(Redirect(upstream.Server.SecureOrigin, upstream.Server.Origin, second, $"&id={first}&status={status}")));

                Assert.Equal((status, HttpStatusCode.Forbidden, "destination-not-allowed"), (status, response.Status, response.Problem));
                Assert.Equal("'127.0.0.1' redirects from https to http, which is not allowed.", response["detail"].GetString());
            }

            Assert.Equal(2, upstream.Server.Requests(first).Count);
            Assert.Empty(upstream.Server.Requests(second));
        }
    }

    [OwnHostFact(Needs.Linux)]
    public async Task Secrets_stay_with_their_https_origin()
    {
        foreach (var (from, to, stay) in new[]
        {
            (upstream.Server.SecureOrigin, upstream.Server.SecureOrigin, true),
            (upstream.Server.SecureOrigin, upstream.Server.OtherSecureOrigin, false),
            (upstream.Server.Origin, upstream.Server.SecureOrigin, false),
        })
        {
            var id = upstream.NewId();

            var response = await RequestAsync(Redirect(from, to, id), Secrets);

            Assert.Equal(HttpStatusCode.OK, response.Status);
            var headers = Assert.Single(upstream.Server.Requests(id)).Headers;
            Assert.Equal(
                (from, to, stay, stay, stay),
                (from, to, headers.ContainsKey("authorization"), headers.ContainsKey("cookie"), headers.ContainsKey("x-mine")));
        }
    }

    [OwnHostFact(Needs.Linux)]
    public async Task Calls_of_one_gather_share_a_connection_over_https_and_have_one_each_over_http()
    {
        const int Calls = 20;
        foreach (var (origin, protocol, connections) in new[] { (upstream.Server.SecureOrigin, "HTTP/2", 1), (upstream.Server.Origin, "HTTP/1.1", Calls) })
        {
            // None of them is answered before all of them are there.
            var id = upstream.NewId();
            var call = $$"""{"operation":"http.request","input":{{Input(new Uri(origin, $"/meet?id={id}&count={Calls}"))}}}""";

            var response = await upstream.Api.PostAsync("gather", $$"""{"calls":[{{string.Join(',', Enumerable.Repeat(call, Calls))}}]}""");

            Assert.Equal((HttpStatusCode.OK, Calls), (response.Status, response["succeeded"].GetInt32()));
            var requests = upstream.Server.Requests(id);
            Assert.Equal(Enumerable.Repeat(protocol, Calls), requests.Select(static request => request.Protocol));
            Assert.Equal(connections, requests.Select(static request => request.Connection).Distinct(StringComparer.Ordinal).Count());
        }
    }

    private static Uri Redirect(Uri from, Uri to, string id, string more = "") =>
        new(from, $"/redirect?to={Uri.EscapeDataString(new Uri(to, $"/echo?id={id}").AbsoluteUri)}{more}");

    private static string Input(Uri url, string more = "") => $$"""{"url":{{JsonSerializer.Serialize(url.AbsoluteUri)}}{{(more.Length == 0 ? "" : "," + more)}}}""";

    private static async Task AssertNotAcceptedAsync(Api api, Uri origin)
    {
        var response = await api.PostAsync("await/http.request", Input(origin));

        Assert.Equal((HttpStatusCode.BadGateway, "upstream-failed"), (response.Status, response.Problem));
        Assert.Equal($"Connecting to '{origin.Authority}' failed: its certificate or TLS was not accepted.", response["detail"].GetString());
    }

    private Task<ApiResponse> RequestAsync(Uri url, string more = "") => upstream.Api.PostAsync("await/http.request", Input(url, more));
}
