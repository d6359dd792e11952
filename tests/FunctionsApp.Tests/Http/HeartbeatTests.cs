using System.Diagnostics;
using System.Threading.Channels;
using FunctionsApp.Core.Json;
using FunctionsApp.Core.Problems;
using FunctionsApp.Http;
using Microsoft.AspNetCore.Http;

namespace FunctionsApp.Tests.Http;

/// <summary>What is sent while a streamed answer has nothing to say, on a clock that stands still.</summary>
public sealed class HeartbeatTests : IDisposable
{
    private readonly TestEndpoint _endpoint = new();
    private readonly Channel<StreamLine> _lines = Channel.CreateUnbounded<StreamLine>();

    private string Sent => _endpoint.Sent;

    [Fact]
    public async Task An_empty_line_is_sent_after_each_silence()
    {
        Write(1);
        var sending = Answer("?heartbeatSeconds=5");
        Assert.Equal("1\n", Sent);

        _endpoint.Time.Advance(TimeSpan.FromSeconds(4.9));
        Assert.Equal("1\n", Sent);
        _endpoint.Time.Advance(TimeSpan.FromSeconds(0.1));
        Assert.Equal("1\n\n", Sent);
        _endpoint.Time.Advance(TimeSpan.FromSeconds(5));
        Assert.Equal("1\n\n\n", Sent);
        Write(2);
        await SeeAsync("1\n\n\n2\n");
        await EndAsync(sending);
    }

    [Fact]
    public async Task A_response_begins_with_an_empty_line_when_its_first_line_is_late()
    {
        var sending = Answer("?heartbeatSeconds=5");
        _endpoint.Time.Advance(TimeSpan.FromSeconds(5));

        Assert.Equal("\n", Sent);
        Write(1);
        await SeeAsync("\n1\n");
        await EndAsync(sending);
    }

    [Fact]
    public async Task An_error_after_a_heartbeat_is_the_last_line()
    {
        var sending = Answer("?heartbeatSeconds=5");
        _endpoint.Time.Advance(TimeSpan.FromSeconds(5));

        _lines.Writer.Complete(new ProblemException(Problem.OperationFailed("no")));
        await sending;

        Assert.StartsWith("""
            
            {"error":{"type":"/problems/operation-failed",
            """.ReplaceLineEndings("\n"), Sent, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_error_before_a_heartbeat_has_a_status_of_its_own()
    {
        var sending = Answer("?heartbeatSeconds=5");

        _lines.Writer.Complete(new ProblemException(Problem.OperationFailed("no")));
        await sending;

        Assert.Equal((500, "application/problem+json"), (_endpoint.Response.StatusCode, _endpoint.Response.ContentType));
    }

    [Theory]
    [InlineData(ResponseFormat.Lines, "1\n")]
    [InlineData(ResponseFormat.EventStream, "id: 0\ndata: 1\n\n: still here\n\n")]
    public async Task By_default_lines_have_no_heartbeats_and_events_have_comments(ResponseFormat format, string expected)
    {
        Write(1);
        var sending = Answer("", format);

        _endpoint.Time.Advance(TimeSpan.FromSeconds(15));

        Assert.Equal(expected, Sent);
        await EndAsync(sending);
    }

    [Fact]
    public async Task Events_have_comments_at_the_requested_interval()
    {
        var sending = Answer("?heartbeatSeconds=5", ResponseFormat.EventStream);
        _endpoint.Time.Advance(TimeSpan.FromSeconds(5));
        _endpoint.Time.Advance(TimeSpan.FromSeconds(5));

        Assert.Equal(": still here\n\n: still here\n\n", Sent);
        await EndAsync(sending);
    }

    [Fact]
    public async Task A_HEAD_request_waits_for_the_first_line_without_heartbeats()
    {
        _endpoint.Request.Method = HttpMethods.Head;
        var sending = Answer("?heartbeatSeconds=5");
        _endpoint.Time.Advance(TimeSpan.FromSeconds(60));
        Assert.False(sending.IsCompleted);

        Write(1);
        await sending;

        Assert.Equal("", Sent);
    }

    [Theory]
    [InlineData("1", 1)]
    [InlineData("2.5", 2.5)]
    [InlineData("60", 60)]
    public async Task An_interval_in_range_is_accepted(string seconds, double expected)
    {
        Write(1);
        var sending = Answer("?heartbeatSeconds=" + seconds);

        _endpoint.Time.Advance(TimeSpan.FromSeconds(expected - 0.001));
        Assert.Equal("1\n", Sent);
        _endpoint.Time.Advance(TimeSpan.FromSeconds(0.001));

        Assert.Equal("1\n\n", Sent);
        await EndAsync(sending);
    }

    [Theory]
    [InlineData("0.9")]
    [InlineData("60.1")]
    [InlineData("-5")]
    [InlineData("NaN")]
    [InlineData("soon")]
    [InlineData("")]
    public async Task An_interval_out_of_range_is_refused(string seconds)
    {
        await Answer("?heartbeatSeconds=" + seconds);

        Assert.Equal(422, _endpoint.Response.StatusCode);
        Assert.Contains("/heartbeatSeconds", Sent, StringComparison.Ordinal);
    }

    public void Dispose() => _endpoint.Dispose();

    /// <summary>Sends what a function answers whose lines are written by <see cref="Write"/>.</summary>
    private Task Answer(string query, ResponseFormat format = ResponseFormat.Lines)
    {
        _endpoint.Request.QueryString = new QueryString(query);
        return _endpoint.SendAsync(_endpoint.StreamAsync(_lines.Reader.ReadAllAsync(), format));
    }

    private void Write(int value) => Assert.True(_lines.Writer.TryWrite(new StreamLine(Name: null, RawJson.FromUtf8(new[] { (byte)('0' + value) }), IsValue: true)));

    /// <summary>Waits until what is expected has been sent: lines come on another thread.</summary>
    private async Task SeeAsync(string expected)
    {
        var watch = Stopwatch.StartNew();
        while (Sent != expected && watch.Elapsed < TimeSpan.FromSeconds(30))
        {
            await Task.Delay(1);
        }

        Assert.Equal(expected, Sent);
    }

    private async Task EndAsync(Task sending)
    {
        _lines.Writer.Complete();
        await sending;
    }
}
