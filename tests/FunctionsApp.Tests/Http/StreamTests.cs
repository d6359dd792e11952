using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json;
using FunctionsApp.Core.Json;
using FunctionsApp.Core.Problems;
using FunctionsApp.Core.Tasks;
using FunctionsApp.Http;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace FunctionsApp.Tests.Http;

/// <summary>How values are sent as they come: as NDJSON and as server-sent events.</summary>
public sealed class StreamTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly TestEndpoint _endpoint = new();
    private readonly Connection _connection = new();
    private int _asked;
    private bool _isDisposed;

    public StreamTests() => _endpoint.Context.Features.Set<IHttpRequestLifetimeFeature>(_connection);

    [Theory]
    [InlineData(null, "application/x-ndjson")]
    [InlineData(ResponseFormat.Json, "application/x-ndjson")]
    [InlineData(ResponseFormat.Lines, "application/x-ndjson")]
    [InlineData(ResponseFormat.EventStream, "text/event-stream")]
    public async Task A_response_has_its_media_type_and_forbids_caching_and_buffering(ResponseFormat? format, string contentType)
    {
        await SendAsync(format, Value("1"));

        Assert.Equal((200, contentType), (_endpoint.Response.StatusCode, _endpoint.Response.ContentType));
        Assert.Equal(("no-cache", "no"), (_endpoint.Response.Headers.CacheControl.ToString(), _endpoint.Response.Headers["X-Accel-Buffering"].ToString()));
    }

    [Fact]
    public async Task The_default_media_type_is_the_one_that_the_client_accepts()
    {
        _endpoint.Request.Headers.Accept = "text/event-stream";

        await SendAsync(format: null, Value("1"));

        Assert.Equal(("text/event-stream", "id: 0\ndata: 1\n\n"), (_endpoint.Response.ContentType, _endpoint.Sent));
    }

    [Fact]
    public async Task Lines_are_the_data_or_one_property_around_it()
    {
        await SendAsync(ResponseFormat.Lines, Value("[1]"), Value("\"\\n\"", "value"), new StreamLine("end", Json("{}"), IsValue: false));

        Assert.Equal("[1]\n{\"value\":\"\\n\"}\n{\"end\":{}}\n", _endpoint.Sent);
    }

    [Fact]
    public async Task Events_of_values_have_ids_and_the_others_have_names()
    {
        await SendAsync(ResponseFormat.EventStream, Value("[1]"), new StreamLine("chunk", Json("2"), IsValue: false), Value("3", "value"), new StreamLine("end", Json("{}"), IsValue: false));

        Assert.Equal("id: 0\ndata: [1]\n\nevent: chunk\ndata: 2\n\nid: 1\ndata: 3\n\nevent: end\ndata: {}\n\n", _endpoint.Sent);
    }

    [Fact]
    public async Task An_event_can_have_its_own_id()
    {
        await SendAsync(ResponseFormat.EventStream, Value("1") with { Id = 7_000_000 }, Value("2") with { Id = 8_000_000 });

        Assert.Equal("id: 7000000\ndata: 1\n\nid: 8000000\ndata: 2\n\n", _endpoint.Sent);
    }

    [Theory]
    [InlineData(ResponseFormat.Lines, "1\n22\n333\n4\n")]
    [InlineData(ResponseFormat.EventStream, "id: 0\ndata: 1\n\nid: 1\ndata: 22\n\nid: 2\ndata: 333\n\nid: 3\ndata: 4\n\n")]
    public async Task Several_values_can_be_sent_at_a_time(ResponseFormat format, string expected)
    {
        await SendAsync(format, Block("1\n22\n333\n"), Block("4\n"));

        Assert.Equal(expected, _endpoint.Sent);
    }

    [Theory]
    [InlineData(ResponseFormat.Lines, "", "\n")]
    [InlineData(ResponseFormat.EventStream, "id: 5\ndata: ", "\n\n")]
    public async Task A_task_is_written_on_one_line(ResponseFormat format, string before, string after)
    {
        var task = new TaskResponse
        {
            Id = "a",
            Status = TaskState.Succeeded,
            CreatedAt = default,
            ExpiresAt = default,
            Attempts = 1,
            Result = Json($"\"{new string('x', 100_000)}\""),
            Links = new TaskLinks("/a", "/a/events", "/a/deliveries"),
        };

        await SendAsync(format, new StreamLine(Name: null, Data: default, IsValue: true) { Task = task, Id = 5 });

        Assert.StartsWith(before, _endpoint.Sent, StringComparison.Ordinal);
        Assert.EndsWith(after, _endpoint.Sent, StringComparison.Ordinal);
        var data = _endpoint.Sent[before.Length..^after.Length];
        Assert.DoesNotContain('\n', data);
        Assert.Equal(100_000, JsonElement.Parse(data).GetProperty("result").GetString()!.Length);
    }

    [Fact]
    public async Task Without_any_line_the_response_is_204()
    {
        await SendAsync(ResponseFormat.Lines);

        Assert.Equal((204, ""), (_endpoint.Response.StatusCode, _endpoint.Sent));
        Assert.True(_isDisposed);
    }

    [Fact]
    public async Task HEAD_has_the_response_of_GET_without_a_line()
    {
        _endpoint.Request.Method = HttpMethods.Head;

        await SendAsync(ResponseFormat.EventStream, Value("1"), Value("2"));

        Assert.Equal((200, "text/event-stream", ""), (_endpoint.Response.StatusCode, _endpoint.Response.ContentType, _endpoint.Sent));
        Assert.Equal((1, true), (_asked, _isDisposed));
    }

    [Fact]
    public async Task An_error_before_the_first_line_has_a_status_of_its_own()
    {
        await _endpoint.SendAsync(_endpoint.StreamAsync(Lines(new ProblemException(Problem.OperationFailed("no")), [])));

        Assert.Equal(("application/problem+json", Problem.OperationFailed("no").Status), (_endpoint.Response.ContentType, _endpoint.Response.StatusCode));
        Assert.True(_isDisposed);
    }

    [Theory]
    [InlineData(ResponseFormat.Lines, "1\n{\"error\":", "}\n")]
    [InlineData(ResponseFormat.EventStream, "id: 0\ndata: 1\n\nevent: error\ndata: ", "\n\n")]
    public async Task An_error_after_the_first_line_is_the_last_one(ResponseFormat format, string before, string after)
    {
        await _endpoint.SendAsync(_endpoint.StreamAsync(Lines(new ProblemException(Problem.OperationFailed("no")), Value("1")), format));

        Assert.Equal(200, _endpoint.Response.StatusCode);
        Assert.StartsWith(before, _endpoint.Sent, StringComparison.Ordinal);
        Assert.EndsWith(after, _endpoint.Sent, StringComparison.Ordinal);
        Assert.Equal("/problems/operation-failed", JsonElement.Parse(_endpoint.Sent[before.Length..^after.Length]).GetProperty("type").GetString());
        Assert.True(_isDisposed);
    }

    [Fact]
    public async Task An_unexpected_error_is_reported_without_its_message()
    {
        await _endpoint.SendAsync(_endpoint.StreamAsync(Lines(new InvalidOperationException("secret"), Value("1"))));

        Assert.Contains("/problems/internal-error", _endpoint.Sent, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", _endpoint.Sent, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_shutdown_of_the_host_is_the_last_line()
    {
        await SendAsync(Stopping());

        Assert.StartsWith("1\n{\"error\":{\"type\":\"/problems/shutting-down\"", _endpoint.Sent, StringComparison.Ordinal);

        async IAsyncEnumerable<StreamLine> Stopping([EnumeratorCancellation] CancellationToken cancellationToken = default)
        {
            yield return Value("1");
            _endpoint.Lifetime.StopApplication();
            await Task.Delay(Timeout.InfiniteTimeSpan, cancellationToken);
        }
    }

    [Fact]
    public async Task Nothing_more_is_written_after_a_disconnect()
    {
        using var client = new CancellationTokenSource();
        _endpoint.Context.RequestAborted = client.Token;

        await SendAsync(Leaving());

        Assert.Equal("1\n", _endpoint.Sent);

        async IAsyncEnumerable<StreamLine> Leaving([EnumeratorCancellation] CancellationToken cancellationToken = default)
        {
            yield return Value("1");
            await client.CancelAsync();
            await Task.Delay(Timeout.InfiniteTimeSpan, cancellationToken);
        }
    }

    [Fact]
    public async Task The_next_line_is_not_requested_before_the_last_one_is_sent()
    {
        var pipe = SlowReader();
        var sending = SendAsync(ResponseFormat.Lines, Value("11"), Value("22"));
        Assert.Equal(1, _asked);

        var read = await pipe.Reader.ReadAsync();
        Assert.Equal("11\n", Encoding.UTF8.GetString(read.Buffer));
        pipe.Reader.AdvanceTo(read.Buffer.End);
        Assert.Equal(2, _asked);

        read = await pipe.Reader.ReadAsync();
        Assert.Equal("22\n", Encoding.UTF8.GetString(read.Buffer));
        pipe.Reader.AdvanceTo(read.Buffer.End);
        await sending.WaitAsync(Patience);
    }

    [Fact]
    public async Task A_stalled_reader_is_disconnected_some_seconds_after_the_timeout()
    {
        SlowReader();
        var sending = _endpoint.SendAsync(_endpoint.StreamAsync(Lines(Value("1"), Value("2")), timeoutSeconds: 60));

        _endpoint.Time.Advance(TimeSpan.FromSeconds(64.9));
        Assert.False(sending.IsCompleted);
        Assert.False(_connection.IsAborted);
        _endpoint.Time.Advance(TimeSpan.FromSeconds(0.1));

        await sending.WaitAsync(Patience);
        Assert.True(_connection.IsAborted);
        Assert.Equal((1, true), (_asked, _isDisposed));
    }

    [Fact]
    public async Task A_stalled_reader_is_disconnected_some_seconds_after_the_shutdown_began()
    {
        SlowReader();
        var sending = SendAsync(ResponseFormat.Lines, Value("1"), Value("2"));

        _endpoint.Lifetime.StopApplication();
        _endpoint.Time.Advance(TimeSpan.FromSeconds(4.9));
        Assert.False(sending.IsCompleted);
        _endpoint.Time.Advance(TimeSpan.FromSeconds(0.1));

        await sending.WaitAsync(Patience);
        Assert.True(_connection.IsAborted);
    }

    public void Dispose() => _endpoint.Dispose();

    private static RawJson Json(string text) => RawJson.FromUtf8(Encoding.UTF8.GetBytes(text));

    private static StreamLine Value(string json, string? name = null) => new(name, Json(json), IsValue: true);

    private static StreamLine Block(string values) => new(Name: null, Data: default, IsValue: true) { Lines = Encoding.UTF8.GetBytes(values) };

    private Task SendAsync(ResponseFormat? format, params StreamLine[] lines) => _endpoint.SendAsync(_endpoint.StreamAsync(Lines(lines), format));

    private Task SendAsync(IAsyncEnumerable<StreamLine> lines) => _endpoint.SendAsync(_endpoint.StreamAsync(lines, ResponseFormat.Lines));

    private IAsyncEnumerable<StreamLine> Lines(params StreamLine[] lines) => Lines(error: null, lines);

    /// <summary>Lines that come as soon as they are asked for.</summary>
    private async IAsyncEnumerable<StreamLine> Lines(Exception? error, params StreamLine[] lines)
    {
        await using var end = new Ending(() => _isDisposed = true);
        foreach (var line in lines)
        {
            _asked++;
            yield return line;
        }

        if (error is not null)
        {
            throw error;
        }
    }

    /// <summary>A reader that takes nothing on its own: one byte more than it has taken, and whoever writes has to wait.</summary>
    private Pipe SlowReader()
    {
        var pipe = new Pipe(new PipeOptions(
            readerScheduler: PipeScheduler.Inline, writerScheduler: PipeScheduler.Inline, pauseWriterThreshold: 1, resumeWriterThreshold: 1, useSynchronizationContext: false));
        _endpoint.Context.Features.Set<IHttpResponseBodyFeature>(new PipeBody(_endpoint.Context.Features.GetRequiredFeature<IHttpResponseBodyFeature>(), pipe.Writer));
        return pipe;
    }

    private sealed class Ending(Action end) : IAsyncDisposable
    {
        public ValueTask DisposeAsync()
        {
            end();
            return ValueTask.CompletedTask;
        }
    }

    private sealed class PipeBody(IHttpResponseBodyFeature prior, PipeWriter writer) : StreamResponseBodyFeature(Stream.Null, prior), IHttpResponseBodyFeature
    {
        PipeWriter IHttpResponseBodyFeature.Writer => writer;
    }

    private sealed class Connection : IHttpRequestLifetimeFeature
    {
        public bool IsAborted { get; private set; }

        public CancellationToken RequestAborted { get; set; }

        public void Abort() => IsAborted = true;
    }
}
