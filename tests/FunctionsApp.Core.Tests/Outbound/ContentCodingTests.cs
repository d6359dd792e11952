using System.IO.Compression;
using System.Text;
using FunctionsApp.Core.Outbound;
using FunctionsApp.Core.Problems;
using Microsoft.Extensions.Options;

namespace FunctionsApp.Core.Tests.Outbound;

/// <summary>Compressed bodies: whole, cut, corrupted, and with codings that the app does not decode.</summary>
public sealed class ContentCodingTests : OutboundTests, IDisposable
{
    private const string Text = "[1,2,3]";

    private readonly ScriptedServer _server = new();
    private readonly OutboundClient _client;

    public ContentCodingTests() => _client = new OutboundClient(
        Guard(), Options.Create(new OutboundOptions { MaxResponseBytes = 100_000 }), new ManualTimeProvider(), _server);

    /// <summary><see cref="Text"/> as other implementations compress it.</summary>
    public static TheoryData<string, string> Vectors => new()
    {
        { "gzip", "H4sICLpnDWsCA3YuanNvbgCLNtQx0jGOBQDps239BwAAAA==" }, // GNU gzip 1.12, with a file name
        { "gzip", "H4sIAAAAAAACA4s21DHSMY4FAOmzbf0HAAAA" }, // zlib 1.2.13
        { "x-gzip", "H4sIAAAAAAACA4s21DHSMY4FAOmzbf0HAAAA" },
        { "GZip", "H4sIAAAAAAACA4s21DHSMY4FAOmzbf0HAAAA" },
        { "identity, gzip", "H4sIAAAAAAACA4s21DHSMY4FAOmzbf0HAAAA" },
        { "deflate", "eJyLNtQx0jGOBQAGlQGn" }, // zlib 1.2.13
        { "deflate", "izbUMdIxjgUA" }, // zlib 1.2.13, without its header
        { "br", "CwOAWzEsMiwzXQM=" }, // Node.js 20.20.2
        { "identity", "WzEsMiwzXQ==" },
    };

    public static TheoryData<string, string> Compressed
    {
        get
        {
            var data = new TheoryData<string, string>();
            foreach (var vector in Vectors.Where(static vector => vector[0] is "gzip" or "deflate" or "br"))
            {
                data.Add((string)vector[0], (string)vector[1]);
            }

            var text = string.Join(',', Enumerable.Range(0, 2_000).Select(static i => i * 7_919 % 10_007));
            data.Add("gzip", Compress(text, static output => new GZipStream(output, CompressionLevel.Optimal)));
            data.Add("deflate", Compress(text, static output => new ZLibStream(output, CompressionLevel.Optimal)));
            data.Add("deflate", Compress(text, static output => new DeflateStream(output, CompressionLevel.Optimal)));
            data.Add("br", Compress(text, static output => new BrotliStream(output, CompressionLevel.Optimal)));
            return data;
        }
    }

    public void Dispose()
    {
        _client.Dispose();
        _server.Dispose();
    }

    [Theory]
    [MemberData(nameof(Vectors))]
    public async Task A_compressed_body_is_decoded_however_it_is_split(string coding, string base64)
    {
        var body = Convert.FromBase64String(base64);
        foreach (var piece in new[] { 1, 2, body.Length })
        {
            var response = await ReadAsync(coding, body, piece);

            Assert.Equal((Text, null), (Encoding.UTF8.GetString(response.Body.Span), response.UndecodedCodings));
            Assert.Equal(coding == "identity", response.Headers.ContainsKey("content-encoding"));
        }
    }

    [Theory]
    [MemberData(nameof(Compressed))]
    public async Task A_cut_body_is_an_error(string coding, string base64)
    {
        var body = Convert.FromBase64String(base64);
        var step = Math.Max(1, body.Length / 100);
        foreach (var length in Enumerable.Range(1, body.Length - 1).Where(length => length % step == 0 || length > body.Length - 20))
        {
            foreach (var piece in new[] { 7, body.Length })
            {
                Assert.Equal((length, true), (length, await IsRefusedAsync(coding, body[..length], piece)));
            }
        }
    }

    [Theory]
    [InlineData("gzip", "H4sIAAAAAAACA4s21DHSMY4FAOmzbf0HAAAA", 8)]
    [InlineData("deflate", "eJyLNtQx0jGOBQAGlQGn", 4)]
    public async Task A_wrong_checksum_or_length_is_an_error(string coding, string base64, int trailer)
    {
        var body = Convert.FromBase64String(base64);
        for (var at = body.Length - trailer; at < body.Length; at++)
        {
            body[at] ^= 1;
            Assert.True(await IsRefusedAsync(coding, body));
            body[at] ^= 1;
        }
    }

    [Fact]
    public async Task Gzip_may_have_members_and_each_may_be_cut()
    {
        var member = Gzip(Text);
        var empty = Convert.FromBase64String("H4sIAAAAAAACAwMAAAAAAAAAAAA=");
        byte[] three = [.. member, .. empty, .. member];

        Assert.Equal(Text + Text, Encoding.UTF8.GetString((await ReadAsync("gzip", three, piece: 5)).Body.Span));
        for (var length = member.Length + 1; length < three.Length; length++)
        {
            Assert.Equal(length != member.Length + empty.Length, await IsRefusedAsync("gzip", three[..length], piece: 5));
        }
    }

    [Theory]
    [MemberData(nameof(Compressed))]
    public async Task Bytes_after_the_end_are_ignored(string coding, string base64)
    {
        var body = Convert.FromBase64String(base64);
        var whole = (await ReadAsync(coding, body)).Body;
        foreach (var piece in new[] { 1, body.Length, body.Length + 100 })
        {
            Assert.Equal(whole, (await ReadAsync(coding, [.. body, .. new byte[10_000]], piece)).Body);
        }
    }

    [Theory]
    [MemberData(nameof(Compressed))]
    public async Task A_connection_that_breaks_after_the_end_is_an_error(string coding, string base64) =>
        Assert.True(await IsRefusedAsync(
            () => new StreamContent(new Pieces(Convert.FromBase64String(base64), 1_000, breaks: true)), coding));

    [Theory]
    [InlineData("identity")]
    [InlineData("zstd")]
    public async Task A_body_shorter_than_its_length_is_an_error(string coding) =>
        Assert.True(await IsRefusedAsync(() => new StreamContent(new MemoryStream([1, 2])) { Headers = { ContentLength = 3 } }, coding));

    [Theory]
    [InlineData("gzip")]
    [InlineData("deflate")]
    [InlineData("br")]
    public async Task No_bytes_are_an_empty_body_unless_only_the_connection_ended_them(string coding)
    {
        Assert.Equal(0, (await ReadAsync(() => new ByteArrayContent([]), coding)).Body.Length);
        Assert.True(await IsRefusedAsync(coding, []));
    }

    [Theory]
    [InlineData("HEAD", 200)]
    [InlineData("GET", 204)]
    [InlineData("GET", 304)]
    public async Task A_response_without_a_body_keeps_its_body_headers(string method, int status)
    {
        _server.Answer(
            status, null, static () => Coded(new StreamContent(Stream.Null) { Headers = { ContentLength = 1_000_000 } }, "gzip"));

        var response = await _client.SendAsync(Get() with { Method = method }, default);

        Assert.Equal(0, response.Body.Length);
        Assert.Equal(("gzip", "1000000"), (response.Headers["content-encoding"], response.Headers["content-length"]));
    }

    [Theory]
    [InlineData("zstd", "zstd")]
    [InlineData("compress", "compress")]
    [InlineData("x-compress", "x-compress")]
    [InlineData("gzip, gzip", "gzip, gzip")]
    [InlineData("GZIP,br", "gzip, br")]
    [InlineData("br,identity, gzip", "br, gzip")]
    [InlineData("\"gzip\"", "\"gzip\"")]
    public async Task A_body_of_other_codings_stays_as_it_is(string coding, string undecoded)
    {
        var response = await ReadAsync(coding, [1, 2, 255]);

        Assert.Equal([1, 2, 255], response.Body.ToArray());
        Assert.Equal((undecoded, coding), (response.UndecodedCodings, response.Headers["content-encoding"]));
        Assert.Contains($"'{undecoded}'", Assert.Throws<ProblemException>(response.EnsureDecoded).Problem.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_part_of_a_compressed_body_stays_as_it_is()
    {
        _server.Answer(206, null, static () => Coded(new ByteArrayContent([1, 2, 255]), "gzip"));

        Assert.Equal("gzip", (await _client.SendAsync(Get(), default)).UndecodedCodings);
    }

    [Fact]
    public async Task A_transfer_coding_counts_as_a_content_coding()
    {
        _server.Answer(
            200,
            static headers => headers.TryAddWithoutValidation("Transfer-Encoding", "gzip, chunked"),
            static () => new ByteArrayContent(Gzip(Text)));

        Assert.Equal(Text, Encoding.UTF8.GetString((await _client.SendAsync(Get(), default)).Body.Span));
    }

    [Fact]
    public async Task The_limit_counts_decompressed_bytes()
    {
        Assert.Equal(100_000, (await ReadAsync("gzip", Gzip(new string('x', 100_000)))).Body.Length);
        Assert.True(await IsRefusedAsync("gzip", Gzip(new string('x', 100_001))));
    }

    [Theory]
    [InlineData(null, null, "gzip, deflate, br")]
    [InlineData("Accept-Encoding", "zstd, identity", "zstd, identity")]
    [InlineData("accept-encoding", "identity", "identity")]
    [InlineData("Range", "bytes=0-9", "identity")]
    public async Task Accept_Encoding_is_the_callers_or_the_codings_that_the_app_decodes(string? name, string? value, string expected)
    {
        _server.Redirect(307, "https://other.example.com/");
        _server.Answer(200);

        var headers = name is null ? new Dictionary<string, string>() : new() { [name] = value! };
        await _client.SendAsync(Get() with { Headers = headers }, default);

        Assert.Equal(expected, _server.Requests[0].Headers["Accept-Encoding"]);
        Assert.Equal(name == "Range" ? "gzip, deflate, br" : expected, _server.Requests[1].Headers["Accept-Encoding"]);
    }

    private static OutboundRequest Get() => new("GET", new Uri("https://example.com/"));

    private static byte[] Gzip(string text) =>
        Convert.FromBase64String(Compress(text, static output => new GZipStream(output, CompressionLevel.Optimal)));

    private static string Compress(string text, Func<Stream, Stream> compressor)
    {
        var output = new MemoryStream();
        using (var stream = compressor(output))
        {
            stream.Write(Encoding.UTF8.GetBytes(text));
        }

        return Convert.ToBase64String(output.ToArray());
    }

    private static HttpContent Coded(HttpContent content, string coding)
    {
        Assert.True(content.Headers.TryAddWithoutValidation("Content-Encoding", coding));
        return content;
    }

    private Task<OutboundResponse> ReadAsync(string coding, byte[] body, int piece = 1_000) =>
        ReadAsync(() => new StreamContent(new Pieces(body, piece)), coding);

    private async Task<OutboundResponse> ReadAsync(Func<HttpContent> body, string coding)
    {
        _server.Answer(200, null, () => Coded(body(), coding));
        return await _client.SendAsync(Get(), default);
    }

    private Task<bool> IsRefusedAsync(string coding, byte[] body, int piece = 1_000) =>
        IsRefusedAsync(() => new StreamContent(new Pieces(body, piece)), coding);

    private async Task<bool> IsRefusedAsync(Func<HttpContent> body, string coding)
    {
        try
        {
            await ReadAsync(body, coding);
            return false;
        }
        catch (ProblemException exception)
        {
            Assert.Equal("/problems/upstream-failed", exception.Problem.Type);
            return true;
        }
    }

    /// <summary>A body of unknown length that arrives in pieces, and may end with a broken connection.</summary>
    private sealed class Pieces(byte[] bytes, int size, bool breaks = false) : MemoryStream(bytes)
    {
        public override bool CanSeek => false;

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            breaks && Position == Length
                ? ValueTask.FromException<int>(new HttpIOException(HttpRequestError.ResponseEnded))
                : base.ReadAsync(buffer[..Math.Min(size, buffer.Length)], cancellationToken);
    }
}
