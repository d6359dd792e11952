using System.Buffers;
using System.IO.Pipelines;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using FunctionsApp.Core.Requests;

namespace FunctionsApp.Core.Json;

/// <summary>
/// Serializes into a pipe without copying large values: they go into the pipe directly, piece by piece, as fast as the pipe
/// accepts them. So a response needs no more memory than its parts, however slow its reader is: the attack suite's <c>Results</c>.
/// </summary>
public sealed class JsonPipeWriter : PipeWriter
{
    /// <summary>Values of fewer bytes are copied.</summary>
    private const int LargeBytes = 16 * 1024;

    /// <summary>Bytes per read from storage.</summary>
    private const int StoredBytes = 256 * 1024;

    /// <summary>Bytes that are written before the pipe is flushed.</summary>
    private const int PieceBytes = 32 * 1024;

    /// <summary>A buffer that the next response on this thread uses.</summary>
    [ThreadStatic]
    private static ArrayBufferWriter<byte>? _idle;

    private readonly PipeWriter _pipe;
    private readonly ArrayBufferWriter<byte> _buffer;

    /// <summary>The deferred large values, each with its position in <see cref="_buffer"/>.</summary>
    private readonly List<(int Place, RawJson Value)> _large = [];

    private JsonPipeWriter(PipeWriter pipe) => (_pipe, _buffer, _idle) = (pipe, _idle ?? new ArrayBufferWriter<byte>(), null);

    /// <inheritdoc/>
    public override bool CanGetUnflushedBytes => true;

    /// <inheritdoc/>
    public override long UnflushedBytes => _buffer.WrittenCount + ((long)PieceBytes * _large.Count);

    /// <summary>Serializes a value.</summary>
    /// <param name="pipe">The target; it is flushed at the end.</param>
    /// <param name="value">The value.</param>
    /// <param name="typeInfo">Its metadata.</param>
    /// <param name="cancellationToken">Ends the writing.</param>
    public static async Task SerializeAsync<T>(
        PipeWriter pipe, T value, JsonTypeInfo<T> typeInfo, CancellationToken cancellationToken = default)
    {
        var writer = new JsonPipeWriter(pipe);

        // The converters of RawJson and MapResults write by WriteRaw; the serializer flushes by FlushAsync.
        RequestContext.Set(writer);
        await JsonSerializer.SerializeAsync(writer, value, typeInfo, cancellationToken);
        if (writer._buffer.Capacity <= PieceBytes)
        {
            _idle = writer._buffer;
        }
    }

    /// <summary>Writes bytes, and flushes the pipe often enough to keep at most one piece in it.</summary>
    /// <param name="pipe">The target; the last piece is not flushed.</param>
    /// <param name="bytes">The bytes.</param>
    /// <param name="cancellationToken">Ends the writing.</param>
    /// <returns>Whether the reader of the pipe still reads.</returns>
    public static async ValueTask<bool> WriteAsync(PipeWriter pipe, ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        for (; bytes.Length > PieceBytes; bytes = bytes[PieceBytes..])
        {
            pipe.Write(bytes.Span[..PieceBytes]);
            if ((await pipe.FlushAsync(cancellationToken)).IsCompleted)
            {
                return false;
            }
        }

        pipe.Write(bytes.Span);
        return true;
    }

    /// <summary>Writes a value as it is. A large one is deferred until what precedes it is in the pipe.</summary>
    /// <param name="json">The serializer's writer.</param>
    /// <param name="value">Well-formed JSON.</param>
    internal static void WriteRaw(Utf8JsonWriter json, RawJson value)
    {
        if ((value.Stored is null && value.Utf8.Length < LargeBytes) || RequestContext.Get<JsonPipeWriter>() is not { } writer)
        {
            json.WriteRawValue(value.Utf8.Span, skipInputValidation: true);
            return;
        }

        // One byte represents the value, so that the writer places its commas correctly.
        json.WriteRawValue("0"u8, skipInputValidation: true);
        json.Flush();
        writer._large.Add((writer._buffer.WrittenCount - 1, value));
    }

    /// <inheritdoc/>
    public override Memory<byte> GetMemory(int sizeHint = 0) => _buffer.GetMemory(sizeHint);

    /// <inheritdoc/>
    public override Span<byte> GetSpan(int sizeHint = 0) => _buffer.GetSpan(sizeHint);

    /// <inheritdoc/>
    public override void Advance(int bytes) => _buffer.Advance(bytes);

    /// <inheritdoc/>
    public override async ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default)
    {
        var written = 0;
        foreach (var (place, value) in _large)
        {
            await WriteAsync(_pipe, _buffer.WrittenMemory[written..place], cancellationToken);
            if (value.Stored is { } stored)
            {
                await CopyAsync(stored, cancellationToken);
            }
            else
            {
                await WriteAsync(_pipe, value.Utf8, cancellationToken);
            }

            // Otherwise many values of less than a piece each would all wait in the pipe.
            await _pipe.FlushAsync(cancellationToken);
            written = place + 1;
        }

        await WriteAsync(_pipe, _buffer.WrittenMemory[written..], cancellationToken);
        _buffer.ResetWrittenCount();
        _large.Clear();
        return await _pipe.FlushAsync(cancellationToken);
    }

    /// <inheritdoc/>
    public override void CancelPendingFlush() => _pipe.CancelPendingFlush();

    /// <inheritdoc/>
    public override void Complete(Exception? exception = null) => _pipe.Complete(exception);

    private async ValueTask CopyAsync(StoredJson stored, CancellationToken cancellationToken)
    {
        var block = ArrayPool<byte>.Shared.Rent(StoredBytes);
        try
        {
            for (var (offset, isOpen) = (0L, true);
                isOpen && await stored.ReadAsync(offset, block, cancellationToken) is var read && read > 0;
                offset += read)
            {
                isOpen = await WriteAsync(_pipe, block.AsMemory(0, read), cancellationToken);
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(block);
        }
    }
}
