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

    /// <summary>What is read from storage at a time.</summary>
    private const int StoredBytes = 256 * 1024;

    /// <summary>What is written before the pipe is flushed.</summary>
    private const int PieceBytes = 64 * 1024;

    private static readonly AsyncLocal<JsonPipeWriter?> Ambient = new();

    private readonly PipeWriter _pipe;
    private readonly ArrayBufferWriter<byte> _buffer = new();

    /// <summary>The large values that were put off, each with the place in <see cref="_buffer"/> that it belongs before.</summary>
    private readonly List<(int Place, RawJson Value)> _large = [];
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
    /// <param name="cancellationToken">Ends the writing.</param>
    public static async Task SerializeAsync<T>(PipeWriter pipe, T value, JsonTypeInfo<T> typeInfo, CancellationToken cancellationToken = default)
    {
        var writer = new JsonPipeWriter(pipe);
        Ambient.Value = writer;
        await JsonSerializer.SerializeAsync(writer, value, typeInfo, cancellationToken);
        await writer.FlushAsync(cancellationToken);
    }

    /// <summary>Writes bytes, and flushes the pipe as often as needed to keep no more than a piece in it.</summary>
    /// <param name="pipe">Where to; the last piece is not flushed.</param>
    /// <param name="bytes">What.</param>
    /// <param name="cancellationToken">Ends the writing.</param>
    /// <returns>Whether anybody still reads.</returns>
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

    /// <summary>Writes a value as it is; a large one later, when what stands before it is in the pipe.</summary>
    /// <param name="json">The writer of what is being serialized.</param>
    /// <param name="value">Well-formed JSON.</param>
    internal static void WriteRaw(Utf8JsonWriter json, RawJson value)
    {
        if (value.Stored is null && (value.Utf8.Length < LargeBytes || Ambient.Value is null))
        {
            json.WriteRawValue(value.Utf8.Span, skipInputValidation: true);
            return;
        }

        var writer = Ambient.Value ?? throw new InvalidOperationException("A value that lies in storage is only written to a pipe.");

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

            // Many values of less than a piece each would otherwise all wait in the pipe.
            await _pipe.FlushAsync(cancellationToken);
            written = place + 1;
        }

        await WriteAsync(_pipe, _buffer.WrittenMemory[written..], cancellationToken);
        _buffer.ResetWrittenCount();
        _large.Clear();
        _unflushed = 0;
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
            for (var (offset, isOpen) = (0L, true); isOpen && stored.Read(offset, block) is var read && read > 0; offset += read)
            {
                isOpen = await WriteAsync(_pipe, block.AsMemory(0, read), cancellationToken);
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(block);
        }
    }

    private void PutOff(RawJson value)
    {
        _large.Add((_buffer.WrittenCount - 1, value));
        _unflushed += PieceBytes;
    }
}
