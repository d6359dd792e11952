using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json;
using FunctionsApp.IntegrationTests.Hosting;

namespace FunctionsApp.IntegrationTests.Outbound;

/// <summary>Answers that were cut on their way, or before: each is <c>upstream-failed</c>, whichever way its end is told.</summary>
[Collection(FunctionsAppCollection.Name)]
public sealed class CutResponseTests(UpstreamFixture upstream)
{
    private const string SameClient = "A worker reads responses with the same code.";
    private const string Text = "[1,2,3]";

    /// <summary><see cref="Text"/> as zlib 1.2.13 and Node.js 20.20.2 compress it.</summary>
    private static readonly (string Coding, byte[] Body)[] Bodies =
    [
        ("gzip", Convert.FromBase64String("H4sIAAAAAAACA4s21DHSMY4FAOmzbf0HAAAA")),
        ("x-gzip", Convert.FromBase64String("H4sIAAAAAAACA4s21DHSMY4FAOmzbf0HAAAA")),
        ("deflate", Convert.FromBase64String("eJyLNtQx0jGOBQAGlQGn")),
        ("deflate", Convert.FromBase64String("izbUMdIxjgUA")),
        ("br", Convert.FromBase64String("CwOAWzEsMiwzXQM=")),
    ];

    private static readonly Func<byte[], byte[]>[] Framings = [Measured, Chunked, EndedByConnection];

    [LocalHostFact(SameClient)]
    public async Task A_complete_response_is_read_with_every_kind_of_end()
    {
        foreach (var (coding, body) in Bodies)
        {
            foreach (var framing in Framings)
            {
                var response = await RequestAsync(coding, framing(body));

                Assert.Equal(Text, response["result"].GetProperty("body").GetRawText());
                Assert.False(response["result"].GetProperty("headers").TryGetProperty("content-encoding", out _));
                Assert.Equal([$$"""{"value":"{{Text}}"}""", "end"], await LinesAsync(coding, framing(body)));
            }
        }
    }

    [LocalHostFact(SameClient)]
    public async Task A_compressed_response_cut_at_any_byte_is_a_failure()
    {
        foreach (var (coding, body) in Bodies)
        {
            foreach (var length in Enumerable.Range(1, body.Length - 1))
            {
                foreach (var framing in Framings)
                {
                    await AssertFailsAsync(coding, framing(body[..length]));
                }
            }
        }
    }

    [LocalHostFact(SameClient)]
    public async Task A_response_whose_message_was_cut_is_a_failure()
    {
        foreach (var (coding, body) in Bodies.Append(("identity", Encoding.UTF8.GetBytes(Text))))
        {
            foreach (var length in Enumerable.Range(0, body.Length))
            {
                await AssertFailsAsync(coding, Measured(body)[..^(body.Length - length)]);
            }

            // Even where the body is whole, the end of the message is missing.
            await AssertFailsAsync(coding, Measured(body, more: 1));
            foreach (var missing in Enumerable.Range(1, 7))
            {
                await AssertFailsAsync(coding, Chunked(body)[..^missing]);
            }
        }
    }

    [LocalHostFact(SameClient)]
    public async Task A_response_without_a_byte_is_empty_unless_it_must_be_compressed()
    {
        Assert.Equal(0, (await RequestAsync("gzip", Measured([])))["result"].GetProperty("bytes").GetInt32());
        Assert.Equal(0, (await RequestAsync("gzip", Chunked([])))["result"].GetProperty("bytes").GetInt32());
        Assert.Equal(0, (await RequestAsync("identity", EndedByConnection([])))["result"].GetProperty("bytes").GetInt32());
        await AssertFailsAsync("gzip", EndedByConnection([]));
    }

    [LocalHostFact(SameClient)]
    public async Task A_response_that_cannot_be_decoded_is_not_text()
    {
        // Zstandard 1.5.4, and gzip twice.
        foreach (var (coding, base64) in new[]
        {
            ("zstd", "KLUv/QRYOQAAWzEsMiwzXfHG4YM="), ("gzip, gzip", "H4sIAAAAAAACA4s21DHSMY4FAOmzbf0HAAAA"), ("compress", "H52QWwIwbAg="),
        })
        {
            var answer = Measured(Convert.FromBase64String(base64));

            var result = (await RequestAsync(coding, answer))["result"];
            Assert.Equal(base64, result.GetProperty("body").GetString());
            Assert.Equal(coding, result.GetProperty("headers").GetProperty("content-encoding").GetString());
            Assert.Equal(base64, (await RequestAsync(coding, answer, "base64"))["result"].GetProperty("body").GetString());
            foreach (var form in new[] { "json", "text" })
            {
                var response = await RequestAsync(coding, answer, form);
                Assert.Equal((HttpStatusCode.BadGateway, "upstream-failed"), (response.Status, response.Problem));
                Assert.Contains($"'{coding}'", response["detail"].GetString(), StringComparison.Ordinal);
            }

            Assert.Equal(["upstream-failed"], await LinesAsync(coding, answer));
        }
    }

    private static byte[] Measured(byte[] body) => Measured(body, more: 0);

    private static byte[] Measured(byte[] body, int more) =>
        [.. Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"Content-Length: {body.Length + more}\r\n\r\n")), .. body];

    private static byte[] Chunked(byte[] body) =>
    [
        .. "Transfer-Encoding: chunked\r\n\r\n"u8,
        .. body.SelectMany(static one => (byte[])[.. "1\r\n"u8, one, .. "\r\n"u8]),
        .. "0\r\n\r\n"u8,
    ];

    private static byte[] EndedByConnection(byte[] body) => [.. "\r\n"u8, .. body];

    private string Input(string coding, byte[] answer, string more)
    {
        var head = $"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Encoding: {coding}\r\n";
        return $$"""{"url":{{JsonSerializer.Serialize(upstream.Raw.Url([.. Encoding.ASCII.GetBytes(head), .. answer]))}}{{more}}}""";
    }

    private Task<ApiResponse> RequestAsync(string coding, byte[] answer, string form = "auto") =>
        upstream.Api.PostAsync("await/http.request", Input(coding, answer, $$""","maxRetries":0,"as":"{{form}}" """));

    private async Task AssertFailsAsync(string coding, byte[] answer)
    {
        var response = await RequestAsync(coding, answer);
        Assert.Equal((HttpStatusCode.BadGateway, "upstream-failed"), (response.Status, response.Problem));
        Assert.Equal("upstream-failed", (await LinesAsync(coding, answer))[^1]);
    }

    /// <summary>Returns the lines of http.lines, of the last one only what it says.</summary>
    private async Task<List<string>> LinesAsync(string coding, byte[] answer)
    {
        using var response = await upstream.Api.SendAsync("stream/http.lines", Input(coding, answer, ""));
        var lines = (await response.Content.ReadAsStringAsync()).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        var last = lines[^1].StartsWith("{\"end\":", StringComparison.Ordinal) ? "end"
            : lines[^1].Contains("/problems/upstream-failed", StringComparison.Ordinal) ? "upstream-failed"
            : lines[^1];
        return [.. lines[..^1], last];
    }
}
