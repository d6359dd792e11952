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

    /// <summary>The bytes of the rest if that is the start of a line longer than a buffer, which stays in the pipe until its end.</summary>
    private long _longBytes;

    private long _heldBytes;
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
            var minRate = _longBytes > 0 ? UploadPace.MinLargeBytesPerSecond : 0;
            var read = await pace.ReadAsync(minRate, unread: _rest.Length, cancellationToken);
            _rest = read.Buffer;
            try
            {
                while (Cut(read.IsCompleted) is { } buffer)
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

                await HoldLongLineAsync(cancellationToken);
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

    private async ValueTask HoldLongLineAsync(CancellationToken cancellationToken)
    {
        var more = _longBytes - _heldBytes;
        _heldBytes = _longBytes;
        if (more > 0)
        {
            await memory.HoldAsync(more, cancellationToken);
        }
        else
        {
            memory.Release(-more);
        }
    }

    /// <summary>Takes as many whole lines as a buffer holds; returns null when more must arrive first.</summary>
    private LineBuffer? Cut(bool isLast)
    {
        if (!_hasStarted && !SkipMark(isLast))
        {
            return null;
        }

        if (_skips && !SkipLine(isLast))
        {
            return null;
        }

        if (_longBytes > 0)
        {
            return CutLong(isLast);
        }

        var length = (int)Math.Min(_rest.Length, _bufferBytes);
        var text = ArrayPool<byte>.Shared.Rent(length);
        _rest.Slice(0, length).CopyTo(text);
        var whole = isLast && length < _bufferBytes ? length : text.AsSpan(0, length).LastIndexOf((byte)'\n') + 1;
        if (whole > 0)
        {
            _rest = _rest.Slice(whole);
            return Index(text, whole);
        }

        ArrayPool<byte>.Shared.Return(text);
        return length < _bufferBytes ? null : CutLong(isLast);
    }

    /// <summary>Takes a line that is longer than a buffer; returns null until its end.</summary>
    private LineBuffer? CutLong(bool isLast)
    {
        var newline = _rest.Slice(_longBytes).PositionOf((byte)'\n');
        var line = newline is { } end ? _rest.Slice(0, end) : _rest;
        var mayEnd = (newline is not null || !isLast) && line.Slice(line.Length - 1).FirstSpan[0] == '\r';
        if (line.Length - (mayEnd ? 1 : 0) > maxLineBytes)
        {
            (_skips, _longBytes) = (true, 0);
            var some = ArrayPool<byte>.Shared.Rent(1);
            some[0] = (byte)'-';
            return new LineBuffer(some, 1, _items++, _lines + 1, Problem.TooLarge(string.Create(
                CultureInfo.InvariantCulture, $"Line {_lines + 1} is longer than {maxLineBytes} bytes (Limits:MaxRequestBytes).")));
        }

        if (newline is null && !isLast)
        {
            _longBytes = _rest.Length;
            return null;
        }

        var length = (int)line.Length;
        var text = length <= LineBuffer.MaxRentedBytes ? ArrayPool<byte>.Shared.Rent(length) : GC.AllocateUninitializedArray<byte>(length);
        line.CopyTo(text);
        _rest = _rest.Slice(line.End);
        _longBytes = 0;
        return Index(text, length);
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

    /// <summary>Drops the rest of a line that is too long, up to its end.</summary>
    /// <returns>False if more must arrive until its end.</returns>
    private bool SkipLine(bool isLast)
    {
        var end = _rest.PositionOf((byte)'\n');
        _rest = _rest.Slice(end ?? _rest.End);
        _skips = end is null && !isLast;
        return !_skips;
    }

    private LineBuffer Index(byte[] text, int length)
    {
        var lines = new LineBuffer(text, length, _items, _lines + 1);
        _items += lines.Count;
        _lines += text.AsSpan(0, length).Count((byte)'\n');
        return lines;
    }
}
