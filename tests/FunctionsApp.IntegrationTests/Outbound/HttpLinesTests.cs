using System.Net;
using System.Text;
using System.Text.Json;
using FunctionsApp.IntegrationTests.Hosting;

namespace FunctionsApp.IntegrationTests.Outbound;

[Collection(FunctionsAppCollection.Name)]
public sealed class HttpLinesTests(UpstreamFixture upstream)
{
    [OwnHostFact]
    public async Task A_line_is_yielded_before_the_next_one_is_written()
    {
        var id = upstream.NewId();
        using var response = await StreamAsync($"/gate?id={id}");
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync());

        Assert.Equal("""{"value":"first"}""", await reader.ReadLineAsync());
        upstream.Server.Release(id);

        Assert.Equal("""{"value":"second"}""", await reader.ReadLineAsync());
        Assert.Equal("""{"value":"last"}""", await reader.ReadLineAsync());
        Assert.StartsWith("""{"end":{"count":3,""", await reader.ReadLineAsync(), StringComparison.Ordinal);
    }

    [OwnHostFact]
    public async Task Lines_are_split_and_decoded()
    {
        foreach (var (type, bytes, lines) in new[]
        {
            ("text/plain", "a\r\nb\n\nc\rd\n"u8.ToArray(), new[] { "a", "b", "", "c\rd" }),
            ("text/plain", [], []),
            ("text/plain", [0xEF, 0xBB, 0xBF, .. "é"u8], ["é"]),
            ("text/plain; charset=iso-8859-1", [0xEF, 0xBB, 0xBF, .. "é"u8], ["é"]),
            ("text/plain", [0xFE, 0xFF, 0, 0xE9, 0, 0x0A, 0, 0x61], ["é", "a"]),
            ("text/plain", [0xEF], ["\uFFFD"]),
            ("text/plain", [0xEF, 0xBB], ["\uFFFD"]),
            ("text/plain", [(byte)'a', 0xFF, (byte)'\n', 0xC3], ["a\uFFFD", "\uFFFD"]),
            ("text/plain; charset=us-ascii", [0xFF], ["\uFFFD"]),
            ("text/plain; charset=windows-1252", [0x80], ["€"]),
            ("text/plain; charset=iso-8859-1", [0xFC, (byte)'\n', 0xE9], ["ü", "é"]),
            ("text/plain; charset=utf-16", Encoding.Unicode.GetBytes("é\r\n日"), ["é", "日"]),
            ("text/plain", Encoding.UTF8.GetBytes(new string('é', 100_000) + "\n" + new string('日', 100_000)), [new string('é', 100_000), new string('日', 100_000)]),
        })
        {
            using var response = await StreamAsync(
                $"/content?type={type.Replace(";", "%3B", StringComparison.Ordinal)}", bytes.Length > 1_000 ? null : bytes, bytes);
            var values = new List<string?>();
            using var reader = new StreamReader(await response.Content.ReadAsStreamAsync());
            while (await reader.ReadLineAsync() is { } line)
            {
                values.Add(line);
            }

            Assert.StartsWith("{\"end\":", values[^1], StringComparison.Ordinal);
            Assert.Equal(lines, values.SkipLast(1).Select(static value => JsonElement.Parse(value!).GetProperty("value").GetString()!));
        }
    }

    [OwnHostFact]
    public async Task An_endless_response_is_read_until_the_reader_leaves_and_then_closed()
    {
        var id = upstream.NewId();
        using (var response = await StreamAsync($"/endless-lines?id={id}"))
        {
            using var reader = new StreamReader(await response.Content.ReadAsStreamAsync());
            for (var i = 0; i < 50_000; i++)
            {
                Assert.Equal($$"""{"value":"line {{i}}"}""", await reader.ReadLineAsync());
            }
        }

        await upstream.Server.CutOffAsync(id);
    }

    [OwnHostFact]
    public async Task A_reader_that_leaves_a_silent_stream_closes_the_outbound_connection()
    {
        var id = upstream.NewId();
        using (var response = await StreamAsync($"/gate?id={id}"))
        {
            using var reader = new StreamReader(await response.Content.ReadAsStreamAsync());
            await reader.ReadLineAsync();
        }

        await upstream.Server.CutOffAsync(id);
    }

    [OwnHostFact]
    public async Task An_endless_line_fails_and_names_the_limit()
    {
        foreach (var path in new[] { "/flood", "/bomb" })
        {
            var id = upstream.NewId();
            var text = await TextAsync($"{path}?id={id}");

            Assert.Contains("/problems/upstream-failed", text, StringComparison.Ordinal);
            Assert.Contains("1048576 characters, the limit of http.lines", text, StringComparison.Ordinal);
            if (path == "/flood")
            {
                await upstream.Server.CutOffAsync(id);
            }
        }
    }

    [OwnHostFact]
    public async Task The_timeout_applies_to_the_head_of_the_response()
    {
        var id = upstream.NewId();
        Assert.Contains("2 s (timeoutSeconds)", await TextAsync($"/hang?id={id}", "\"timeoutSeconds\":2"), StringComparison.Ordinal);
        await upstream.Server.CutOffAsync(id);

        id = upstream.NewId();
        using var response = await StreamAsync($"/gate?id={id}", more: "\"timeoutSeconds\":2");
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync());
        await reader.ReadLineAsync();
        await upstream.Api.PostAsync("await/delay", """{"seconds":2.2}""");
        upstream.Server.Release(id);
        Assert.Equal("""{"value":"second"}""", await reader.ReadLineAsync());
    }

    [OwnHostFact]
    public async Task An_error_status_is_raised_unless_raiseForStatus_is_false()
    {
        var path = $"/content?status=500&type=text/plain&base64={Convert.ToBase64String("oops"u8)}";

        Assert.Contains("responded with status 500", await TextAsync(path), StringComparison.Ordinal);
        Assert.StartsWith("""{"value":"oops"}""", await TextAsync(path, "\"raiseForStatus\":false"), StringComparison.Ordinal);
    }

    [OwnHostFact]
    public async Task A_broken_connection_is_reported_after_the_received_lines()
    {
        Assert.Contains("/problems/upstream-failed", await TextAsync("/half"), StringComparison.Ordinal);
    }

    private async Task<HttpResponseMessage> StreamAsync(string path, byte[]? inQuery = null, byte[]? bytes = null, string more = "")
    {
        if (bytes is not null && inQuery is null)
        {
            // Too long for a URL: the server echoes what it is sent.
            return await upstream.Api.SendAsync("stream/http.lines", upstream.Input("/body", $"\"method\":\"POST\",\"body\":{JsonSerializer.Serialize(Encoding.UTF8.GetString(bytes))}"));
        }

        path += inQuery is null ? "" : "&base64=" + Uri.EscapeDataString(Convert.ToBase64String(inQuery));
        var response = await upstream.Api.SendAsync("stream/http.lines", upstream.Input(path, more));
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        return response;
    }

    private async Task<string> TextAsync(string path, string more = "")
    {
        using var response = await upstream.Api.SendAsync("stream/http.lines", upstream.Input(path, more));
        return await response.Content.ReadAsStringAsync();
    }
}
