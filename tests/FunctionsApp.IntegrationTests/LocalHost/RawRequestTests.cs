using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using FunctionsApp.IntegrationTests.Hosting;

namespace FunctionsApp.IntegrationTests.LocalHost;

/// <summary>What no HTTP client sends by itself.</summary>
[Collection(FunctionsAppCollection.Name)]
public sealed class RawRequestTests(FunctionsAppFixture app)
{
    private const string Chunked = "Host: 127.0.0.1\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";

    [OwnHostFact]
    public async Task An_invalid_request_that_reaches_the_app_is_a_problem()
    {
        await IsProblemAsync($"POST /api/await/echo HTTP/1.1\r\n{Chunked}FFFFFFFFFFFF\r\n", 400, "bad-request", "chunk");
        await IsProblemAsync($"POST /api/await/echo HTTP/1.1\r\n{Chunked}80000000\r\n", 400, "bad-request", "chunk");
        await IsProblemAsync($"POST /api/await/echo HTTP/1.1\r\n{Chunked}xyz\r\n", 400, "bad-request", "chunk");
        await IsProblemAsync($"POST /api/map/math.square HTTP/1.1\r\n{Chunked.Replace("json", "x-ndjson", StringComparison.Ordinal)}80000000\r\n", 400, "bad-request", "chunk");
        await IsProblemAsync($"POST /api/await/echo HTTP/1.1\r\n{Chunked.Replace("chunked", "gzip, chunked", StringComparison.Ordinal)}1\r\n1\r\n0\r\n\r\n",
            415, "unsupported-media-type", "'gzip, chunked'");
        await IsProblemAsync("OPTIONS * HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", 405, "method-not-allowed", "* does not support OPTIONS");
    }

    [OwnHostFact]
    public async Task A_long_name_is_shown_in_part()
    {
        var name = new string('x', 7_900);

        await IsProblemAsync($"GET /{name} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", 404, "not-found", "x…");
        await IsProblemAsync($"GET /api/operations/{name} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", 404, "unknown-operation", "x…");
        await IsProblemAsync($"PUT /api/await/{name} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", 405, "method-not-allowed", "x…");
        await IsProblemAsync($"GET / HTTP/1.1\r\nHost: {name}.example\r\n\r\n", 400, "bad-request", "x…");
        await IsProblemAsync($"POST /api/await/echo HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: text/{name}\r\nContent-Length: 2\r\n\r\n{{}}", 415, "unsupported-media-type", "x…");
        await IsProblemAsync($"POST /api/await/echo HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Encoding: {name}\r\nContent-Length: 2\r\n\r\n{{}}", 415, "unsupported-media-type", "x…");
    }

    [OwnHostFact]
    public async Task A_request_that_the_server_refuses_has_no_body()
    {
        Assert.Equal(400, await EmptyAsync("nonsense\r\n\r\n"));
        Assert.Equal(400, await EmptyAsync("GET / HTTP/1.1\r\n\r\n"));
        Assert.Equal(400, await EmptyAsync("POST /api/await/echo HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n"));
        Assert.Equal(414, await EmptyAsync($"GET /{new string('x', 9_000)} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"));
        Assert.Equal(431, await EmptyAsync($"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Long: {new string('x', 40_000)}\r\n\r\n"));
        Assert.Equal(505, await EmptyAsync("GET / HTTP/3.0\r\nHost: 127.0.0.1\r\n\r\n"));
    }

    /// <summary>RFC 9110, section 8.6, and RFC 9112, section 6.3: a server and a proxy must see the same body.</summary>
    [OwnHostFact]
    public async Task The_length_of_a_body_is_sent_once_in_digits()
    {
        foreach (var invalid in new[]
        {
            "+11", "-11", "+0", "-0", "++11", "1 1", "1\t1", "11,", "11, 11", "11, 12", "11;", "11.0", "1e1", "0xB", "0b1011", "B", "_11", "1_1", "\"11\"", "'11'", "", "11\v",
            "\u0661\u0661", "9223372036854775808", "99999999999999999999", "100000000000000000000000000000000000000011", "11\r\nContent-Length: 11", "11\r\nContent-Length: 12",
        })
        {
            Assert.True(await EmptyAsync(WithLength(invalid)) == 400, invalid);
        }

        foreach (var valid in new[] { "11", "011", "  11  ", "\t11" })
        {
            Assert.StartsWith("HTTP/1.1 200 ", (await SendAsync(WithLength(valid))).Head, StringComparison.Ordinal);
        }

        const string Chunks = "b\r\n{\"value\":1}\r\n0\r\n\r\n";
        foreach (var lengths in new[] { "Content-Length: 11\r\nTransfer-Encoding: chunked", "Transfer-Encoding: chunked\r\nContent-Length: 11", "transfer-encoding: chunked\r\ncontent-length: 0" })
        {
            await IsProblemAsync($"POST /api/await/echo HTTP/1.1\r\nHost: 127.0.0.1\r\n{lengths}\r\n\r\n{Chunks}", 400, "bad-request", "both Content-Length and Transfer-Encoding");
        }

        static string WithLength(string length) => $"POST /api/await/echo HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {length}\r\n\r\n{{\"value\":1}}";
    }

    private async Task IsProblemAsync(string request, int status, string slug, string detail)
    {
        var (head, body) = await SendAsync(request);

        Assert.StartsWith($"HTTP/1.1 {status} ", head, StringComparison.Ordinal);
        Assert.Contains("application/problem+json", head, StringComparison.Ordinal);
        var problem = JsonElement.Parse(body);
        Assert.Equal($"/problems/{slug}", problem.GetProperty("type").GetString());
        Assert.Contains(detail, problem.GetProperty("detail").GetString(), StringComparison.Ordinal);
        Assert.InRange(body.Length, 1, 1_000);
    }

    private async Task<int> EmptyAsync(string request)
    {
        var (head, body) = await SendAsync(request);

        Assert.Contains("Content-Length: 0", head, StringComparison.Ordinal);
        Assert.Empty(body);
        return int.Parse(head.Split(' ')[1], System.Globalization.CultureInfo.InvariantCulture);
    }

    /// <summary>Sends text as it is.</summary>
    /// <returns>The head of the response, and its body without the frame of its chunks.</returns>
    private async Task<(string Head, string Body)> SendAsync(string request)
    {
        using var socket = new TcpClient();
        await socket.ConnectAsync(app.Host.BaseAddress.Host, app.Host.BaseAddress.Port);
        await socket.GetStream().WriteAsync(Encoding.UTF8.GetBytes(request));
        using var reader = new StreamReader(socket.GetStream());
        var head = new StringBuilder();
        while (await reader.ReadLineAsync().WaitAsync(TimeSpan.FromSeconds(60)) is { Length: > 0 } line)
        {
            head.AppendLine(line);
        }

        if (!head.ToString().Contains("chunked", StringComparison.Ordinal))
        {
            return (head.ToString(), "");
        }

        await reader.ReadLineAsync();
        return (head.ToString(), await reader.ReadLineAsync() ?? "");
    }
}
