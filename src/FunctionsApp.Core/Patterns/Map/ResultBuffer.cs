using System.Buffers;
using System.Text.Json;
using FunctionsApp.Core.Json;

namespace FunctionsApp.Core.Patterns.Map;

/// <summary>Results one after the other, in a pooled array. What the last one has written can be dropped.</summary>
/// <param name="hasCommas">Whether there is a comma between two results of an array.</param>
internal sealed class ResultBuffer(bool hasCommas) : IBufferWriter<byte>, IDisposable
{
    private const int FirstBytes = 1_024;

    /// <summary>The size up to which the array grows fast: the garbage collector keeps larger ones apart.</summary>
    private const int ArrayBytes = 64 * 1024;

    private byte[] _bytes = ArrayPool<byte>.Shared.Rent(FirstBytes);
    private Utf8JsonWriter? _json;
    private int _length;
    private int _start;

    /// <summary>The written bytes, valid until the buffer is disposed of.</summary>
    public ReadOnlyMemory<byte> Written => _bytes.AsMemory(0, _length);

    /// <summary>A writer of JSON into the buffer, for one value; flush it.</summary>
    public Utf8JsonWriter Json
    {
        get
        {
            _json ??= new Utf8JsonWriter(
                this, new JsonWriterOptions { Encoder = CoreJson.Options.Encoder, MaxDepth = CoreJson.MaxDepth, SkipValidation = true });
            _json.Reset();
            return _json;
        }
    }

    /// <summary>Begins a result.</summary>
    public void Begin()
    {
        if (hasCommas && _length > 0)
        {
            GetSpan(1)[0] = (byte)',';
            _length++;
        }

        _start = _length;
    }

    /// <summary>Drops what has been written since the last <see cref="Begin"/>.</summary>
    public void Drop()
    {
        _json?.Reset();
        _length = _start;
    }

    /// <inheritdoc/>
    public void Advance(int count) => _length += count;

    /// <inheritdoc/>
    public Memory<byte> GetMemory(int sizeHint = 0)
    {
        Ensure(sizeHint);
        return _bytes.AsMemory(_length);
    }

    /// <inheritdoc/>
    public Span<byte> GetSpan(int sizeHint = 0)
    {
        Ensure(sizeHint);
        return _bytes.AsSpan(_length);
    }

    /// <summary>Releases the memory.</summary>
    public void Dispose()
    {
        _json?.Dispose();
        ArrayPool<byte>.Shared.Return(_bytes);
        (_bytes, _length, _start) = ([], 0, 0);
    }

    private void Ensure(int size)
    {
        if (_bytes.Length - _length < Math.Max(size, 1))
        {
            Grow(Math.Max(size, 1));
        }
    }

    private void Grow(int size)
    {
        var bytes = _bytes;
        var larger = Math.Max(2L * bytes.Length, Math.Min(4 * bytes.Length, ArrayBytes));
        _bytes = ArrayPool<byte>.Shared.Rent((int)Math.Min(Math.Max((long)_length + size, larger), Array.MaxLength));
        bytes.AsSpan(0, _length).CopyTo(_bytes);
        ArrayPool<byte>.Shared.Return(bytes);
    }
}
