using System.Buffers;
using System.Text.Json;
using FunctionsApp.Core.Json;

namespace FunctionsApp.Core.Patterns.Map;

/// <summary>
/// Results one after the other, in pooled arrays that can be sent as they are. No result lies in two arrays, and what the last one has
/// written can be dropped.
/// </summary>
/// <param name="hasCommas">Whether there is a comma between two results of an array.</param>
internal sealed class ResultBuffer(bool hasCommas) : IBufferWriter<byte>, IDisposable
{
    private const int FirstBytes = 1_024;

    /// <summary>The maximum bytes of an array, unless one result is longer: the garbage collector keeps larger ones apart.</summary>
    private const int ArrayBytes = 64 * 1024;

    private readonly List<(byte[] Bytes, int Length)> _full = [];
    private byte[] _bytes = ArrayPool<byte>.Shared.Rent(FirstBytes);
    private Utf8JsonWriter? _json;
    private int _length;
    private int _start;
    private long _fullLength;

    /// <summary>How many bytes are written.</summary>
    public long Length => _fullLength + _length;

    /// <summary>The written bytes, valid until the buffer is disposed of. None is empty.</summary>
    public IEnumerable<ReadOnlyMemory<byte>> Written
    {
        get
        {
            foreach (var (bytes, length) in _full)
            {
                yield return bytes.AsMemory(0, length);
            }

            if (_length > 0)
            {
                yield return _bytes.AsMemory(0, _length);
            }
        }
    }

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
        _full.ForEach(static array => ArrayPool<byte>.Shared.Return(array.Bytes));
        ArrayPool<byte>.Shared.Return(_bytes);
        _full.Clear();
        (_bytes, _length, _start, _fullLength) = ([], 0, 0, 0);
    }

    private void Ensure(int size)
    {
        if (_bytes.Length - _length < Math.Max(size, 1))
        {
            Grow(Math.Max(size, 1));
        }
    }

    /// <summary>Begins an array with what there is of the current result.</summary>
    private void Grow(int size)
    {
        var (bytes, start, part) = (_bytes, _start, _length - _start);
        var needed = Math.Max(part + size, Math.Min(4 * bytes.Length, ArrayBytes));

        // Twice as long, so that a long result is copied seldom.
        _bytes = ArrayPool<byte>.Shared.Rent(part > ArrayBytes / 2 ? (int)Math.Min(Math.Max(needed, 2L * part), Array.MaxLength) : needed);
        bytes.AsSpan(start, part).CopyTo(_bytes);
        (_length, _start) = (part, 0);
        if (start == 0)
        {
            ArrayPool<byte>.Shared.Return(bytes);
            return;
        }

        var full = hasCommas ? start - 1 : start;
        _full.Add((bytes, full));
        _fullLength += full;
    }
}
