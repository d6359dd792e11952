using System.Collections.Concurrent;
using FunctionsApp.Core.Outbound;
using Microsoft.Extensions.Options;

namespace FunctionsApp.Core.Tests.Outbound;

/// <summary>The pauses between the attempts of one request.</summary>
public sealed class RetryPauseTests : OutboundTests, IDisposable
{
    private readonly ImpatientTimeProvider _time = new();
    private readonly ScriptedServer _server = new();
    private readonly OutboundClient _client;

    public RetryPauseTests() => _client = new OutboundClient(Guard(), Options.Create(new OutboundOptions()), _time, _server);

    public void Dispose()
    {
        _client.Dispose();
        _server.Dispose();
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("0")]
    [InlineData("-5")]
    [InlineData("0.001")]
    [InlineData("1e3")]
    [InlineData("soon")]
    [InlineData("Thu, 01 Jan 1970 00:00:00 GMT")]
    [InlineData("Fri, 31 Dec 1900 23:59:59 GMT")]
    public async Task A_Retry_After_never_shortens_a_pause(string? retryAfter)
    {
        _server.Answer(503, headers => headers.TryAddWithoutValidation("Retry-After", retryAfter));

        await AssertPausesAsync(0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30, 30);
    }

    [Fact]
    public async Task A_Retry_After_prolongs_shorter_pauses()
    {
        _server.Answer(503, static headers => headers.TryAddWithoutValidation("Retry-After", "1"));

        await AssertPausesAsync(1, 1, 1, 1.6, 3.2);
    }

    [Fact]
    public async Task A_failed_connection_has_the_same_pauses()
    {
        _server.Fail(new HttpRequestException(HttpRequestError.ConnectionError));
        _server.Fail(new HttpRequestException(HttpRequestError.ConnectionError));
        _server.Answer(200);

        await AssertPausesAsync(0.2, 0.4);
    }

    [Fact]
    public async Task A_pause_past_the_timeout_makes_the_response_final()
    {
        _server.Answer(503);
        using var client = new OutboundClient(Guard(), Options.Create(new OutboundOptions()), new ManualTimeProvider(), _server);

        var response = await client.SendAsync(Get() with { MaxRetries = 2, TimeoutSeconds = 0.2 }, default);

        Assert.Equal((503, 1), (response.Status, response.Attempts));
    }

    private static OutboundRequest Get() => new("GET", new Uri("https://example.com/")) { TimeoutSeconds = null };

    /// <summary>Each pause may be longer by up to a half.</summary>
    private async Task AssertPausesAsync(params double[] seconds)
    {
        var response = await _client.SendAsync(Get() with { MaxRetries = seconds.Length }, default).AsTask().WaitAsync(Limit);

        Assert.Equal(seconds.Length + 1, response.Attempts);
        Assert.Equal(seconds.Length, _time.Pauses.Count);
        Assert.All(_time.Pauses, (pause, index) => Assert.InRange(pause.TotalSeconds, seconds[index], seconds[index] * 1.5));
    }

    /// <summary>Notes each pause and ends it at once.</summary>
    private sealed class ImpatientTimeProvider : TimeProvider
    {
        public ConcurrentQueue<TimeSpan> Pauses { get; } = new();

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            Pauses.Enqueue(dueTime);
            return base.CreateTimer(callback, state, TimeSpan.Zero, period);
        }
    }
}
