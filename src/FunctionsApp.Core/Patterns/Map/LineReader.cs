using System.Buffers;
using System.Globalization;
using System.IO.Pipelines;
using FunctionsApp.Core.Limits;
using FunctionsApp.Core.Problems;

namespace FunctionsApp.Core.Patterns.Map;

/// <summary>Splits an NDJSON body into buffers of whole lines as they arrive. Skips blank lines.</summary>
/// <param name="body">The body. The reader reads no further than needed, which is back-pressure for the sender.</param>
/// <param name="maxLineBytes">The maximum bytes of a line, without its end (LF or CRLF) and without a byte order mark before it.</param>
/// <param name="memory">The memory that the request holds.</param>
/// <param name="time">The clock for the sender's pauses.</param>
internal sealed class LineReader(PipeReader body, int maxLineBytes, RequestMemory memory, TimeProvider time)
{
    /// <summary>The maximum bytes of a buffer, unless one line is longer. No line in a buffer is too long.</summary>
    private readonly int _bufferBytes = Math.Min(LineBuffer.MaxRentedBytes, maxLineBytes + 1);

    /// <summary>What has arrived and is in no buffer yet.</summary>
    private ReadOnlySequence<byte> _rest;

    /// <summary>
    /// The start of a line that is longer than a buffer. It must not stay in the server's pipe: if the client leaves, Kestrel would log
    /// that a reading is in progress (<c>AbandonedUploadTests</c>).
    /// </summary>
    private byte[] _line = [];

    private int _lineLength;
    private long _items;
    private long _lines;
    private bool _skips;
    private bool _hasStarted;

    /// <summary>Reads the body to its end.</summary>
    /// <param name="add">Takes a buffer; reading continues when it returns.</param>
    /// <param name="cancellationToken">Ends the reading.</param>
    public async Task ReadAsync(Func<ItemBuffer, CancellationToken, ValueTask> add, CancellationToken cancellationToken)
    {
        using var pace = new UploadPace(body, time);
        while (true)
        {
            // A sender may pause, but not within a long line, which stays in memory until its end.
            var minRate = _line.Length > 0 ? UploadPace.MinLargeBytesPerSecond : 0;
            var read = await pace.ReadAsync(minRate, unread: _rest.Length, cancellationToken);
            _rest = read.Buffer;
            try
            {
                while (await CutAsync(read.IsCompleted, cancellationToken) is { } buffer)
                {
                    if (buffer.Count > 0)
                    {
                        await add(buffer, cancellationToken);
                    }
                    else
                    {
                        buffer.Release();
                    }
                }
            }
            finally
            {
                // Also after an exception: the server must still read the rest.
                body.AdvanceTo(_rest.Start, _rest.End);
            }

            if (read.IsCompleted)
            {
                return;
            }
        }
    }

    /// <summary>Takes as many whole lines as a buffer holds; returns null when more must arrive first.</summary>
    private ValueTask<ItemBuffer?> CutAsync(bool isLast, CancellationToken cancellationToken)
    {
        if (!_hasStarted && !SkipMark(isLast))
        {
            return default;
        }

        if (_skips)
        {
            return new(Skip(isLast));
        }

        if (_line.Length > 0)
        {
            return CutLongAsync(isLast, cancellationToken);
        }

        var length = (int)Math.Min(_rest.Length, _bufferBytes);
        var text = ArrayPool<byte>.Shared.Rent(length);
        _rest.Slice(0, length).CopyTo(text);
        var whole = isLast && length < _bufferBytes ? length : text.AsSpan(0, length).LastIndexOf((byte)'\n') + 1;
        if (whole > 0)
        {
            _rest = _rest.Slice(whole);
            return new(Index(text, whole));
        }

        ArrayPool<byte>.Shared.Return(text);
        return length < _bufferBytes ? default : CutLongAsync(isLast, cancellationToken);
    }

    /// <summary>Takes a line that is longer than a buffer, or the next part of it; returns null until its end.</summary>
    private async ValueTask<ItemBuffer?> CutLongAsync(bool isLast, CancellationToken cancellationToken)
    {
        var newline = _rest.PositionOf((byte)'\n');
        var part = newline is { } end ? _rest.Slice(0, _rest.GetPosition(1, end)) : _rest;
        var length = _lineLength + part.Length;
        if (length - EndBytes(part, isLast) > maxLineBytes)
        {
            EndLine();
            _skips = true;
            var some = ArrayPool<byte>.Shared.Rent(1);
            some[0] = (byte)'-';
            return new LineBuffer(some, 1, _items++, _lines + 1, Problem.TooLarge(string.Create(
                CultureInfo.InvariantCulture, $"Line {_lines + 1} is longer than {maxLineBytes} bytes (Limits:MaxRequestBytes).")));
        }

        await GrowAsync(length, cancellationToken);
        part.CopyTo(_line.AsSpan(_lineLength));
        (_rest, _lineLength) = (_rest.Slice(part.End), (int)length);
        return newline is null && !isLast ? null : Index(EndLine(), (int)length);
    }

    /// <summary>Returns how many bytes at the end of what there is of a line are the line's end, or may become it.</summary>
    private int EndBytes(ReadOnlySequence<byte> part, bool isLast) => FromEnd(part, 1) switch
    {
        (byte)'\n' => FromEnd(part, 2) == '\r' ? 2 : 1,
        (byte)'\r' when !isLast => 1,
        _ => 0,
    };

    /// <summary>Returns a byte of the line, counted from the end of its next part; 0 if the line is shorter.</summary>
    private byte FromEnd(ReadOnlySequence<byte> part, int number)
    {
        if (number > part.Length)
        {
            var at = _lineLength + (int)part.Length - number;
            return at < 0 ? (byte)0 : _line[at];
        }

        Span<byte> value = stackalloc byte[1];
        part.Slice(part.Length - number, 1).CopyTo(value);
        return value[0];
    }

    /// <summary>Skips a byte order mark at the start of the body.</summary>
    /// <returns>False if more must arrive to tell whether there is one.</returns>
    private bool SkipMark(bool isLast)
    {
        var mark = "\uFEFF"u8;
        Span<byte> start = stackalloc byte[mark.Length];
        start = start[..(int)Math.Min(_rest.Length, mark.Length)];
        _rest.Slice(0, start.Length).CopyTo(start);
        _hasStarted = isLast || start.Length == mark.Length || !mark.StartsWith(start);
        _rest = start.SequenceEqual(mark) ? _rest.Slice(mark.Length) : _rest;
        return _hasStarted;
    }

    /// <summary>Makes room for the start of a line.</summary>
    private async ValueTask GrowAsync(long length, CancellationToken cancellationToken)
    {
        if (length <= _line.Length)
        {
            return;
        }

        // Longer than an array that a buffer has rented, and would return.
        var least = Math.Max(length, LineBuffer.MaxRentedBytes + 1);
        var capacity = (int)Math.Max(least, Math.Min(2L * Math.Max(_line.Length, LineBuffer.MaxRentedBytes), maxLineBytes + 1L));
        await memory.HoldAsync(capacity - _line.Length, cancellationToken);
        var larger = GC.AllocateUninitializedArray<byte>(capacity);
        _line.AsSpan(0, _lineLength).CopyTo(larger);
        _line = larger;
    }

    /// <summary>Takes the start of a line, and releases the memory that was held for it.</summary>
    private byte[] EndLine()
    {
        var line = _line;
        memory.Release(line.Length);
        (_line, _lineLength) = ([], 0);
        return line;
    }

    /// <summary>Drops the rest of a line that is too long.</summary>
    private LineBuffer? Skip(bool isLast)
    {
        var end = _rest.PositionOf((byte)'\n');
        _rest = end is { } newline ? _rest.Slice(_rest.GetPosition(1, newline)) : _rest.Slice(_rest.End);
        if (end is null && !isLast)
        {
            return null;
        }

        _skips = false;
        _lines++;
        return new LineBuffer([], 0, _items, _lines + 1);
    }

    private LineBuffer Index(byte[] text, int length)
    {
        var lines = new LineBuffer(text, length, _items, _lines + 1);
        _items += lines.Count;
        _lines += text.AsSpan(0, length).Count((byte)'\n');
        return lines;
    }
}
