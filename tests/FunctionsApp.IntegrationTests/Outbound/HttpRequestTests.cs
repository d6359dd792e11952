using System.Net;
using System.Text;
using System.Text.Json;
using FunctionsApp.IntegrationTests.Hosting;

namespace FunctionsApp.IntegrationTests.Outbound;

[Collection(FunctionsAppCollection.Name)]
public sealed class HttpRequestTests(UpstreamFixture upstream)
{
    [OwnHostFact]
    public async Task A_response_has_its_status_headers_and_body()
    {
        var id = upstream.NewId();

        var result = await upstream.ResultAsync($"/content?id={id}&status=201&type=application/json&base64={Base64("""{ "a": [1,  2.50] }""")}");

        Assert.Equal(201, result.GetProperty("status").GetInt32());
        Assert.Equal("""{ "a": [1,  2.50] }""", result.GetProperty("body").GetRawText());
        Assert.Equal((19, 1), (result.GetProperty("bytes").GetInt32(), result.GetProperty("attempts").GetInt32()));
        Assert.Equal("application/json", result.GetProperty("headers").GetProperty("content-type").GetString());
        Assert.Equal("a=1, b=2", result.GetProperty("headers").GetProperty("set-cookie").GetString());
        Assert.True(result.GetProperty("elapsedMs").GetDouble() > 0);
    }

    [OwnHostFact]
    public async Task A_body_is_sent_with_the_media_type_of_its_value()
    {
        foreach (var (input, type, body) in new[]
        {
            (""" "method":"POST","body":"grüß\n" """, "text/plain; charset=utf-8", "grüß\n"),
            (""" "method":"PUT","body":{"a":[1,null]} """, "application/json", """{"a":[1,null]}"""),
            (""" "method":"PATCH","body":1.50 """, "application/json", "1.50"),
            (""" "method":"POST","body":"a,b","headers":{"content-type":"text/csv"} """, "text/csv", "a,b"),
            (""" "method":"DELETE","body":false,"headers":{"X-Mine":"1"} """, "application/json", "false"),
        })
        {
            var received = (await upstream.ResultAsync("/echo", input)).GetProperty("body");

            Assert.Equal(body, received.GetProperty("Body").GetString());
            Assert.Equal(type, received.GetProperty("Headers").GetProperty("content-type").GetString());
        }
    }

    [OwnHostFact]
    public async Task Accept_Encoding_is_sent_as_the_caller_wrote_it()
    {
        foreach (var value in new[] { "zstd;q=1 ,GZIP", "identity", "*;q=0", "" })
        {
            var received = (await upstream.ResultAsync("/echo", $$""" "headers":{"accept-Encoding":"{{value}}"} """)).GetProperty("body");

            Assert.Equal(value, received.GetProperty("Headers").GetProperty("accept-encoding").GetString());
        }
    }

    [OwnHostFact]
    public async Task A_body_is_sent_in_the_charset_that_the_caller_names()
    {
        foreach (var (type, body, hex) in new[]
        {
            ("text/plain", "\"mü\"", "6DC3BC"),
            ("text/plain; charset=UTF8", "\"mü\"", "6DC3BC"),
            ("text/plain; charset=iso-8859-1", "\"mü\"", "6DFC"),
            ("text/plain; charset=\\\"windows-1252\\\"", "\"€\"", "80"),
            ("text/csv;header=present;charset=Shift_JIS", "\"日\"", "93FA"),
            ("text/plain; charset=utf-16le", "\"ü🐶\"", "FC003DD836DC"),
            ("text/plain; charset=utf-16", "\"ü\"", "FFFEFC00"),
            ("application/json; charset=iso-8859-1", "{\"a\":\"ü\"}", "7B2261223A22FC227D"),
            ("not a media type", "\"ü\"", "C3BC"),
        })
        {
            var more = $$""" "method":"POST","body":{{body}},"headers":{"content-TYPE":"{{type}}"} """;
            var result = await upstream.ResultAsync("/bytes", more);

            Assert.Equal((type, hex), (type, result.GetProperty("body").GetString()));
        }
    }

    [OwnHostFact]
    public async Task A_charset_that_lacks_a_character_of_the_body_is_refused_and_named()
    {
        foreach (var (charset, body, property, message) in new[]
        {
            ("nonsense", "\"a\"", "/headers/content-type", "not 'nonsense'"),
            ("utf-7", "{}", "/headers/content-type", "not 'utf-7'"),
            ("us-ascii", "\"mü\"", "/body", "U+00FC"),
            ("windows-1252", "\"ā\"", "/body", "'windows-1252'"),
            ("iso-8859-1", "{\"a\":\"🐶\"}", "/body", "U+1F436"),
        })
        {
            var more = $$""" "method":"POST","body":{{body}},"headers":{"content-type":"text/plain; charset={{charset}}"} """;
            var response = await upstream.RequestAsync("/bytes", more);

            Assert.Equal((HttpStatusCode.UnprocessableEntity, "invalid-request"), (response.Status, response.Problem));
            Assert.Contains(message, response["errors"].GetProperty(property)[0].GetString(), StringComparison.Ordinal);
        }
    }

    [OwnHostFact]
    public async Task Auto_distinguishes_json_text_and_bytes_by_the_media_type()
    {
        foreach (var (type, bytes, form, expected) in new[]
        {
            ("application/json", "[1]"u8.ToArray(), "auto", "[1]"),
            ("application/problem%2Bjson; charset=utf-8", "{}"u8.ToArray(), "auto", "{}"),
            ("application/json", [0xEF, 0xBB, 0xBF, .. "true\n"u8], "auto", "true"),
            ("application/json; charset=utf-16", Encoding.Unicode.GetBytes("\"é\""), "auto", "\"é\""),
            ("application/json", "[1"u8.ToArray(), "auto", "\"[1\""),
            ("application/json", "\"\\ud800\""u8.ToArray(), "auto", "\"\\\"\\\\ud800\\\"\""),
            ("application/json", [], "auto", "\"\""),
            ("text/plain", "grüß"u8.ToArray(), "auto", "\"grüß\""),
            ("text/plain", [(byte)'a', 0xFF], "auto", "\"a\uFFFD\""),
            ("text/html; charset=iso-8859-1", [(byte)'g', 0xFC], "auto", "\"gü\""),
            ("text/html; charset=\"windows-1252\"", [0x80], "auto", "\"€\""),
            ("text/html; charset=shift_jis", [0x93, 0xFA], "auto", "\"日\""),
            ("text/html; charset=nonsense", "ü"u8.ToArray(), "auto", "\"ü\""),
            ("text/html; charset=us-ascii", [(byte)'a', 0xFF], "auto", "\"a\uFFFD\""),
            ("text/plain; charset=utf-16", [0xFE, 0xFF, 0, 0xFC], "auto", "\"ü\""),
            ("application/json", [0xFF, 0xFE, (byte)'1', 0], "auto", "1"),
            ("image/svg%2Bxml", "<svg/>"u8.ToArray(), "auto", "\"<svg/>\""),
            ("image/png", [1, 2, 255], "auto", "\"AQL/\""),
            ("", [1, 2, 255], "auto", "\"AQL/\""),
            ("", [], "auto", "null"),
            ("image/png", "[1]"u8.ToArray(), "json", "[1]"),
            ("application/json", "[1]"u8.ToArray(), "text", "\"[1]\""),
            ("application/json", "[1]"u8.ToArray(), "base64", "\"WzFd\""),
        })
        {
            var result = await upstream.ResultAsync(
                $"/content?type={type.Replace(";", "%3B", StringComparison.Ordinal)}&base64={Uri.EscapeDataString(Convert.ToBase64String(bytes))}", $"\"as\":\"{form}\"");

            Assert.Equal((type, expected), (type, result.GetProperty("body").GetRawText()));
            Assert.Equal(bytes.Length, result.GetProperty("bytes").GetInt32());
        }
    }

    [OwnHostFact]
    public async Task Invalid_json_fails_when_json_is_requested()
    {
        foreach (var body in new[] { "", "[1", "{} {}", "NaN", "\"\\ud800\"" })
        {
            var response = await upstream.RequestAsync($"/content?type=text/plain&base64={Base64(body)}", "\"as\":\"json\"");

            Assert.Equal((HttpStatusCode.BadGateway, "upstream-failed"), (response.Status, response.Problem));
        }
    }

    [OwnHostFact]
    public async Task Json_of_any_depth_does_not_crash()
    {
        using var deep = await upstream.Api.SendAsync("await/http.request", upstream.Input("/deep?depth=512"));
        Assert.Contains($"\"body\":{new string('[', 512)}{new string(']', 512)},", await deep.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        Assert.Equal(JsonValueKind.String, (await upstream.ResultAsync("/deep?depth=513")).GetProperty("body").ValueKind);
        Assert.Equal(JsonValueKind.String, (await upstream.ResultAsync("/deep?depth=400000")).GetProperty("body").ValueKind);
        Assert.Equal("upstream-failed", (await upstream.RequestAsync("/deep?depth=513", "\"as\":\"json\"")).Problem);
    }

    [OwnHostFact]
    public async Task A_compressed_response_is_decompressed()
    {
        var result = await upstream.ResultAsync("/gzip");

        Assert.Equal(("[1,2,3]", 10), (result.GetProperty("body").GetRawText(), result.GetProperty("bytes").GetInt32()));
    }

    [OwnHostFact]
    public async Task A_response_over_the_limit_fails_and_is_closed()
    {
        foreach (var path in new[] { "/flood", "/bomb" })
        {
            var id = upstream.NewId();
            var response = await upstream.RequestAsync($"{path}?id={id}");

            Assert.Equal((HttpStatusCode.BadGateway, "upstream-failed"), (response.Status, response.Problem));
            Assert.Contains("1048576 bytes (Outbound:MaxResponseBytes)", response["detail"].GetString(), StringComparison.Ordinal);
            Assert.Single(upstream.Server.Requests(id));
            if (path == "/flood")
            {
                await upstream.Server.CutOffAsync(id);
            }
        }
    }

    [OwnHostFact]
    public async Task An_error_status_is_a_result_unless_raiseForStatus_is_true()
    {
        Assert.Equal(404, (await upstream.ResultAsync("/content?status=404")).GetProperty("status").GetInt32());

        var response = await upstream.RequestAsync("/content?status=404", "\"raiseForStatus\":true");
        Assert.Equal((HttpStatusCode.BadGateway, "upstream-failed"), (response.Status, response.Problem));
        Assert.Contains("404", response["detail"].GetString(), StringComparison.Ordinal);
    }

    [OwnHostFact]
    public async Task A_transient_error_is_retried_after_Retry_After()
    {
        var id = upstream.NewId();
        var result = await upstream.ResultAsync($"/busy?id={id}&times=1&after=1");
        Assert.Equal((200, 2), (result.GetProperty("status").GetInt32(), result.GetProperty("attempts").GetInt32()));
        Assert.True(result.GetProperty("elapsedMs").GetDouble() >= 990);

        foreach (var path in new[] { "/busy?status=503&times=2", "/reset?times=2", "/half?times=2" })
        {
            result = await upstream.ResultAsync($"{path}&id={upstream.NewId()}");
            Assert.Equal((path, "\"done\"", 3), (path, result.GetProperty("body").GetRawText(), result.GetProperty("attempts").GetInt32()));
        }
    }

    [OwnHostFact]
    public async Task A_request_that_is_not_idempotent_is_sent_once()
    {
        var id = upstream.NewId();

        Assert.Equal(1, (await upstream.ResultAsync($"/busy?id={id}&status=503", """ "method":"POST","maxRetries":5 """)).GetProperty("attempts").GetInt32());
        Assert.Single(upstream.Server.Requests(id));
    }

    [OwnHostFact]
    public async Task A_failed_connection_is_reported_with_its_port_and_the_reason()
    {
        var closed = UpstreamFixture.ClosedOrigin;
        Assert.Equal($"Connecting to '{closed.Authority}' failed: connection refused.", await DetailAsync(closed));
        var secure = upstream.Server.SecureOrigin;
        Assert.Equal($"Connecting to '{secure.Authority}' failed: its certificate or TLS was not accepted.", await DetailAsync(secure));

        async Task<string?> DetailAsync(Uri origin) =>
            (await upstream.Api.PostAsync("await/http.request", $$"""{"url":"{{origin}}","maxRetries":0}"""))["detail"].GetString();
    }

    [OwnHostFact]
    public async Task A_connection_that_breaks_is_reported_without_an_address()
    {
        foreach (var url in new[]
        {
            upstream.Url("/reset"), upstream.Url("/half"), upstream.Url("/no-gzip"), upstream.Url("/no-gzip?encoding=br"), upstream.Url("/no-gzip?encoding=deflate"),
        })
        {
            var response = await upstream.Api.PostAsync("await/http.request", $$"""{"url":"{{url}}","maxRetries":0}""");

            Assert.Equal((url, HttpStatusCode.BadGateway, "upstream-failed"), (url, response.Status, response.Problem));
            Assert.DoesNotContain(new Uri(url).Authority, response["detail"].GetString(), StringComparison.Ordinal);
        }
    }

    [OwnHostFact]
    public async Task A_connection_that_takes_too_long_fails_and_names_the_limit()
    {
        await using var host = await upstream.StartHostAsync(("Outbound__ConnectTimeoutSeconds", "1"));
        using var api = host.Connect();

        var response = await api.PostAsync("await/http.request", $$"""{"url":"{{upstream.Server.SilentOrigin}}","maxRetries":0}""");

        Assert.Equal((HttpStatusCode.GatewayTimeout, "timeout"), (response.Status, response.Problem));
        Assert.Contains("1 s (Outbound:ConnectTimeoutSeconds)", response["detail"].GetString(), StringComparison.Ordinal);
    }

    [OwnHostFact]
    public async Task A_timeout_closes_the_outbound_connection_of_a_silent_or_slow_response()
    {
        await Task.WhenAll(TimesOutAsync("/hang"), TimesOutAsync("/drip"));

        async Task TimesOutAsync(string path)
        {
            var id = upstream.NewId();
            var response = await upstream.RequestAsync($"{path}?id={id}", "\"timeoutSeconds\":2");

            Assert.Equal((HttpStatusCode.GatewayTimeout, "timeout"), (response.Status, response.Problem));
            Assert.Equal("The request to '127.0.0.1' timed out after 2 s (timeoutSeconds).", response["detail"].GetString());
            await upstream.Server.CutOffAsync(id);
        }
    }

    [OwnHostFact]
    public async Task A_disconnect_closes_the_outbound_connection()
    {
        foreach (var (pattern, path) in new[] { ("await", "/hang"), ("await", "/drip"), ("gather", "/hang"), ("sequence", "/hang") })
        {
            var id = upstream.NewId();
            using var client = new CancellationTokenSource();
            var input = upstream.Input($"{path}?id={id}");
            var sending = pattern switch
            {
                "await" => upstream.Api.SendAsync("await/http.request", input, cancellationToken: client.Token),
                "gather" => upstream.Api.SendAsync("gather", $$"""{"calls":[{"operation":"http.request","input":{{input}}}]}""", cancellationToken: client.Token),
                _ => upstream.Api.SendAsync("sequence", $$"""{"steps":[{"operation":"http.request","input":{{input}}}]}""", cancellationToken: client.Token),
            };
            await upstream.Server.ArrivalAsync(id);

            await client.CancelAsync();

            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => sending);
            await upstream.Server.CutOffAsync(id);
        }
    }

    [OwnHostFact]
    public async Task A_failing_sibling_closes_the_outbound_connection()
    {
        var (hanging, failing) = (upstream.NewId(), upstream.NewId());
        var response = await upstream.Api.PostAsync("gather", $$"""
            {"calls":[
              {"operation":"http.request","input":{{upstream.Input($"/hang?id={hanging}")}}},
              {"operation":"http.request","input":{{upstream.Input($"/fail-after?id={failing}&other={hanging}", "\"raiseForStatus\":true")}}}]}
            """);

        Assert.Equal(("upstream-failed", 1), (response.Problem, response["index"].GetInt32()));
        await upstream.Server.CutOffAsync(hanging);
    }

    [OwnHostFact]
    public async Task A_lost_race_closes_the_outbound_connection()
    {
        var (hanging, failing) = (upstream.NewId(), upstream.NewId());
        var response = await upstream.Api.PostAsync("gather", $$"""
            {"returnWhen":"firstCompleted","calls":[
              {"operation":"http.request","input":{{upstream.Input($"/hang?id={hanging}")}}},
              {"operation":"http.request","input":{{upstream.Input($"/fail-after?id={failing}&other={hanging}")}}}]}
            """);

        Assert.Equal("cancelled", response["results"][0].GetProperty("status").GetString());
        await upstream.Server.CutOffAsync(hanging);
    }

    [OwnHostFact]
    public async Task Ten_gathered_calls_run_at_once()
    {
        // None of them is answered before all of them are there.
        var call = $$"""{"operation":"http.request","input":{{upstream.Input($"/meet?id={upstream.NewId()}&count=10")}}}""";

        var response = await upstream.Api.PostAsync("gather", $$"""{"calls":[{{string.Join(',', Enumerable.Repeat(call, 10))}}]}""");

        Assert.Equal(10, response["succeeded"].GetInt32());
    }

    [OwnHostFact]
    public async Task Only_the_trace_of_the_caller_is_passed_on()
    {
        const string TraceId = "4bf92f3577b34da6a3ce929d0e0e4736";
        var id = upstream.NewId();
        using var request = new HttpRequestMessage(HttpMethod.Post, "await/http.request") { Content = new StringContent(upstream.Input($"/echo?id={id}"), Encoding.UTF8, "application/json") };
        foreach (var (name, value) in new[]
        {
            ("traceparent", $"00-{TraceId}-00f067aa0ba902b7-01"), ("tracestate", "vendor=secret"), ("baggage", "user=secret"), ("Authorization", "Bearer secret"),
            ("Cookie", "session=secret"), ("x-functions-key", "secret"), ("User-Agent", "secret/1"), ("Accept-Language", "de"), ("X-Forwarded-For", "10.0.0.1"),
        })
        {
            Assert.True(request.Headers.TryAddWithoutValidation(name, value));
        }

        (await upstream.Api.Http.SendAsync(request)).EnsureSuccessStatusCode().Dispose();

        var headers = Assert.Single(upstream.Server.Requests(id)).Headers;
        Assert.Equal(["accept-encoding", "cdn-loop", "host", "traceparent"], headers.Keys.Order(StringComparer.Ordinal));
        Assert.StartsWith($"00-{TraceId}-", headers["traceparent"], StringComparison.Ordinal);
        Assert.Equal(upstream.Server.Origin.Authority, headers["host"]);
    }

    private static string Base64(string text) => Uri.EscapeDataString(Convert.ToBase64String(Encoding.UTF8.GetBytes(text)));
}
