using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using FunctionsApp.Core.Outbound;
using FunctionsApp.Core.Problems;
using Microsoft.Extensions.Options;

namespace FunctionsApp.Core.Tests.Outbound;

/// <summary>Redirects and retries, on a clock that stands still and without a network.</summary>
public sealed class OutboundClientTests : OutboundTests, IDisposable
{
    private readonly ManualTimeProvider _time = new();
    private readonly ScriptedServer _server = new();
    private readonly OutboundClient _client;

    public OutboundClientTests() => _client = new OutboundClient(Guard(), Options.Create(new OutboundOptions()), _time, _server);

    public void Dispose()
    {
        _client.Dispose();
        _server.Dispose();
    }

    [Fact]
    public async Task A_name_that_resolves_to_a_private_address_at_connect_time_is_refused()
    {
        Resolver.Answer("8.8.8.8");
        Resolver.Answer("127.0.0.1");
        var guard = Guard();
        using var client = new OutboundClient(guard, Options.Create(new OutboundOptions()), _time);
        Assert.Equal(IPAddress.Parse("8.8.8.8"), Assert.Single(await guard.ResolveAsync("rebind.example.com", 80, default)));

        var problem = await ProblemOf(client.SendAsync(new OutboundRequest("GET", new Uri("http://Rebind.example.com/")) { MaxRetries = 10 }, default));

        Assert.Equal("/problems/destination-not-allowed", problem.Type);
        Assert.Equal(OutboundGuard.Refusal(new Uri("http://Rebind.example.com/")).Detail, problem.Detail);
        Assert.Equal(2, Resolver.Asked);
    }

    [Fact]
    public async Task A_name_that_does_not_resolve_is_retried_and_then_reported_without_an_address()
    {
        Resolver.Answer();
        using var client = new OutboundClient(Guard(), Options.Create(new OutboundOptions()), _time);

        var problem = await ProblemOf(InTimeAsync(client.SendAsync(new OutboundRequest("GET", new Uri("http://nowhere.example.com/")) { MaxRetries = 2 }, default)));

        Assert.Equal(("/problems/upstream-failed", "The host name 'nowhere.example.com' could not be resolved."), (problem.Type, problem.Detail));
        Assert.Equal(3, Resolver.Asked);
    }

    [Theory]
    [InlineData(408)]
    [InlineData(429)]
    [InlineData(502)]
    [InlineData(503)]
    [InlineData(504)]
    public async Task A_transient_error_status_is_retried(int status)
    {
        _server.Answer(status);
        _server.Answer(status);
        _server.Answer(200);

        var response = await InTimeAsync(_client.SendAsync(Get() with { MaxRetries = 2 }, default));

        Assert.Equal((200, 3), (response.Status, response.Attempts));
    }

    [Fact]
    public async Task The_last_response_is_the_result_when_all_attempts_fail()
    {
        _server.Answer(503);

        var response = await InTimeAsync(_client.SendAsync(Get() with { MaxRetries = 3 }, default));

        Assert.Equal((503, 4, 4), (response.Status, response.Attempts, _server.Requests.Count));
    }

    [Theory]
    [InlineData("GET", 3)]
    [InlineData("HEAD", 3)]
    [InlineData("OPTIONS", 3)]
    [InlineData("PUT", 3)]
    [InlineData("DELETE", 3)]
    [InlineData("POST", 1)]
    [InlineData("PATCH", 1)]
    public async Task Only_idempotent_methods_are_retried(string method, int attempts)
    {
        _server.Answer(503);

        Assert.Equal(attempts, (await InTimeAsync(_client.SendAsync(Get() with { Method = method, MaxRetries = 2 }, default))).Attempts);
    }

    [Theory]
    [InlineData(200)]
    [InlineData(400)]
    [InlineData(404)]
    [InlineData(500)]
    [InlineData(501)]
    public async Task Other_statuses_are_not_retried(int status)
    {
        _server.Answer(status);

        Assert.Equal(1, (await _client.SendAsync(Get() with { MaxRetries = 2 }, default)).Attempts);
    }

    [Fact]
    public async Task A_failed_connection_is_retried()
    {
        _server.Fail(new HttpRequestException(HttpRequestError.ConnectionError));
        _server.Fail(new HttpRequestException(HttpRequestError.ResponseEnded));

        // A connection that is reset as soon as it stands.
        _server.Fail(new SocketException((int)SocketError.NotConnected));
        _server.Answer(200);

        Assert.Equal(4, (await InTimeAsync(_client.SendAsync(Get() with { MaxRetries = 3 }, default))).Attempts);
    }

    [Fact]
    public async Task A_TLS_failure_is_not_retried()
    {
        _server.Fail(new HttpRequestException(HttpRequestError.SecureConnectionError));

        var problem = await ProblemOf(_client.SendAsync(Get() with { MaxRetries = 2 }, default));

        Assert.Equal(("/problems/upstream-failed", 1), (problem.Type, _server.Requests.Count));
    }

    [Fact]
    public async Task A_Retry_After_in_seconds_prolongs_the_pause()
    {
        _server.Answer(429, static headers => headers.RetryAfter = new RetryConditionHeaderValue(TimeSpan.FromSeconds(20)));
        _server.Answer(200);
        var sending = _client.SendAsync(Get() with { MaxRetries = 1 }, default).AsTask();

        _time.Advance(TimeSpan.FromSeconds(19.9));
        Assert.Single(_server.Requests);
        _time.Advance(TimeSpan.FromSeconds(0.1));

        Assert.Equal((200, 2), ((await sending).Status, _server.Requests.Count));
    }

    [Fact]
    public async Task A_Retry_After_date_prolongs_the_pause()
    {
        _server.Answer(503, headers => headers.RetryAfter = new RetryConditionHeaderValue(_time.GetUtcNow().AddSeconds(20)));
        _server.Answer(200);
        var sending = _client.SendAsync(Get() with { MaxRetries = 1 }, default).AsTask();

        _time.Advance(TimeSpan.FromSeconds(19.9));
        Assert.Single(_server.Requests);
        _time.Advance(TimeSpan.FromSeconds(0.1));

        Assert.Equal(200, (await sending).Status);
    }

    [Fact]
    public async Task A_Retry_After_past_the_timeout_makes_the_response_final()
    {
        _server.Answer(429, static headers => headers.RetryAfter = new RetryConditionHeaderValue(TimeSpan.FromSeconds(30)));

        var response = await _client.SendAsync(Get() with { MaxRetries = 2, TimeoutSeconds = 30 }, default);

        Assert.Equal((429, 1), (response.Status, response.Attempts));
    }

    [Theory]
    [InlineData("99999999999")]
    [InlineData("99999999999999999999999999999999")]
    [InlineData("Fri, 31 Dec 9999 23:59:59 GMT")]
    public async Task A_Retry_After_of_any_length_makes_the_response_final(string value)
    {
        _server.Answer(429, headers => headers.TryAddWithoutValidation("Retry-After", value));

        var response = await InTimeAsync(_client.SendAsync(Get() with { MaxRetries = 2, TimeoutSeconds = 3_600 }, default));

        Assert.Equal((429, 1), (response.Status, response.Attempts));
    }

    [Fact]
    public async Task Without_a_timeout_the_client_waits_for_a_Retry_After_of_any_length()
    {
        _server.Answer(429, static headers => headers.TryAddWithoutValidation("Retry-After", "99999999999"));
        _server.Answer(200);
        using var caller = new CancellationTokenSource();
        var sending = _client.SendAsync(Get() with { MaxRetries = 1, TimeoutSeconds = null }, caller.Token).AsTask();

        _time.Advance(TimeSpan.FromDays(24));
        Assert.False(sending.IsCompleted);
        await caller.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => sending.WaitAsync(Limit));
        Assert.Single(_server.Requests);
    }

    [Fact]
    public async Task The_timeout_covers_all_retries()
    {
        _server.Answer(503, static headers => headers.RetryAfter = new RetryConditionHeaderValue(TimeSpan.FromSeconds(6)));
        _server.Answer(503);
        _server.Hang();
        var sending = _client.SendAsync(Get() with { MaxRetries = 10, TimeoutSeconds = 10 }, default);

        var problem = await ProblemOf(InTimeAsync(sending));

        Assert.Equal("/problems/timeout", problem.Type);
        Assert.Equal("The request to 'example.com' timed out after 10 s (timeoutSeconds).", problem.Detail);
    }

    [Fact]
    public async Task A_cancelled_caller_gets_a_cancellation()
    {
        _server.Hang();
        using var caller = new CancellationTokenSource();
        var sending = _client.SendAsync(Get() with { MaxRetries = 2 }, caller.Token).AsTask();

        await caller.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => sending.WaitAsync(Limit));
        Assert.Single(_server.Requests);
    }

    [Theory]
    [InlineData(301, "POST", "GET", false)]
    [InlineData(302, "POST", "GET", false)]
    [InlineData(303, "POST", "GET", false)]
    [InlineData(303, "PUT", "GET", false)]
    [InlineData(303, "DELETE", "GET", false)]
    [InlineData(301, "PUT", "PUT", true)]
    [InlineData(302, "DELETE", "DELETE", true)]
    [InlineData(307, "POST", "POST", true)]
    [InlineData(308, "PUT", "PUT", true)]
    public async Task A_redirect_changes_the_method_as_fetch_does(int status, string method, string next, bool withBody)
    {
        _server.Redirect(status, "/next");
        _server.Answer(200);

        await _client.SendAsync(
            Get() with { Method = method, Body = "x"u8.ToArray(), Headers = new Dictionary<string, string> { ["Content-Type"] = "text/csv", ["X-Mine"] = "1" } }, default);

        var request = _server.Requests[1];
        Assert.Equal((next, "https://example.com/next"), (request.Method, request.Url));
        Assert.Equal(withBody ? "text/csv" : null, request.Headers.GetValueOrDefault("Content-Type"));
        Assert.Equal(withBody ? "x" : null, request.Body);
        Assert.Equal("1", request.Headers["X-Mine"]);
    }

    [Theory]
    [InlineData("/elsewhere", true)]
    [InlineData("https://EXAMPLE.com:443/", true)]
    [InlineData("https://other.example.com/", false)]
    [InlineData("//other.example.com/", false)]
    [InlineData("https://example.com:8443/", false)]
    public async Task Only_safe_headers_go_to_another_origin(string location, bool isSameOrigin)
    {
        string[] harmless = ["accept", "Accept-Language", "USER-AGENT", "content-type"];
        string[] secret = ["authorization", "Cookie", "X-Api-Key", "api-key", "Ocp-Apim-Subscription-Key", "Accept-Token", "Content-Key", "Referer", "If-Match"];
        _server.Redirect(307, location);
        _server.Redirect(307, "https://example.com/back");
        _server.Answer(200);

        await _client.SendAsync(
            Get() with { Method = "PUT", Body = "x"u8.ToArray(), Headers = harmless.Concat(secret).ToDictionary(static name => name, static _ => "text/csv") }, default);

        Assert.Equal(3, _server.Requests.Count);
        Assert.All(_server.Requests, static request => Assert.Equal("x", request.Body));
        Assert.All(_server.Requests.SelectMany(request => harmless, static (request, name) => (request, name)), static pair => Assert.Contains(pair.name, pair.request.Headers));
        Assert.All(secret, name => Assert.Equal([true, isSameOrigin, isSameOrigin], _server.Requests.Select(request => request.Headers.ContainsKey(name))));
    }

    [Theory]
    [InlineData("http://example.com/")]
    [InlineData("http://127.0.0.1/")]
    [InlineData("https://127.0.0.1/")]
    [InlineData("https://169.254.169.254/latest/meta-data/")]
    [InlineData("https://user:pass@example.com/")]
    [InlineData("ftp://example.com/")]
    [InlineData("file:///etc/passwd")]
    public async Task A_redirect_to_a_blocked_address_is_refused(string location)
    {
        _server.Redirect(302, location);

        var problem = await ProblemOf(_client.SendAsync(Get() with { MaxRetries = 2 }, default));

        Assert.Equal(("/problems/destination-not-allowed", 1), (problem.Type, _server.Requests.Count));
    }

    [Fact]
    public async Task Five_redirects_are_followed_and_no_more()
    {
        _server.Redirect(302, "/again");

        var problem = await ProblemOf(_client.SendAsync(Get() with { MaxRetries = 2 }, default));

        Assert.Equal(("/problems/upstream-failed", 6), (problem.Type, _server.Requests.Count));
    }

    [Fact]
    public async Task A_redirect_without_a_target_is_the_response()
    {
        _server.Answer(304);

        Assert.Equal(304, (await _client.SendAsync(Get(), default)).Status);
    }

    [Fact]
    public async Task A_response_over_the_limit_fails_and_names_the_limit()
    {
        _server.Answer(200, body: new byte[10 * 1024 * 1024 + 1]);

        var problem = await ProblemOf(_client.SendAsync(Get() with { MaxRetries = 2 }, default));

        Assert.Contains("10485760 bytes (Outbound:MaxResponseBytes)", problem.Detail, StringComparison.Ordinal);
        Assert.Single(_server.Requests);
    }

    private static OutboundRequest Get() => new("GET", new Uri("https://example.com/start"));

    private static async Task<Problem> ProblemOf<T>(ValueTask<T> sending) => await ProblemOf(sending.AsTask());

    private static async Task<Problem> ProblemOf<T>(Task<T> sending) =>
        (await Assert.ThrowsAsync<ProblemException>(() => sending.WaitAsync(Limit))).Problem;

    /// <summary>Lets the clock run whenever something waits for it.</summary>
    private async Task<T> InTimeAsync<T>(ValueTask<T> sending)
    {
        var task = sending.AsTask();
        while (!task.IsCompleted)
        {
            await Task.Yield();
            _time.Advance(TimeSpan.FromMilliseconds(_time.Timers > 1 || _server.IsHanging ? 50 : 0));
        }

        return await task;
    }
}
