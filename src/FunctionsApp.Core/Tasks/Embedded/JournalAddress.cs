namespace FunctionsApp.Core.Tasks.Embedded;

/// <summary>Where a record of the <see cref="Journal"/> lies.</summary>
/// <param name="Segment">The number of its segment, from 1.</param>
/// <param name="Offset">Where its line begins there, in bytes.</param>
/// <param name="HeadLength">Bytes of its head.</param>
/// <param name="PayloadLength">Bytes of its payload.</param>
internal readonly record struct JournalAddress(int Segment, long Offset, int HeadLength, int PayloadLength)
{
    /// <summary>Bytes that the record takes on the disk in all.</summary>
    public int Length => JournalLine.PrefixLength(HeadLength, PayloadLength) + HeadLength + PayloadLength + 1;
}

/// <summary>A record that was found when the journal was opened. Its payload is sound, and stays on the disk.</summary>
/// <param name="Address">Where it lies.</param>
/// <param name="Head">Its head; the receiver may keep it.</param>
internal readonly record struct JournalRecord(JournalAddress Address, ReadOnlyMemory<byte> Head);
