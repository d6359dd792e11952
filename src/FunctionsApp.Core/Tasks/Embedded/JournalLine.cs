using System.Buffers.Binary;
using System.Buffers.Text;
using System.Globalization;
using System.Numerics;

namespace FunctionsApp.Core.Tasks.Embedded;

/// <summary>
/// How a record is written: <c>{prefix checksum} {checksum} {head length} {payload length} {head}{payload}\n</c>, the
/// checksums as 8 digits of hexadecimal, the lengths in bytes.
/// <para>
/// The second checksum is that of head, payload and newline. The first is that of the rest of the prefix and of where the
/// line is. So the lengths are known to be right before they are followed, whatever has become of the rest; and what merely
/// looks like a line, as in a payload that is a copy of one, is none where it stands.
/// </para>
/// </summary>
internal static class JournalLine
{
    /// <summary>Bytes of the longest prefix.</summary>
    public const int LongestPrefix = Fixed + 10 + 10;

    /// <summary>Bytes that a head and a payload may come to together, so that an array can hold the line.</summary>
    public static readonly int MaxContent = Array.MaxLength - LongestPrefix - 1;

    /// <summary>What <see cref="Add"/> begins with.</summary>
    public const uint EmptySum = 0;

    private const int Digits = 8;
    private const int Checksum = Digits + 1;
    private const int Lengths = Checksum + Digits + 1;
    private const int Fixed = Lengths + 2;

    /// <summary>Bytes before the head.</summary>
    public static int PrefixLength(int headLength, int payloadLength) => Fixed + DecimalDigits(headLength) + DecimalDigits(payloadLength);

    /// <summary>Writes what comes before the head.</summary>
    /// <param name="destination">Has room for <see cref="LongestPrefix"/> bytes.</param>
    /// <param name="address">Where the line will be.</param>
    /// <param name="checksum">That of head, payload and newline.</param>
    /// <returns>Bytes written.</returns>
    public static int WritePrefix(Span<byte> destination, JournalAddress address, uint checksum)
    {
        WriteChecksum(destination[Checksum..], checksum);
        var length = Lengths;
        length += WriteLength(destination[length..], address.HeadLength);
        length += WriteLength(destination[length..], address.PayloadLength);

        Span<byte> position = stackalloc byte[sizeof(int) + sizeof(long)];
        BinaryPrimitives.WriteInt32LittleEndian(position, address.Segment);
        BinaryPrimitives.WriteInt64LittleEndian(position[sizeof(int)..], address.Offset);
        WriteChecksum(destination, Add(Add(EmptySum, position), destination[Checksum..length]));
        return length;
    }

    /// <summary>Reads what comes before the head.</summary>
    /// <param name="text">Begins with it, if there is one.</param>
    /// <param name="segment">Where <paramref name="text"/> is.</param>
    /// <param name="offset">Where it is there.</param>
    /// <param name="address">Where the record lies; what it says is right, but the file may be shorter.</param>
    /// <param name="checksum">What the checksum of head, payload and newline has to be.</param>
    /// <returns>Whether there is one.</returns>
    public static bool TryReadPrefix(ReadOnlySpan<byte> text, int segment, long offset, out JournalAddress address, out uint checksum)
    {
        (address, checksum) = (default, 0);
        if (text.Length <= Lengths || text[Checksum - 1] != ' ' || text[Lengths - 1] != ' '
            || !Utf8Parser.TryParse(text[Checksum..(Lengths - 1)], out checksum, out _, 'x')
            || !TryReadLength(text, Lengths, out var headLength, out var next)
            || !TryReadLength(text, next, out var payloadLength, out _)
            || (long)headLength + payloadLength > MaxContent)
        {
            return false;
        }

        // What would have been written says best whether this is it, to the letter.
        address = new JournalAddress(segment, offset, headLength, payloadLength);
        Span<byte> expected = stackalloc byte[LongestPrefix];
        return text.StartsWith(expected[..WritePrefix(expected, address, checksum)]);
    }

    /// <summary>Goes on with a checksum (CRC-32C, as in RFC 3720, appendix B.4).</summary>
    /// <param name="sum">That of what comes before; <see cref="EmptySum"/> at first.</param>
    /// <param name="bytes">What comes next.</param>
    public static uint Add(uint sum, ReadOnlySpan<byte> bytes)
    {
        sum = ~sum;
        for (; bytes.Length >= sizeof(ulong); bytes = bytes[sizeof(ulong)..])
        {
            sum = BitOperations.Crc32C(sum, BinaryPrimitives.ReadUInt64LittleEndian(bytes));
        }

        foreach (var single in bytes)
        {
            sum = BitOperations.Crc32C(sum, single);
        }

        return ~sum;
    }

    private static void WriteChecksum(Span<byte> destination, uint checksum)
    {
        checksum.TryFormat(destination, out _, "x8", CultureInfo.InvariantCulture);
        destination[Digits] = (byte)' ';
    }

    private static int WriteLength(Span<byte> destination, int length)
    {
        length.TryFormat(destination, out var digits, provider: CultureInfo.InvariantCulture);
        destination[digits] = (byte)' ';
        return digits + 1;
    }

    private static bool TryReadLength(ReadOnlySpan<byte> text, int start, out int length, out int next)
    {
        var found = Utf8Parser.TryParse(text[start..], out length, out var digits) && length >= 0;
        next = start + digits + 1;
        return found && next <= text.Length;
    }

    private static int DecimalDigits(int number)
    {
        var digits = 1;
        for (; number >= 10; number /= 10)
        {
            digits++;
        }

        return digits;
    }
}
