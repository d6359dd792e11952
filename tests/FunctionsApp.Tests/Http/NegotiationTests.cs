using System.Text;
using FunctionsApp.Http;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;

namespace FunctionsApp.Tests.Http;

/// <summary><c>Accept</c> selects the form of a response; <c>Content-Type</c> says what a request is.</summary>
public sealed class NegotiationTests : IDisposable
{
    private readonly TestEndpoint _endpoint = new();

    [Theory]
    [InlineData("application/json", ResponseFormat.Json)]
    [InlineData("application/x-ndjson", ResponseFormat.Lines)]
    [InlineData("text/event-stream", ResponseFormat.EventStream)]
    [InlineData("Application/X-NDJSON; charset=utf-8", ResponseFormat.Lines)]
    [InlineData("text/html, application/x-ndjson, application/json", ResponseFormat.Lines)]
    [InlineData("application/json;q=0.5, text/event-stream;q=0.6", ResponseFormat.EventStream)]
    [InlineData("application/x-ndjson;q=0.5, application/json", ResponseFormat.Json)]
    [InlineData("application/x-ndjson;q=0, text/event-stream;q=0.001", ResponseFormat.EventStream)]
    [InlineData("*/*, application/x-ndjson", ResponseFormat.Lines)]
    [InlineData("*/*;q=0.9, text/event-stream", ResponseFormat.EventStream)]
    [InlineData("application/ndjson", ResponseFormat.Lines)]
    [InlineData("application/jsonl", ResponseFormat.Lines)]
    [InlineData("application/JsonLines; charset=utf-8, application/json;q=0.9", ResponseFormat.Lines)]
    [InlineData("application/x-ndjson;q=0, application/jsonl", ResponseFormat.Lines)]
    [InlineData("application/json;note=\"a, application/x-ndjson\"", ResponseFormat.Json)]
    public async Task The_response_has_the_preferred_type(string accept, ResponseFormat expected)
    {
        _endpoint.Request.Headers.Accept = accept;

        Assert.Equal((expected, expected != ResponseFormat.Json), await _endpoint.SeeAsync(static call => (call.Format!.Value, call.WantsStream)));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("*/*")]
    [InlineData("application/*")]
    [InlineData("text/html")]
    [InlineData("application/x-ndjson;q=0")]
    [InlineData("application/jsonl;q=0.000")]
    [InlineData("text/html;note=\"a, application/x-ndjson\"")]
    [InlineData("application/x-ndjson;q=0.5, */*")]
    [InlineData("text/event-stream;q=0.5, application/*;q=0.6")]
    [InlineData("no type")]
    public async Task The_function_chooses_when_the_client_has_no_preference(string? accept)
    {
        _endpoint.Request.Headers.Accept = accept;

        Assert.Equal((null, false), await _endpoint.SeeAsync(static call => (call.Format, call.WantsStream)));
    }

    [Fact]
    public async Task Several_headers_are_one_list()
    {
        _endpoint.Request.Headers.Accept = new StringValues(["application/json;q=0.1", "text/event-stream;q=0.2"]);

        Assert.Equal(ResponseFormat.EventStream, await _endpoint.SeeAsync(static call => call.Format));
    }

    [Theory]
    [InlineData("application/x-ndjson", true)]
    [InlineData("APPLICATION/X-NDJSON;charset=utf-8", true)]
    [InlineData("application/ndjson", true)]
    [InlineData("application/jsonl", true)]
    [InlineData("Application/JsonLines;charset=utf8", true)]
    [InlineData("application/json", false)]
    [InlineData("application/x-ndjson+json", false)]
    [InlineData("no type", false)]
    [InlineData(null, false)]
    public async Task A_request_of_lines_is_recognized(string? contentType, bool expected)
    {
        _endpoint.Request.ContentType = contentType;

        Assert.Equal(expected, await _endpoint.SeeAsync(static call => call.HasLines));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("application/json")]
    [InlineData("Application/Json; Charset=UTF-8")]
    [InlineData("application/json; charset=\"utf-8\"")]
    [InlineData("application/json; charset=UTF8")]
    [InlineData("application/json;charset=utf8")]
    [InlineData("application/json; charset=\"Utf8\"")]
    [InlineData("application/vnd.example+json")]
    [InlineData("text/json+json")]
    public async Task A_body_of_json_in_utf_8_is_read(string? contentType)
    {
        await ReadAsync(contentType);

        Assert.Equal((200, """{"x":1}"""), (_endpoint.Response.StatusCode, _endpoint.Sent));
    }

    [Theory]
    [InlineData("text/plain")]
    [InlineData("application/x-www-form-urlencoded")]
    [InlineData("application/x-ndjson")]
    [InlineData("application/jsonl")]
    [InlineData("application/json; charset=utf-16")]
    [InlineData("application/json; charset=utf-80")]
    [InlineData("no type")]
    public async Task A_body_of_another_type_is_refused_with_the_supported_type(string contentType)
    {
        await ReadAsync(contentType);

        Assert.Equal(415, _endpoint.Response.StatusCode);
        Assert.Contains("/problems/unsupported-media-type", _endpoint.Sent, StringComparison.Ordinal);
        Assert.Contains($"'{contentType}' is not supported; send application/json in UTF-8.", _endpoint.Sent, StringComparison.Ordinal);
        Assert.Equal("application/json", _endpoint.Response.Headers.Accept);
    }

    [Theory]
    [InlineData("text/plain")]
    [InlineData("application/x-ndjson; charset=latin1")]
    public async Task A_refusal_names_both_types_if_lines_are_supported(string contentType)
    {
        await ReadAsync(contentType, readsLines: true);

        Assert.Equal(415, _endpoint.Response.StatusCode);
        Assert.Contains($"'{contentType}' is not supported; send application/json or application/x-ndjson in UTF-8.", _endpoint.Sent, StringComparison.Ordinal);
        Assert.Equal("application/json, application/x-ndjson", _endpoint.Response.Headers.Accept);
    }

    [Theory]
    [InlineData("Content-Encoding", "identity", 200)]
    [InlineData("Content-Encoding", "Identity, ,identity", 200)]
    [InlineData("Content-Encoding", "", 200)]
    [InlineData("Content-Encoding", "gzip", 415)]
    [InlineData("Content-Encoding", "identity, gzip", 415)]
    [InlineData("Transfer-Encoding", "chunked", 200)]
    [InlineData("Transfer-Encoding", "gzip, chunked", 415)]
    public async Task A_compressed_body_is_refused(string header, string encoding, int status)
    {
        _endpoint.Request.Headers[header] = encoding;

        await ReadAsync("application/json");

        Assert.Equal((status, status == 415 ? "identity" : ""), (_endpoint.Response.StatusCode, _endpoint.Response.Headers.AcceptEncoding.ToString()));
    }

    [Fact]
    public async Task The_type_of_no_body_does_not_matter()
    {
        await ReadAsync("text/plain", body: "");

        Assert.Equal((200, "{}"), (_endpoint.Response.StatusCode, _endpoint.Sent));
    }

    public void Dispose() => _endpoint.Dispose();

    /// <summary>Sends a body to a function that answers with its input.</summary>
    private Task ReadAsync(string? contentType, string body = """{"x":1}""", bool readsLines = false)
    {
        var bytes = Encoding.UTF8.GetBytes(body);
        _endpoint.Request.Body = new MemoryStream(bytes);
        _endpoint.Request.ContentLength = bytes.Length;
        _endpoint.Request.ContentType = contentType;
        return _endpoint.SendAsync(_endpoint.RunAsync(async call =>
        {
            call.ReadsLines = readsLines;
            return Results.Text((await call.ReadInputAsync()).Utf8.Span, "application/json");
        }));
    }
}
