using System.Buffers;
using System.IO.Pipelines;
using System.Text;
using System.Text.Json;
using FsCheck;
using FsCheck.Fluent;
using FunctionsApp.Core.Json;
using FunctionsApp.Core.Patterns.Await;
using FunctionsApp.Core.Patterns.Gather;
using FunctionsApp.Core.Patterns.Map;
using FunctionsApp.Core.Patterns.Sequence;
using FunctionsApp.Core.Problems;

namespace FunctionsApp.Core.Tests.Json;

/// <summary>That responses are what the serializer makes of them, and that writing them costs no copy of what they are made of.</summary>
public sealed class JsonPipeWriterTests
{
    private const int PieceBytes = 64 * 1024;
    private const int PauseBytes = 64 * 1024;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private static readonly RawJson Small = Samples.Raw("""{"a":1}""");
    private static readonly RawJson Large = Text(200_000);

    /// <summary>Values around the size from which one is not copied, and around that of a piece.</summary>
    private static readonly Gen<RawJson> Values = Gen.Frequency(
        (5, Gen.Choose(0, 40)), (2, Gen.Choose((16 * 1024) - 4, (16 * 1024) + 2)), (2, Gen.Choose(PieceBytes - 4, PieceBytes + 2)), (1, Gen.Choose(100_000, 300_000)))
        .Select(Text);

    private static readonly Gen<List<Dictionary<string, RawJson>>> Documents =
        from lists in Values.ListOf().ListOf()
        select lists.Take(6).Select(static values => values.Take(6).Select(static (value, i) => (Name: $"p{i}", value))
            .ToDictionary(static pair => pair.Name, static pair => pair.value, StringComparer.Ordinal)).ToList();

    [Fact]
    public void Every_value_is_written_as_the_serializer_writes_it() =>
        Prop.ForAll(Documents.ToArbitrary(), static document => EnsureSameAsync(document).GetAwaiter().GetResult()).Check(Config.QuickThrowOnFailure.WithMaxTest(200));

    [Fact]
    public async Task Large_values_may_stand_first_last_and_beside_each_other()
    {
        foreach (var values in (List<RawJson>[])[[], [Large], [Large, Small], [Small, Large], [Large, Large], [Small, Large, Large, Small, Large], [default, Large, default]])
        {
            await EnsureSameAsync(values);
            await EnsureSameAsync(values.Select(static (value, i) => (i, value)).ToDictionary(static pair => $"p{pair.i}", static pair => pair.value));
            await EnsureSameAsync(new List<List<RawJson>> { values, values });
        }
    }

    [Fact]
    public async Task Responses_of_every_pattern_are_written_as_the_serializer_writes_them()
    {
        foreach (var value in (RawJson[])[Small, Large])
        {
            await EnsureSameAsync(new AwaitResponse("echo", value, 1.5));
            await EnsureSameAsync(new SequenceResponse([value, Small, value], [new TimelineEntry(0, "echo", 0, 1)], 2));
            await EnsureSameAsync(new GatherResponse(
                [
                    new GatherResult(0, "a", "echo", CallStatus.Succeeded, value, null, 0, 1),
                    new GatherResult(1, null, "echo", CallStatus.Failed, null, Problem.OperationFailed("no"), 0, 1),
                    new GatherResult(2, null, "echo", CallStatus.Succeeded, value, null, 0, 1),
                ],
                [0, 1, 2], 2, 1, 0, 3));
            await EnsureSameAsync(Problem.OperationFailed("no") with { Index = 2, Results = [value.Utf8, Small.Utf8, value.Utf8] });
        }
    }

    [Fact]
    public async Task Chunks_of_a_map_are_joined_by_commas()
    {
        var large = string.Join(',', Enumerable.Range(0, 20_000));
        foreach (var chunks in (string[][])[[], ["1"], ["1,2", "3"], [large], [large, "1,2", large], ["1,2", large, "3"], [large, large]])
        {
            var response = new MapResponse
            {
                Results = new MapResults([.. chunks.Select(static chunk => Samples.Raw(chunk).Utf8)], []),
                Errors = [],
                Workers = 1,
                Chunks = [new MapChunk(0, 1, 0, 0, 1)],
                ElapsedMs = 1,
            };

            await EnsureSameAsync(response);
            Assert.StartsWith($$"""{"results":[{{string.Join(',', chunks)}}],"errors":[]""", Encoding.UTF8.GetString(await WriteAsync(response)), StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_slow_reader_has_few_buffered_bytes()
    {
        List<RawJson> values = [Small, Text(5_000_000), Small, Text(100_000)];
        var pipe = new Pipe(new PipeOptions(
            readerScheduler: PipeScheduler.Inline, writerScheduler: PipeScheduler.Inline, pauseWriterThreshold: PauseBytes, resumeWriterThreshold: PauseBytes / 2, useSynchronizationContext: false));
        var gauge = new Gauge(pipe.Writer);
        var writing = SerializeAsync(gauge, values);
        var (all, most) = (new ArrayBufferWriter<byte>(), 0L);
        while (true)
        {
            var read = await pipe.Reader.ReadAsync().AsTask().WaitAsync(Patience);
            most = Math.Max(most, read.Buffer.Length);
            var piece = read.Buffer.Slice(0, Math.Min(read.Buffer.Length, 10_000));
            all.Write(piece.ToArray());
            pipe.Reader.AdvanceTo(piece.End);
            if (read.IsCompleted && piece.Length == read.Buffer.Length)
            {
                break;
            }
        }

        await writing.WaitAsync(Patience);
        Assert.True(all.WrittenSpan.SequenceEqual(JsonSerializer.SerializeToUtf8Bytes(values, CoreJson.TypeInfo<List<RawJson>>())));
        Assert.InRange(gauge.MaxUnflushed, 1, 2 * PieceBytes);
        Assert.InRange(most, 1, PauseBytes + (2 * PieceBytes));
    }

    /// <summary>Chunks that are large enough to be put off and too small to be cut.</summary>
    [Fact]
    public async Task A_map_of_many_chunks_has_few_buffered_bytes()
    {
        var chunk = Samples.Raw(string.Join(',', Enumerable.Repeat("1", 20_000))).Utf8;
        var gauge = new Gauge(PipeWriter.Create(Stream.Null));

        await JsonPipeWriter.SerializeAsync(gauge, new MapResults([.. Enumerable.Repeat(chunk, 100)], []), CoreJson.TypeInfo<MapResults>());

        Assert.InRange(gauge.MaxUnflushed, 1, 2 * PieceBytes);
    }

    [Fact]
    public async Task Large_values_are_not_copied()
    {
        List<RawJson> values = [Text(5_000_000), Small, Text(5_000_000)];
        await SerializeAsync(PipeWriter.Create(Stream.Null), values);

        var before = GC.GetAllocatedBytesForCurrentThread();
        var writing = SerializeAsync(PipeWriter.Create(Stream.Null), values);
        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;

        Assert.True(writing.IsCompletedSuccessfully);
        Assert.InRange(allocated, 1, 500_000);
    }

    [Fact]
    public async Task A_disconnected_reader_ends_the_writing()
    {
        var pipe = new Pipe(new PipeOptions(
            readerScheduler: PipeScheduler.Inline, writerScheduler: PipeScheduler.Inline, pauseWriterThreshold: PauseBytes, resumeWriterThreshold: PauseBytes / 2, useSynchronizationContext: false));
        var gauge = new Gauge(pipe.Writer);
        var writing = SerializeAsync(gauge, [.. Enumerable.Repeat(Text(1_000_000), 50)]);
        Assert.False(writing.IsCompleted);

        await pipe.Reader.CompleteAsync();

        await writing.WaitAsync(Patience);
        Assert.InRange(gauge.Flushes, 1, 5);
    }

    [Fact]
    public async Task An_error_of_the_pipe_is_raised()
    {
        var writer = PipeWriter.Create(new MemoryStream(new byte[100_000], writable: true));

        await Assert.ThrowsAsync<NotSupportedException>(() => SerializeAsync(writer, [Large, Large]));
    }

    [Fact]
    public async Task Later_serialization_is_not_affected()
    {
        List<RawJson> values = [Large, Small];
        await WriteAsync(values);

        Assert.Equal($"[{Large},{Small}]", JsonSerializer.Serialize(values, CoreJson.TypeInfo<List<RawJson>>()));
    }

    /// <summary>A text whose JSON has two bytes more than it has characters.</summary>
    private static RawJson Text(int length) => Samples.Raw($"\"{new string('x', length)}\"");

    private static async Task EnsureSameAsync<T>(T value)
    {
        var (expected, actual) = (JsonSerializer.SerializeToUtf8Bytes(value, CoreJson.TypeInfo<T>()), await WriteAsync(value));

        Assert.True(expected.AsSpan().SequenceEqual(actual), $"{typeof(T).Name} of {expected.Length} bytes");
    }

    private static async Task<byte[]> WriteAsync<T>(T value)
    {
        using var stream = new MemoryStream();
        await JsonPipeWriter.SerializeAsync(PipeWriter.Create(stream), value, CoreJson.TypeInfo<T>());
        return stream.ToArray();
    }

    private static async Task SerializeAsync(PipeWriter pipe, List<RawJson> values)
    {
        await JsonPipeWriter.SerializeAsync(pipe, values, CoreJson.TypeInfo<List<RawJson>>());
        await pipe.CompleteAsync();
    }

    /// <summary>Measures what is written into a pipe between two flushes.</summary>
    private sealed class Gauge(PipeWriter pipe) : PipeWriter
    {
        private long _unflushed;

        public long MaxUnflushed { get; private set; }

        public int Flushes { get; private set; }

        public override void Advance(int bytes)
        {
            _unflushed += bytes;
            MaxUnflushed = Math.Max(MaxUnflushed, _unflushed);
            pipe.Advance(bytes);
        }

        public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default)
        {
            Flushes++;
            _unflushed = 0;
            return pipe.FlushAsync(cancellationToken);
        }

        public override Memory<byte> GetMemory(int sizeHint = 0) => pipe.GetMemory(sizeHint);

        public override Span<byte> GetSpan(int sizeHint = 0) => pipe.GetSpan(sizeHint);

        public override void CancelPendingFlush() => pipe.CancelPendingFlush();

        public override void Complete(Exception? exception = null) => pipe.Complete(exception);
    }
}
