using System.Buffers;
using System.IO.Pipelines;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace FunctionsApp.Core.Json;

/// <summary>
/// Serializes into a pipe without copying large values: they go from where they lie into the pipe, piece by piece, as fast as
/// it takes them. So a response costs no more memory than what it is made of, however slow its reader is.
/// </summary>
public sealed class JsonPipeWriter : PipeWriter
{
    /// <summary>A value of fewer bytes is copied.</summary>
    private const int LargeBytes = 16 * 1024;

    /// <summary>What is written before the pipe is flushed.</summary>
    private const int PieceBytes = 64 * 1024;

    private static readonly AsyncLocal<JsonPipeWriter?> Ambient = new();

    private readonly PipeWriter _pipe;
    private readonly ArrayBufferWriter<byte> _buffer = new();

    /// <summary>The large values that were put off, each with the place in <see cref="_buffer"/> that it belongs before.</summary>
    private readonly List<(int Place, ReadOnlyMemory<byte> Value)> _large = [];
    private long _unflushed;

    private JsonPipeWriter(PipeWriter pipe) => _pipe = pipe;

    /// <inheritdoc/>
    public override bool CanGetUnflushedBytes => true;

    /// <inheritdoc/>
    public override long UnflushedBytes => _unflushed;

    /// <summary>Serializes a value.</summary>
    /// <param name="pipe">Where to; it is flushed at the end.</param>
    /// <param name="value">What.</param>
    /// <param name="typeInfo">Its metadata.</param>
    public static async Task SerializeAsync<T>(PipeWriter pipe, T value, JsonTypeInfo<T> typeInfo)
    {
        var writer = new JsonPipeWriter(pipe);
        Ambient.Value = writer;
        await JsonSerializer.SerializeAsync(writer, value, typeInfo);
        await writer.FlushAsync();
    }

    /// <summary>Writes a value as it is; a large one later, when what stands before it is in the pipe.</summary>
    /// <param name="json">The writer of what is being serialized.</param>
    /// <param name="value">Well-formed JSON.</param>
    internal static void WriteRaw(Utf8JsonWriter json, ReadOnlyMemory<byte> value)
    {
        if (value.Length < LargeBytes || Ambient.Value is not { } writer)
        {
            json.WriteRawValue(value.Span, skipInputValidation: true);
            return;
        }

        // One byte stands for it, so that the writer puts its commas right.
        json.WriteRawValue("0"u8, skipInputValidation: true);
        json.Flush();
        writer.PutOff(value);
    }

    /// <inheritdoc/>
    public override Memory<byte> GetMemory(int sizeHint = 0) => _buffer.GetMemory(sizeHint);

    /// <inheritdoc/>
    public override Span<byte> GetSpan(int sizeHint = 0) => _buffer.GetSpan(sizeHint);

    /// <inheritdoc/>
    public override void Advance(int bytes)
    {
        _buffer.Advance(bytes);
        _unflushed += bytes;
    }

    /// <inheritdoc/>
    public override async ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default)
    {
        var (written, result) = (0, default(FlushResult));
        foreach (var (place, value) in _large)
        {
            await WriteAsync(_buffer.WrittenMemory[written..place]);
            await WriteAsync(value);
            written = place + 1;
        }

        await WriteAsync(_buffer.WrittenMemory[written..]);
        _buffer.ResetWrittenCount();
        _large.Clear();
        _unflushed = 0;
        return result;

        async ValueTask WriteAsync(ReadOnlyMemory<byte> bytes)
        {
            for (; !bytes.IsEmpty && !result.IsCompleted; bytes = bytes[Math.Min(PieceBytes, bytes.Length)..])
            {
                _pipe.Write(bytes.Span[..Math.Min(PieceBytes, bytes.Length)]);
                result = await _pipe.FlushAsync(cancellationToken);
            }
        }
    }

    /// <inheritdoc/>
    public override void CancelPendingFlush() => _pipe.CancelPendingFlush();

    /// <inheritdoc/>
    public override void Complete(Exception? exception = null) => _pipe.Complete(exception);

    private void PutOff(ReadOnlyMemory<byte> value)
    {
        _large.Add((_buffer.WrittenCount - 1, value));
        _unflushed += value.Length;
    }
}
