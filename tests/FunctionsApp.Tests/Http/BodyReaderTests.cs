using System.IO.Pipelines;
using System.Text;
using FunctionsApp.Core.Limits;
using FunctionsApp.Core.Problems;
using FunctionsApp.Http;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;

namespace FunctionsApp.Tests.Http;

/// <summary>What a body costs while it arrives, and for how long it may stand still, on a clock that does.</summary>
public sealed class BodyReaderTests : IDisposable
{
    private const int FreeBytes = 64 * 1024;
    private const int MaxBytes = 1_000_000;
    private const int Limit = 5_000_000;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly FakeTimeProvider _time = new();
    private readonly MemoryBudget _budget;
    private readonly RequestMemory _memory;

    /// <summary>A pipe whose reader has done all that it can when a write returns.</summary>
    private readonly Pipe _pipe = new(new PipeOptions(
        readerScheduler: PipeScheduler.Inline, writerScheduler: PipeScheduler.Inline, pauseWriterThreshold: 0, useSynchronizationContext: false));

    public BodyReaderTests()
    {
        _budget = new MemoryBudget(Options.Create(new LimitsOptions { MaxBytesInFlight = Limit }), _time);
        _memory = _budget.Open();
    }

    [Theory]
    [InlineData(0, true)]
    [InlineData(1, true)]
    [InlineData(FreeBytes, true)]
    [InlineData(FreeBytes + 1, true)]
    [InlineData(MaxBytes, true)]
    [InlineData(0, false)]
    [InlineData(1, false)]
    [InlineData(FreeBytes, false)]
    [InlineData(FreeBytes + 1, false)]
    [InlineData(MaxBytes, false)]
    public async Task A_body_is_complete_however_it_is_split(int length, bool isLengthKnown)
    {
        var body = new byte[length];
        new Random(length).NextBytes(body);
        foreach (var piece in (int[])[997, 50_000, 2 * MaxBytes])
        {
            var pipe = new Pipe(new PipeOptions(pauseWriterThreshold: 0));
            using var memory = _budget.Open();
            var reading = ReadAsync(isLengthKnown ? length : null, pipe, memory);
            for (var start = 0; start < length; start += piece)
            {
                await pipe.Writer.WriteAsync(body.AsMemory(start, Math.Min(piece, length - start)));
            }

            await pipe.Writer.CompleteAsync();

            Assert.True((await reading.WaitAsync(Patience)).Span.SequenceEqual(body));
        }
    }

    [Theory]
    [InlineData(FreeBytes, 0)]
    [InlineData(FreeBytes + 1, (3 * (FreeBytes + 1)) - FreeBytes)]
    [InlineData(MaxBytes, (3 * MaxBytes) - FreeBytes)]
    public void A_body_of_known_length_is_charged_before_it_arrives(int length, long expected)
    {
        Assert.False(ReadAsync(length).IsCompleted);

        Assert.Equal(expected, _budget.Taken);
    }

    [Fact]
    public async Task A_body_of_unknown_length_is_charged_as_it_grows()
    {
        var reading = ReadAsync(length: null);
        await SendAsync(FreeBytes);
        Assert.Equal(0, _budget.Taken);
        await SendAsync(1);
        Assert.Equal((3 * 4 * FreeBytes) - FreeBytes, _budget.Taken);
        await SendAsync(3 * FreeBytes);
        Assert.Equal((3 * MaxBytes) - FreeBytes, _budget.Taken);
        await _pipe.Writer.CompleteAsync();

        Assert.Equal((4 * FreeBytes) + 1, (await reading.WaitAsync(Patience)).Length);
        _memory.Dispose();
        Assert.Equal(0, _budget.Taken);
    }

    [Fact]
    public async Task A_body_is_not_read_before_there_is_room()
    {
        using var other = _budget.Open();
        await other.HoldAsync(Limit, default);
        var reading = ReadAsync(100_000);
        await SendAsync(100_000);
        await _pipe.Writer.CompleteAsync();
        Assert.False(reading.IsCompleted);
        Assert.Equal(100_000, Unread());

        other.Dispose();

        Assert.Equal(100_000, (await reading.WaitAsync(Patience)).Length);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_body_without_room_for_long_is_refused_and_its_rest_can_be_read(bool isLengthKnown)
    {
        using var other = _budget.Open();
        await other.HoldAsync(Limit, default);
        var reading = ReadAsync(isLengthKnown ? 100_000 : null);
        await SendAsync(100_000);
        Assert.False(reading.IsCompleted);

        _time.Advance(TimeSpan.FromSeconds(5));

        Assert.Equal("/problems/saturated", (await RefusalAsync(reading)).Type);
        Assert.Equal(100_000, Unread());
        other.Dispose();
        Assert.Equal(0, _budget.Taken);
    }

    [Fact]
    public async Task A_body_with_a_Content_Length_over_the_limit_is_not_read()
    {
        await SendAsync(10);

        var problem = await RefusalAsync(ReadAsync(MaxBytes + 4));

        Assert.Equal(("/problems/too-large", "The body is larger than 1000000 bytes (Limits:MaxRequestBytes)."), (problem.Type, problem.Detail));
        Assert.Equal((10, 0), (Unread(), _budget.Taken));
    }

    [Theory]
    [InlineData(0, false, true)]
    [InlineData(0, true, true)]
    [InlineData(1, false, false)]
    [InlineData(1, true, false)]
    public async Task A_byte_order_mark_does_not_count(int over, bool isLengthKnown, bool fits)
    {
        var body = Encoding.UTF8.GetBytes("\uFEFF" + new string('1', MaxBytes + over));
        foreach (var piece in (int[])[1, 2, 4, MaxBytes, 2 * MaxBytes])
        {
            var pipe = new Pipe(new PipeOptions(pauseWriterThreshold: 0));
            using var memory = _budget.Open();
            var reading = ReadAsync(isLengthKnown ? body.Length : null, pipe, memory);
            await pipe.Writer.WriteAsync(body.AsMemory(0, Math.Min(piece, body.Length)));
            await pipe.Writer.WriteAsync(body.AsMemory(Math.Min(piece, body.Length)));
            await pipe.Writer.CompleteAsync();

            Assert.Equal(fits ? body.Length : -1, fits ? (await reading.WaitAsync(Patience)).Length : (await RefusalAsync(reading)).Status == 413 ? -1 : 0);
        }
    }

    [Fact]
    public async Task A_body_that_exceeds_the_limit_is_refused_and_its_rest_can_be_read()
    {
        var reading = ReadAsync(length: null);
        await SendAsync(MaxBytes);
        Assert.False(reading.IsCompleted);
        await SendAsync(4);

        Assert.Equal("/problems/too-large", (await RefusalAsync(reading)).Type);
        Assert.Equal(4, Unread());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_body_that_exceeds_the_limit_by_one_byte_is_refused(bool isLengthKnown)
    {
        var reading = ReadAsync(isLengthKnown ? MaxBytes + 1 : null);
        await SendAsync(MaxBytes + 1);
        await _pipe.Writer.CompleteAsync();

        Assert.Equal("/problems/too-large", (await RefusalAsync(reading)).Type);
    }

    [Theory]
    [InlineData(1_000, 500, "240 bytes")]
    [InlineData(FreeBytes, FreeBytes - 1, "240 bytes")]
    [InlineData(FreeBytes + 1, 500, "16384 bytes")]
    [InlineData(MaxBytes, MaxBytes - 1, "16384 bytes")]
    [InlineData(null, 500, "240 bytes")]
    [InlineData(null, FreeBytes + 1, "16384 bytes")]
    public async Task A_stalled_body_times_out(int? length, int sent, string rate)
    {
        var reading = ReadAsync(length);
        await SendAsync(sent);
        _time.Advance(TimeSpan.FromSeconds(4.9));
        Assert.False(reading.IsCompleted);
        _time.Advance(TimeSpan.FromSeconds(0.1));

        var problem = await RefusalAsync(reading);
        Assert.Equal("/problems/request-timeout", problem.Type);
        Assert.Contains(rate, problem.Detail, StringComparison.Ordinal);
        _memory.Dispose();
        Assert.Equal(0, _budget.Taken);
    }

    [Fact]
    public async Task A_disconnect_ends_the_reading()
    {
        using var caller = new CancellationTokenSource();
        var reading = ReadAsync(100_000, caller.Token);

        await caller.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => reading.WaitAsync(Patience));
    }

    [Fact]
    public async Task An_error_of_the_body_is_raised()
    {
        var reading = ReadAsync(100_000);
        await _pipe.Writer.CompleteAsync(new InvalidDataException("broken"));

        await Assert.ThrowsAsync<InvalidDataException>(() => reading.WaitAsync(Patience));
    }

    [Theory]
    [InlineData("\"", 200)]
    [InlineData("", 400)]
    public async Task A_request_releases_its_memory_when_its_response_has_ended(string end, int status)
    {
        using var endpoint = new TestEndpoint();
        var budget = endpoint.Service<MemoryBudget>();
        var response = new ResponseFeature();
        endpoint.Context.Features.Set<IHttpResponseFeature>(response);
        endpoint.Context.Features.Set<IRequestBodyPipeFeature>(new BodyFeature(_pipe.Reader));
        var answering = endpoint.RunAsync(static async call =>
        {
            await call.ReadInputAsync();
            return Results.Ok();
        });
        await _pipe.Writer.WriteAsync(Encoding.UTF8.GetBytes($"\"{new string('a', 100_000)}{end}"));
        await _pipe.Writer.CompleteAsync();

        var result = await answering.WaitAsync(Patience);
        Assert.Equal(status, result is JsonResult<Problem> ? 400 : 200);
        Assert.Equal((3 * 4 * FreeBytes) - FreeBytes, budget.Taken);
        await response.CompleteAsync();

        Assert.Equal(0, budget.Taken);
    }

    public void Dispose() => _memory.Dispose();

    private Task<ReadOnlyMemory<byte>> ReadAsync(long? length, CancellationToken cancellationToken = default) => ReadAsync(length, _pipe, _memory, cancellationToken);

    private Task<ReadOnlyMemory<byte>> ReadAsync(long? length, Pipe pipe, RequestMemory memory, CancellationToken cancellationToken = default) =>
        new BodyReader(Context(length, pipe).Request, memory, MaxBytes, _time).ReadAsync(cancellationToken).AsTask();

    private async Task SendAsync(int bytes) => await _pipe.Writer.WriteAsync(new byte[bytes]);

    /// <summary>What is left for the server to read.</summary>
    private long Unread()
    {
        Assert.True(_pipe.Reader.TryRead(out var read));
        var length = read.Buffer.Length;
        _pipe.Reader.AdvanceTo(read.Buffer.Start);
        return length;
    }

    private static async Task<Problem> RefusalAsync(Task reading) => (await Assert.ThrowsAsync<ProblemException>(() => reading.WaitAsync(Patience))).Problem;

    private static DefaultHttpContext Context(long? length, Pipe pipe)
    {
        var context = new DefaultHttpContext();
        context.Features.Set<IRequestBodyPipeFeature>(new BodyFeature(pipe.Reader));
        context.Request.ContentLength = length;
        return context;
    }

    private sealed record BodyFeature(PipeReader Reader) : IRequestBodyPipeFeature;

    /// <summary>A response that a test ends.</summary>
    private sealed class ResponseFeature : HttpResponseFeature
    {
        private readonly Stack<Func<Task>> _onCompleted = [];

        public override void OnCompleted(Func<object, Task> callback, object state) => _onCompleted.Push(() => callback(state));

        public async Task CompleteAsync()
        {
            while (_onCompleted.TryPop(out var callback))
            {
                await callback();
            }
        }
    }
}
