using System.Buffers;
using System.Globalization;
using System.IO.Pipelines;
using FunctionsApp.Core.Limits;
using FunctionsApp.Core.Problems;

namespace FunctionsApp.Core.Patterns.Map;

/// <summary>Splits an NDJSON body into blocks of whole lines as they arrive. Skips blank lines.</summary>
/// <param name="body">The body. The reader reads no further than needed, which is back-pressure for the sender.</param>
/// <param name="maxLineBytes">The maximum length of a line, in bytes.</param>
/// <param name="memory">The memory that the request holds.</param>
/// <param name="time">The clock for the sender's pauses.</param>
internal sealed class LineReader(PipeReader body, int maxLineBytes, RequestMemory memory, TimeProvider time)
{
    /// <summary>The maximum bytes of a block, unless one line is longer. No line in a block is too long.</summary>
    private readonly int _blockBytes = Math.Min(64 * 1024, maxLineBytes + 1);

    private long _items;
    private long _lines;
    private long _scanned;
    private bool _skips;

    /// <summary>Reads the body to its end.</summary>
    /// <param name="add">Takes a block; reading continues when it returns.</param>
    /// <param name="cancellationToken">Ends the reading.</param>
    public async Task ReadAsync(Func<ItemBlock, CancellationToken, ValueTask> add, CancellationToken cancellationToken)
    {
        using var pace = new UploadPace(body, time);
        var (unread, held) = (0L, 0L);
        while (true)
        {
            // A sender may pause, but not within a long line, which stays in memory until its end.
            var read = await pace.ReadAsync(held > 0 ? UploadPace.MinLargeBytesPerSecond : 0, unread, cancellationToken);
            var rest = read.Buffer;
            try
            {
                while (Cut(ref rest, read.IsCompleted) is { } block)
                {
                    if (block.Count > 0)
                    {
                        await add(block, cancellationToken);
                    }
                    else
                    {
                        block.Release();
                    }
                }
            }
            finally
            {
                // Also after an exception: the server must still read the rest.
                unread = rest.Length;
                body.AdvanceTo(rest.Start, rest.End);
            }

            if (read.IsCompleted)
            {
                return;
            }

            var needed = unread > RequestMemory.FreeBytes ? unread : 0;
            if (needed > held)
            {
                await memory.HoldAsync(needed - held, cancellationToken);
            }
            else if (needed < held)
            {
                memory.Release(held - needed);
            }

            held = needed;
        }
    }

    /// <summary>Takes as many whole lines as a block holds; returns null when there is none yet.</summary>
    private ItemBlock? Cut(ref ReadOnlySequence<byte> rest, bool isLast)
    {
        if (_skips)
        {
            return Skip(ref rest, isLast);
        }

        var text = ArrayPool<byte>.Shared.Rent((int)Math.Min(rest.Length, _blockBytes));
        var length = (int)Math.Min(rest.Length, _blockBytes);
        rest.Slice(0, length).CopyTo(text);
        var whole = text.AsSpan(0, length).LastIndexOf((byte)'\n') + 1;
        if (whole == 0 && LineLength(rest, isLast) is { } line)
        {
            if (line > maxLineBytes)
            {
                ArrayPool<byte>.Shared.Return(text);
                _skips = true;
                return new LongLine(_items++, Problem.TooLarge(string.Create(CultureInfo.InvariantCulture,
                    $"Line {_lines + 1} is longer than {maxLineBytes} bytes (Limits:MaxRequestBytes).")) with
                { Line = _lines + 1 });
            }

            whole = (int)Math.Min(line + 1, rest.Length);
            if (whole > text.Length)
            {
                ArrayPool<byte>.Shared.Return(text);
                text = ArrayPool<byte>.Shared.Rent(whole);
            }

            rest.Slice(0, whole).CopyTo(text);
        }

        if (whole == 0)
        {
            ArrayPool<byte>.Shared.Return(text);
            return null;
        }

        (rest, _scanned) = (rest.Slice(whole), 0);
        return Index(text, whole);
    }

    /// <summary>Returns the length of the first line, or of a part that is already too long; null while unknown.</summary>
    private long? LineLength(ReadOnlySequence<byte> rest, bool isLast)
    {
        // Searches no byte twice: a long line arrives in many pieces.
        if (rest.Slice(_scanned).PositionOf((byte)'\n') is { } position)
        {
            return rest.Slice(0, position).Length;
        }

        _scanned = rest.Length;
        return rest.Length > maxLineBytes || (isLast && rest.Length > 0) ? rest.Length : null;
    }

    /// <summary>Drops the rest of a line that is too long.</summary>
    private LineBlock? Skip(ref ReadOnlySequence<byte> rest, bool isLast)
    {
        var end = rest.PositionOf((byte)'\n');
        rest = end is { } newline ? rest.Slice(rest.GetPosition(1, newline)) : rest.Slice(rest.End);
        if (end is null && !isLast)
        {
            return null;
        }

        (_skips, _scanned) = (false, 0);
        _lines++;
        return new LineBlock([], [], 0, _items, _lines + 1);
    }

    private LineBlock Index(byte[] text, int length)
    {
        var lines = text.AsSpan(0, length);
        var bounds = ArrayPool<(int Start, int End)>.Shared.Rent(lines.Count((byte)'\n') + 1);
        var (count, start) = (0, _lines == 0 && lines.StartsWith("\uFEFF"u8) ? 3 : 0);
        while (start < length)
        {
            var end = lines[start..].IndexOf((byte)'\n');
            end = end < 0 ? length : start + end;
            if (lines[start..end].ContainsAnyExcept(" \t\r"u8))
            {
                bounds[count++] = (start, end);
            }

            start = end + 1;
        }

        var block = new LineBlock(text, bounds, count, _items, _lines + 1);
        _items += count;
        _lines += lines.Count((byte)'\n');
        return block;
    }
}
