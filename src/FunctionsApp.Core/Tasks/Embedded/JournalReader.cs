using System.Buffers;

namespace FunctionsApp.Core.Tasks.Embedded;

/// <summary>Reads a segment from its beginning to its end, whatever has become of it, in pieces of bounded size.</summary>
/// <param name="file">The segment.</param>
/// <param name="segment">Its number.</param>
internal sealed class JournalReader(JournalFile file, int segment)
{
    private static readonly SearchValues<byte> PrefixText = SearchValues.Create("0123456789abcdef "u8);

    private readonly byte[] _buffer = new byte[64 * 1024];
    private long _start;
    private int _filled;

    /// <summary>Bytes in the segment.</summary>
    public long Length { get; } = file.Length;

    /// <summary>Finds the records that are sound. Each byte is looked at a few times at most.</summary>
    /// <param name="replay">Takes a record.</param>
    /// <param name="damaged">Takes the offset and the length of what lies before or between them and is none.</param>
    /// <returns>Where the last one ends; what follows is none either.</returns>
    public long Replay(Action<JournalRecord> replay, Action<long, long> damaged)
    {
        var (end, at) = (0L, 0L);
        while (at < Length)
        {
            if (!TryReadPrefix(at, out var address, out var checksum))
            {
                at = Find(at + 1);
                continue;
            }

            if (TryReadContent(address, checksum, out var head))
            {
                if (at > end)
                {
                    damaged(end, at - end);
                }

                replay(new JournalRecord(address, head));
                end = at + address.Length;
            }

            // A sound prefix is to be trusted, and nothing within its record to be taken for another.
            at += address.Length;
        }

        return end;
    }

    /// <summary>Whether a record begins here that was not written to its end: the process ended meanwhile.</summary>
    public bool IsTorn(long offset)
    {
        var rest = Peek(offset, JournalLine.LongestPrefix);
        return JournalLine.TryReadPrefix(rest, segment, offset, out var address, out _)
            ? offset + address.Length > Length
            : rest.Length < JournalLine.LongestPrefix && !rest.ContainsAnyExcept(PrefixText);
    }

    /// <summary>Copies a part of the segment.</summary>
    public void CopyTo(Stream destination, long offset, long length)
    {
        for (var end = offset + length; offset < end;)
        {
            var piece = Peek(offset, end - offset);
            destination.Write(piece);
            offset += piece.Length;
        }
    }

    private bool TryReadPrefix(long offset, out JournalAddress address, out uint checksum) =>
        JournalLine.TryReadPrefix(Peek(offset, JournalLine.LongestPrefix), segment, offset, out address, out checksum);

    private bool TryReadContent(JournalAddress address, uint checksum, out byte[] head)
    {
        head = [];
        var end = address.Offset + address.Length;
        if (end > Length)
        {
            return false;
        }

        head = new byte[address.HeadLength];
        var offset = end - 1 - address.PayloadLength - address.HeadLength;
        for (var rest = head.AsSpan(); rest.Length > 0;)
        {
            var piece = Peek(offset, rest.Length);
            piece.CopyTo(rest);
            rest = rest[piece.Length..];
            offset += piece.Length;
        }

        var sum = JournalLine.Add(JournalLine.EmptySum, head);
        while (offset < end)
        {
            var piece = Peek(offset, end - offset);
            sum = JournalLine.Add(sum, piece);
            offset += piece.Length;
        }

        return sum == checksum;
    }

    /// <summary>Finds the next prefix; the end of the segment when there is none.</summary>
    private long Find(long from)
    {
        // Anywhere, as the newline before it may be damaged too. A prefix is known by its first space.
        const int Space = 8;
        for (var at = from + Space; at < Length;)
        {
            var piece = Peek(at, Math.Max(Buffered(at), 1));
            var index = piece.IndexOf((byte)' ');
            if (index < 0)
            {
                at += piece.Length;
                continue;
            }

            at += index;
            if (TryReadPrefix(at - Space, out _, out _))
            {
                return at - Space;
            }

            at++;
        }

        return Length;
    }

    /// <summary>How many of the bytes from here on are in the buffer.</summary>
    private long Buffered(long offset) => offset < _start ? 0 : _start + _filled - offset;

    /// <summary>The next <paramref name="count"/> bytes, or as many of them as the buffer holds and the segment has.</summary>
    private ReadOnlySpan<byte> Peek(long offset, long count)
    {
        count = Math.Min(Math.Min(count, _buffer.Length), Length - offset);
        if (Buffered(offset) < count)
        {
            (_start, _filled) = (offset, 0);
            for (var most = (int)Math.Min(_buffer.Length, Length - offset); _filled < most;)
            {
                var read = file.Read(_buffer.AsSpan(_filled, most - _filled), offset + _filled);
                if (read == 0)
                {
                    throw new EndOfStreamException("The file has become shorter while it was read.");
                }

                _filled += read;
            }
        }

        return _buffer.AsSpan((int)(offset - _start), (int)count);
    }
}
