using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text;
using FunctionsApp.Core.Outbound;
using FunctionsApp.Core.Problems;
using FunctionsApp.Core.Tests.Outbound;
using FunctionsApp.Core.Webhooks;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace FunctionsApp.Core.Tests.Webhooks;

/// <summary>What becomes of an attempt, on a clock that stands still and without a network.</summary>
public sealed class WebhookSenderTests : OutboundTests, IDisposable
{
    private const string Current = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    private const string Former = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX";
    private const string Id = "msg_5f0c";

    private static readonly Uri Url = new("https://example.com/hooks?tenant=7");
    private static readonly byte[] Body = Encoding.UTF8.GetBytes("""{"type":"task.succeeded","data":{"result":"Zoë"}}""");

    private readonly ManualTimeProvider _time = new();
    private readonly ScriptedServer _server = new();
    private readonly List<OutboundClient> _clients = [];

    public void Dispose()
    {
        _clients.ForEach(static client => client.Dispose());
        _server.Dispose();
    }

    [Fact]
    public async Task The_body_is_posted_as_it_is_with_the_headers_of_the_standard()
    {
        _server.Answer(204);
        _time.Advance(TimeSpan.FromSeconds(1_700_000_000.9));

        await SendAsync();

        var request = Assert.Single(_server.Requests);
        Assert.Equal(("POST", Url.AbsoluteUri, Encoding.UTF8.GetString(Body)), (request.Method, request.Url, request.Body));
        Assert.Equal(
            ["Accept-Encoding", "CDN-Loop", "Content-Type", "User-Agent", "webhook-id", "webhook-signature", "webhook-timestamp"],
            request.Headers.Keys.Order(StringComparer.OrdinalIgnoreCase), StringComparer.OrdinalIgnoreCase);
        Assert.Equal(
            ("application/json", "FunctionsApp-Webhooks", Id, "1700000000"),
            (request.Headers["content-type"], request.Headers["user-agent"], request.Headers["webhook-id"], request.Headers["webhook-timestamp"]));
    }

    [Fact]
    public async Task Each_key_signs_and_the_current_one_first()
    {
        _server.Answer(204);

        await SendAsync(Sender(Current, Former));

        var request = _server.Requests[0];
        var signatures = request.Headers["webhook-signature"].Split(' ');
        Assert.All(signatures, static signature => Assert.StartsWith("v1,", signature, StringComparison.Ordinal));
        Assert.Equal([true, true, false], new[] { Current, Former, SigningKey.Generate() }.Select(key => Verifies(request, key: key)));
        Assert.Equal([true, false], signatures.Select(signature => Verifies(request, signatures: signature)));
    }

    [Fact]
    public async Task A_tampered_message_does_not_verify()
    {
        _server.Answer(204);

        await SendAsync();

        var request = _server.Requests[0];
        Assert.True(Verifies(request));
        Assert.False(Verifies(request, body: request.Body!.Replace("succeeded", "cancelled", StringComparison.Ordinal)));
        Assert.False(Verifies(request, body: request.Body + " "));
        Assert.False(Verifies(request, id: Id + "0"));
        Assert.False(Verifies(request, timestamp: "1"));
    }

    [Fact]
    public async Task Another_attempt_has_the_same_id_and_a_time_and_signature_of_its_own()
    {
        _server.Answer(500);
        var sender = Sender(Current);

        await SendAsync(sender);
        _time.Advance(TimeSpan.FromMinutes(5));
        await SendAsync(sender);

        Assert.Equal([Id, Id], _server.Requests.Select(static request => request.Headers["webhook-id"]));
        Assert.Equal(["0", "300"], _server.Requests.Select(static request => request.Headers["webhook-timestamp"]));
        Assert.NotEqual(_server.Requests[0].Headers["webhook-signature"], _server.Requests[1].Headers["webhook-signature"]);
        Assert.All(_server.Requests, static request => Assert.True(Verifies(request)));
    }

    [Theory]
    [InlineData(WebhookOutcome.Delivered, null, 200, 201, 202, 204, 299)]
    [InlineData(WebhookOutcome.Refused, ": the app does not follow redirects.", 300, 301, 302, 303, 304, 307, 308)]
    [InlineData(WebhookOutcome.Refused, ": the receiver is gone.", 410)]
    [InlineData(WebhookOutcome.Failed, ".", 400, 401, 404, 408, 429, 500, 502, 503, 599)]
    public async Task The_status_determines_the_result_of_an_attempt(WebhookOutcome outcome, string? reason, params int[] statuses)
    {
        var sender = Sender(Current);
        foreach (var status in statuses)
        {
            _server.Redirect(status, "https://example.com/elsewhere");

            var error = reason is null ? null : $"'example.com' responded with status {status}{reason}";
            Assert.Equal(new WebhookResult(outcome, status, error) { StartedAt = _time.GetUtcNow() }, await SendAsync(sender));
        }

        Assert.Equal(statuses.Length, _server.Requests.Count);
    }

    [Theory]
    [InlineData(429)]
    [InlineData(500)]
    [InlineData(503)]
    public async Task Retry_After_is_passed_on_in_either_form(int status)
    {
        _time.Advance(TimeSpan.FromDays(20_000));
        _server.Answer(status, static headers => headers.RetryAfter = new RetryConditionHeaderValue(TimeSpan.FromSeconds(20)));
        _server.Answer(status, headers => headers.RetryAfter = new RetryConditionHeaderValue(_time.GetUtcNow().AddSeconds(90)));
        var sender = Sender(Current);

        Assert.Equal(TimeSpan.FromSeconds(20), (await SendAsync(sender)).RetryAfter);
        Assert.Equal(TimeSpan.FromSeconds(90), (await SendAsync(sender)).RetryAfter);
    }

    [Theory]
    [InlineData(503, "soon")]
    [InlineData(503, "-1")]
    [InlineData(503, "1.5")]
    [InlineData(410, "20")]
    public async Task An_invalid_Retry_After_or_one_with_410_is_ignored(int status, string value)
    {
        _server.Answer(status, headers => headers.TryAddWithoutValidation("Retry-After", value));

        Assert.Null((await SendAsync()).RetryAfter);
    }

    [Fact]
    public async Task A_Retry_After_of_any_length_asks_for_a_long_pause()
    {
        _server.Answer(503, static headers => headers.TryAddWithoutValidation("Retry-After", "99999999999999"));

        Assert.InRange((await SendAsync()).RetryAfter!.Value, TimeSpan.FromDays(1), TimeSpan.MaxValue);
    }

    [Theory]
    [InlineData(HttpRequestError.ConnectionError, "Connecting to 'example.com:443' failed.")]
    [InlineData(HttpRequestError.NameResolutionError, "The host name 'example.com' could not be resolved.")]
    [InlineData(HttpRequestError.SecureConnectionError, "Connecting to 'example.com:443' failed: its certificate or TLS was not accepted.")]
    [InlineData(HttpRequestError.ResponseEnded, "The connection to 'example.com' broke before a response arrived.")]
    [InlineData(HttpRequestError.InvalidResponse, "The response of 'example.com' is not HTTP.")]
    public async Task Without_a_response_the_attempt_is_retried(HttpRequestError error, string sentence)
    {
        _server.Fail(new HttpRequestException(error, "10.0.0.1 did it", new IOException("10.0.0.1")));

        var result = await SendAsync();

        Assert.Equal(new WebhookResult(WebhookOutcome.Failed, Error: sentence) { StartedAt = _time.GetUtcNow() }, result);
        Assert.Single(_server.Requests);
    }

    [Theory]
    [InlineData(SocketError.ConnectionRefused, ": connection refused.")]
    [InlineData(SocketError.ConnectionReset, ": connection reset.")]
    [InlineData(SocketError.TimedOut, ": no response.")]
    [InlineData(SocketError.HostUnreachable, ": no route.")]
    [InlineData(SocketError.AccessDenied, ".")]
    public async Task The_reason_of_a_failed_connection_is_named_without_an_address(SocketError reason, string end)
    {
        _server.Fail(new HttpRequestException(HttpRequestError.ConnectionError, "10.0.0.1 did it", new SocketException((int)reason)));

        Assert.Equal("Connecting to 'example.com:443' failed" + end, (await SendAsync()).Error);
    }

    [Fact]
    public async Task An_unexpected_exception_is_a_failed_attempt_without_internals()
    {
        _server.Fail(new NotSupportedException("10.0.0.1 did it"));

        var result = await SendAsync();

        Assert.Equal((WebhookOutcome.Failed, null, "The log has the details under this traceId."), (result.Outcome, result.Status, result.Error));
    }

    [Theory]
    [InlineData("http://127.0.0.1/")]
    [InlineData("http://xn--ä/")]
    public async Task A_URL_that_the_guard_no_longer_allows_is_not_called(string url)
    {
        _server.Answer(200);

        var result = await Sender(Current).SendAsync(new Uri(url), Id, Body, default);

        Assert.Equal((WebhookOutcome.Failed, OutboundGuard.Refusal(new Uri(url)).Detail), (result.Outcome, result.Error));
        Assert.Empty(_server.Requests);
    }

    [Fact]
    public async Task A_name_that_resolves_to_a_private_address_at_connect_time_is_not_called()
    {
        Resolver.Answer("127.0.0.1");
        using var client = new OutboundClient(Guard(), Options.Create(new OutboundOptions()), _time);
        var sender = Sender(client, new WebhookOptions { SigningKeys = [Current] });

        var result = await sender.SendAsync(Url, Id, Body, default).WaitAsync(Limit);

        Assert.Equal((WebhookOutcome.Failed, null, OutboundGuard.Refusal(Url).Detail), (result.Outcome, result.Status, result.Error));
    }

    [Fact]
    public async Task A_receiver_that_does_not_respond_times_out()
    {
        _server.Hang();
        var sending = SendAsync(new WebhookOptions { SigningKeys = [Current], TimeoutSeconds = 2.5 });

        _time.Advance(TimeSpan.FromSeconds(2.4));
        Assert.False(sending.IsCompleted);
        _time.Advance(TimeSpan.FromSeconds(0.1));

        Assert.Equal(
            new WebhookResult(WebhookOutcome.Failed, Error: "'example.com' did not respond within 2.5 s (Callbacks:TimeoutSeconds).")
            {
                StartedAt = DateTimeOffset.UnixEpoch,
                ElapsedMs = 2_500,
            },
            await sending.WaitAsync(Limit));
        Assert.Equal(0, _time.Timers);
    }

    [Fact]
    public async Task A_cancelled_attempt_has_no_result()
    {
        _server.Hang();
        using var caller = new CancellationTokenSource();
        var sending = Sender(Current).SendAsync(Url, Id, Body, caller.Token);

        await caller.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => sending.WaitAsync(Limit));
    }

    [Theory]
    [InlineData(200, WebhookOutcome.Delivered)]
    [InlineData(503, WebhookOutcome.Failed)]
    public async Task The_status_counts_whatever_the_body_is(int status, WebhookOutcome outcome)
    {
        _server.Answer(status, headers: null, static () => new StreamContent(new HangingBody()));
        _server.Answer(status, headers: null, static () => new StreamContent(new BrokenBody()));

        Assert.Equal((outcome, status), await SendAsync() is var hanging ? (hanging.Outcome, hanging.Status!.Value) : default);
        Assert.Equal((outcome, status), await SendAsync() is var broken ? (broken.Outcome, broken.Status!.Value) : default);
    }

    [Fact]
    public async Task Without_a_key_nothing_is_sent_and_no_URL_is_accepted()
    {
        var sender = Sender();

        var result = await SendAsync(sender);

        Assert.False(sender.CanSign);
        Assert.Equal((WebhookOutcome.Failed, null), (result.Outcome, result.Status));
        Assert.Contains("Callbacks:SigningKeys", result.Error, StringComparison.Ordinal);
        Assert.Empty(_server.Requests);
        Assert.Equal("/problems/callbacks-not-configured", Checked(sender, Url.AbsoluteUri).Type);
    }

    [Theory]
    [InlineData("https://example.com/hooks?tenant=7")]
    [InlineData("http://example.com:8080/")]
    [InlineData("https://bücher.de/hook")]
    public void An_allowed_URL_is_accepted_unchanged(string url)
    {
        var sender = Sender(Current);

        Assert.True(sender.CanSign);
        Assert.Equal(url, sender.Check(url, "/onSuccess/url").OriginalString);
        Assert.Equal(0, Resolver.Asked);
    }

    [Theory]
    [InlineData("")]
    [InlineData("/hooks")]
    [InlineData("example.com/hooks")]
    [InlineData("ftp://example.com/")]
    [InlineData("file:///etc/passwd")]
    [InlineData("http://")]
    [InlineData("http://example.com:65536/")]
    [InlineData("http://example.com/\r\nX-Injected: yes")]
    public void A_URL_that_is_not_http_is_rejected(string url) =>
        Assert.Equal(
            ("/problems/invalid-request", "/onSuccess/url must be an absolute http or https URL, such as https://example.com/."),
            Checked(Sender(Current), url));

    [Fact]
    public void A_URL_has_2048_characters_at_most()
    {
        var longest = "https://example.com/".PadRight(2_048, 'x');

        Assert.Equal(longest, Sender(Current).Check(longest, "/url").AbsoluteUri);
        Assert.Equal(("/problems/invalid-request", "/onSuccess/url must be at most 2048 characters long."), Checked(Sender(Current), longest + "x"));
    }

    [Theory]
    [InlineData("http://localhost:7071/api/health/live")]
    [InlineData("http://169.254.169.254/")]
    [InlineData("https://user:pass@example.com/")]
    [InlineData("http://xn--ä/")]
    public void A_URL_that_the_guard_refuses_is_rejected(string url) => Assert.Equal("/problems/destination-not-allowed", Checked(Sender(Current), url).Type);

    [Fact]
    public void The_service_collection_has_a_sender_with_the_configured_keys()
    {
        using var with = TestServices.Create(settings: ("Callbacks:SigningKeys:0", Current));
        using var without = TestServices.Create();

        Assert.Equal((true, false), (with.GetRequiredService<WebhookSender>().CanSign, without.GetRequiredService<WebhookSender>().CanSign));
    }

    private static (string Type, string Detail) Checked(WebhookSender sender, string url)
    {
        var problem = Assert.Throws<ProblemException>(() => sender.Check(url, "/onSuccess/url")).Problem;
        return (problem.Type, problem.Detail);
    }

    /// <summary>Whether a request verifies, as it came or with one of its parts changed.</summary>
    private static bool Verifies(Received request, string key = Current, string? id = null, string? timestamp = null, string? signatures = null, string? body = null) =>
        WebhookVerifier.Verify(
            key, id ?? request.Headers["webhook-id"], timestamp ?? request.Headers["webhook-timestamp"],
            signatures ?? request.Headers["webhook-signature"], Encoding.UTF8.GetBytes(body ?? request.Body!));

    private Task<WebhookResult> SendAsync() => SendAsync(Sender(Current));

    private Task<WebhookResult> SendAsync(WebhookOptions options) => SendAsync(Sender(Client(), options));

    private static Task<WebhookResult> SendAsync(WebhookSender sender) => sender.SendAsync(Url, Id, Body, default);

    private WebhookSender Sender(params string[] keys) => Sender(Client(), new WebhookOptions { SigningKeys = keys });

    private WebhookSender Sender(OutboundClient client, WebhookOptions options) =>
        new(client, Guard(), new SigningKeys(Options.Create(options)), Options.Create(options), new ProblemDescriber(NullLogger<ProblemDescriber>.Instance), _time);

    private OutboundClient Client()
    {
        var client = new OutboundClient(Guard(), Options.Create(new OutboundOptions()), _time, _server);
        _clients.Add(client);
        return client;
    }

    /// <summary>The body of an answer, which can be read once.</summary>
    private abstract class ResponseBody : MemoryStream
    {
        public override bool CanSeek => false;
    }

    private sealed class HangingBody : ResponseBody
    {
        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            await Task.Delay(Timeout.Infinite, cancellationToken);
            return 0;
        }
    }

    private sealed class BrokenBody : ResponseBody
    {
        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => throw new IOException("It broke.");
    }
}
