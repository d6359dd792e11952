using FunctionsApp.Core.Json;
using FunctionsApp.Core.Outbound;
using FunctionsApp.Operations;

namespace FunctionsApp.Core.Tests.Outbound;

public sealed class RequestHeadersTests
{
    [Theory]
    [InlineData("Connection")]
    [InlineData("keep-alive")]
    [InlineData("Proxy-Authorization")]
    [InlineData("Proxy-Connection")]
    [InlineData("TE")]
    [InlineData("Trailer")]
    [InlineData("Transfer-Encoding")]
    [InlineData("Upgrade")]
    [InlineData("HTTP2-Settings")]
    [InlineData("Host")]
    [InlineData("CONTENT-LENGTH")]
    [InlineData("Expect")]
    [InlineData("Forwarded")]
    [InlineData("X-Forwarded-For")]
    [InlineData("x-forwarded-host")]
    [InlineData("X-Real-IP")]
    [InlineData("Client-IP")]
    [InlineData("Via")]
    [InlineData("traceparent")]
    [InlineData("tracestate")]
    [InlineData("baggage")]
    [InlineData("x-functions-key")]
    [InlineData("x-ms-client-principal")]
    [InlineData("X-ARR-SSL")]
    [InlineData("X-Azure-FDID")]
    [InlineData("X-WAWS-Unencoded-URL")]
    [InlineData("Metadata")]
    [InlineData("Metadata-Flavor")]
    [InlineData("X-Google-Metadata-Request")]
    [InlineData("X-aws-ec2-metadata-token")]
    [InlineData("X-aws-ec2-metadata-token-ttl-seconds")]
    [InlineData("X-IDENTITY-HEADER")]
    public void A_header_of_the_connection_a_proxy_or_the_platform_is_refused_and_named(string name)
    {
        var (property, message) = Assert.Single(Check((name, "1")));

        Assert.Equal("headers/" + name, property);
        Assert.Contains($"'{name}'", message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("X Y")]
    [InlineData("X:Y")]
    [InlineData("X\r\nHost")]
    [InlineData("Ünder")]
    [InlineData("X-\0")]
    [InlineData("(x)")]
    [InlineData(":authority")]
    public void An_invalid_header_name_is_refused(string name)
    {
        Assert.Equal("headers/" + name, Assert.Single(Check((name, "1"))).Property);
    }

    [Theory]
    [InlineData("a\r\nHost: evil")]
    [InlineData("a\nb")]
    [InlineData("a\0")]
    [InlineData("a\u007f")]
    [InlineData("ä")]
    [InlineData(" a")]
    [InlineData("a ")]
    public void A_value_that_could_inject_a_header_is_refused(string value)
    {
        Assert.Equal("headers/X-Mine", Assert.Single(Check(("X-Mine", value))).Property);
    }

    [Fact]
    public void Other_headers_pass()
    {
        Assert.Empty(Check(("Accept", "text/html; q=0.5, */*"), ("Authorization", "Bearer x"), ("Cookie", "a=b"), ("X-Mine", ""), ("User-Agent", "me"), ("Proxied", "a\tb")));
    }

    [Fact]
    public void A_header_given_in_two_spellings_is_refused()
    {
        Assert.Equal("headers/x-mine", Assert.Single(Check(("X-Mine", "1"), ("x-mine", "2"))).Property);
    }

    [Fact]
    public void A_header_of_the_body_needs_a_body()
    {
        var headers = new Dictionary<string, string> { ["Content-Type"] = "text/csv" };

        Assert.Equal("headers/Content-Type", Assert.Single(RequestHeaders.Check(headers, hasBody: false)).Property);
        Assert.Empty(RequestHeaders.Check(headers, hasBody: true));
    }

    [Theory]
    [InlineData("GET", "body")]
    [InlineData("HEAD", "body")]
    [InlineData("POST", null)]
    [InlineData("DELETE", null)]
    public void A_body_needs_a_method_with_a_body(string method, string? error)
    {
        var input = new HttpRequestInput("https://example.com/", method, Body: RawJson.FromUtf8("1"u8.ToArray()));

        Assert.Equal(error, input.Check().SingleOrDefault().Property);
    }

    private static IEnumerable<(string Property, string Message)> Check(params (string Name, string Value)[] headers) =>
        RequestHeaders.Check(headers.ToDictionary(static header => header.Name, static header => header.Value), hasBody: true);
}
