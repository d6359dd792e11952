using FsCheck;
using FsCheck.Fluent;
using FunctionsApp.Core.Tasks.Embedded;
using Microsoft.Extensions.Logging;

namespace FunctionsApp.Core.Tests.Tasks.Embedded;

/// <summary>What is left of a journal after crashes and damage.</summary>
public sealed class JournalRecoveryTests : JournalTestBase
{
    /// <summary>With payloads that look like records, one of them a copy of what another journal has.</summary>
    private static readonly (string Head, string Payload)[] Records =
    [
        ("{\"id\":1}", "one"),
        ("{\"id\":2}", "two\nlines\n"),
        ("", ""),
        ("{\"id\":3}", "x\n00000000 00000000 1 1 ab\nabcdef01 23456789 0 999 "),
        ("{\"id\":4}", "\n" + Line(new JournalAddress(1, 0, 2, 3), "fake!") + Line(new JournalAddress(1, 500, 1, 1), "no")),
        ("{\"id\":5}", "\0\0\0\0"),
        ("{\"id\":6}", "last"),
    ];

    [Fact]
    public async Task A_journal_that_is_cut_at_any_byte_has_all_records_before_the_cut()
    {
        var addresses = await WriteAsync(Records);
        var whole = await File.ReadAllBytesAsync(Segments.Single());
        for (var length = 0; length < whole.Length; length++)
        {
            Restore([whole[..length]]);
            var expected = Records.Take(addresses.Count(address => address.Offset + address.Length <= length)).ToList();
            var sound = addresses.Take(expected.Count).Sum(static address => address.Length);

            Assert.Equal(expected, ReadAll());
            Assert.Equal(sound, new FileInfo(Segments.Single()).Length);
            Assert.Empty(Log.Warnings);
            Assert.Equal(length == sound ? 0 : 1, Log.Messages.Count);

            Assert.Equal(sound, (await WriteAsync([("next", "one")])).Single().Offset);
            Log.Clear();
            Assert.Equal([.. expected, ("next", "one")], ReadAll());
            Assert.Empty(Log.Messages);
            Assert.False(Directory.Exists(DamagedFolder));
        }
    }

    /// <summary>All in one segment, or each in its own.</summary>
    [Theory]
    [InlineData(1_000_000)]
    [InlineData(1)]
    public async Task A_damaged_byte_costs_its_record_and_no_other(long segmentBytes)
    {
        var options = new JournalOptions { SegmentBytes = segmentBytes };
        var addresses = await WriteAsync(Records, options);
        var whole = Segments.Select(File.ReadAllBytes).ToList();
        foreach (var (record, address) in addresses.Index())
        {
            for (var offset = address.Offset; offset < address.Offset + address.Length; offset++)
            {
                var right = whole[address.Segment - 1][offset];
                foreach (var wrong in new[] { right ^ 1, right ^ 0x20, right ^ 0xff, '\n', ' ', 0 }.Distinct().Where(wrong => wrong != right))
                {
                    Restore(whole);
                    await CorruptAsync(address.Segment, offset, (byte)wrong);
                    List<(string, string)> expected = [.. Records.Where((_, i) => i != record)];

                    Assert.Equal(expected, ReadAll(options));

                    var warning = Assert.Single(Log.Warnings);
                    var copy = Assert.Single(Directory.GetFiles(DamagedFolder));
                    Assert.Equal(
                        (LogLevel.Warning, address.Segment, address.Offset, (long)address.Length, copy),
                        (warning.Level, (int)warning.Values["Segment"]!, (long)warning.Values["Offset"]!, (long)warning.Values["Length"]!, (string)warning.Values["Copy"]!));
                    var damaged = whole[address.Segment - 1].AsSpan((int)address.Offset, address.Length).ToArray();
                    damaged[offset - address.Offset] = (byte)wrong;
                    Assert.Equal(damaged, await File.ReadAllBytesAsync(copy));

                    if (wrong == (right ^ 1))
                    {
                        await WriteAsync([("next", "one")], options);
                        Assert.Equal([.. expected, ("next", "one")], ReadAll(options));
                    }
                }
            }
        }
    }

    [Fact]
    public void What_is_not_within_the_damage_is_there() => Check(
        from damages in Gen.Two(Gen.Choose(0, 100)).ListOf(3)
        from filling in Gen.Elements(0, 255, '\n', ' ', 'a', -1)
        select (damages, filling),
        damage =>
        {
            Clear();
            var addresses = WriteAsync(Records).GetAwaiter().GetResult();
            var bytes = File.ReadAllBytes(Segments.Single());
            var whole = (byte[])bytes.Clone();
            foreach (var (start, length) in damage.damages)
            {
                var from = start * bytes.Length / 101;
                var part = bytes.AsSpan(from, Math.Min(length, bytes.Length - from));
                part.Fill((byte)damage.filling);
                if (damage.filling < 0)
                {
                    new Random(start + length).NextBytes(part);
                }
            }

            Restore([bytes]);

            Assert.Equal(Records.Where((_, i) => Part(bytes, addresses[i]).SequenceEqual(Part(whole, addresses[i]))), ReadAll());
        });

    [Fact]
    public void Garbage_is_set_aside_and_makes_no_record() => Check(
        from pieces in Gen.Elements("00000000", "deadbeef", " ", "\n", "0", "1", "99", "2147483647", "-1", "\0", "x", "{}").ListOf()
        from noise in Gen.Choose(0, 255).ListOf()
        from segments in Gen.Choose(1, 3)
        select (Garbage: Bytes(string.Concat(pieces)).Concat(noise.Select(static value => (byte)value)).ToArray(), Segments: segments),
        garbage =>
        {
            Restore([.. Enumerable.Repeat(garbage.Garbage, garbage.Segments)]);

            Assert.Empty(ReadAll());
            WriteAsync([("head", "payload")]).GetAwaiter().GetResult();
            Assert.Equal([("head", "payload")], ReadAll());
        });

    [Theory]
    [InlineData("0123abcd", true)]
    [InlineData("0123abcd 0123abcd 12 345", true)]
    [InlineData("0123abcd 0123abcd 12 345 {", false)]
    [InlineData("0123abcd 0123abcd 0123abcd 0123abcd 0123abcd", false)]
    [InlineData("0123ABCD", false)]
    [InlineData("0123abcd\n", false)]
    [InlineData("\0", false)]
    public async Task Of_what_is_cut_off_there_is_a_copy_unless_it_is_the_beginning_of_a_record(string tail, bool isTorn)
    {
        var addresses = await WriteAsync(Records);
        await File.AppendAllTextAsync(Segments.Single(), tail);

        Assert.Equal(Records, ReadAll());

        Assert.Equal(addresses.Sum(static address => address.Length), new FileInfo(Segments.Single()).Length);
        Assert.Equal(isTorn ? [] : [tail], Log.Warnings.Select(static warning => File.ReadAllText((string)warning.Values["Copy"]!)));
        Assert.Single(Log.Messages);
    }

    [Fact]
    public async Task What_is_within_a_payload_is_no_record_even_where_it_would_be_right()
    {
        // It knows its place: after a prefix of so many bytes, and the head.
        var offset = JournalLine.PrefixLength(4, 100) + 4;
        var hostile = Line(new JournalAddress(1, offset, 1, 1), "no").PadRight(100);
        var address = (await WriteAsync([("head", hostile), ("next", "one")]))[0];
        await CorruptAsync(1, address.Length - 2, (byte)'x');

        Assert.Equal([("next", "one")], ReadAll());
    }

    [Fact]
    public async Task Damage_that_has_been_set_aside_is_not_copied_again()
    {
        await WriteAsync(Records);
        await CorruptAsync(1, 0, (byte)'x');
        ReadAll();
        var copy = Directory.GetFiles(DamagedFolder).Single();
        Assert.Equal("0000000001-0", Path.GetFileName(copy));
        await File.WriteAllTextAsync(copy, "as it was");

        ReadAll();

        Assert.Equal("as it was", await File.ReadAllTextAsync(Directory.GetFiles(DamagedFolder).Single()));
        Assert.Equal(2, Log.Warnings.Count);
    }

    [Fact]
    public async Task Each_damage_has_its_own_warning()
    {
        var addresses = await WriteAsync(Records);
        await CorruptAsync(1, addresses[1].Offset + 4, (byte)'x');
        await CorruptAsync(1, addresses[3].Offset + 4, (byte)'x');
        await CorruptAsync(1, addresses[4].Offset + 4, (byte)'x');

        Assert.Equal(Records.Length - 3, ReadAll().Count);

        Assert.Equal(
            [addresses[1].Length, (long)addresses[3].Length + addresses[4].Length],
            Log.Warnings.Select(static warning => (long)warning.Values["Length"]!));
        Assert.Equal(2, Directory.GetFiles(DamagedFolder).Length);
    }

    [Fact]
    public async Task What_has_no_copy_is_not_cut_off()
    {
        var addresses = await WriteAsync(Records);
        await CorruptAsync(1, addresses[^1].Offset, (byte)'x');
        var bytes = await File.ReadAllBytesAsync(Segments.Single());
        var options = new JournalOptions { MaxDamagedBytes = addresses[^1].Length - 1 };

        Assert.Equal(2, (await WriteAsync([("next", "one")], options)).Single().Segment);

        Assert.Contains("not made", (string)Assert.Single(Log.Warnings).Values["Copy"]!, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFiles(DamagedFolder));
        Assert.Equal(bytes, await File.ReadAllBytesAsync(Segments[0]));
        Assert.Equal([.. Records.SkipLast(1), ("next", "one")], ReadAll());
        Assert.Equal(bytes[(int)addresses[^1].Offset..], await File.ReadAllBytesAsync(Directory.GetFiles(DamagedFolder).Single()));
    }

    [Fact]
    public async Task What_cannot_be_set_aside_does_not_keep_the_rest_from_loading()
    {
        var addresses = await WriteAsync(Records);
        await CorruptAsync(1, addresses[^1].Offset, (byte)'x');
        await File.WriteAllTextAsync(DamagedFolder, "in the way");

        Assert.Equal(Records.SkipLast(1), ReadAll());

        Assert.Contains("not made", (string)Assert.Single(Log.Warnings).Values["Copy"]!, StringComparison.Ordinal);
        Assert.Equal(addresses.Sum(static address => address.Length), new FileInfo(Segments[0]).Length);
    }

    [Fact]
    public async Task A_segment_that_cannot_be_read_keeps_the_journal_closed_and_whole()
    {
        var options = new JournalOptions { SegmentBytes = 1 };
        await WriteAsync(Records, options);
        var whole = Segments.Select(File.ReadAllBytes).ToList();
        var disk = new JournalDisk { Faults = Faults.Read };

        var exception = Assert.Throws<JournalException>(() => Open(disk.Options));

        Assert.Contains(Segments[0], exception.Message, StringComparison.Ordinal);
        Assert.Equal(whole, Segments.Select(File.ReadAllBytes));
        disk.Faults = Faults.Open;
        Assert.Throws<JournalException>(() => Open(disk.Options));
        Assert.Equal(Records, ReadAll());
    }

    [Fact]
    public async Task An_error_of_the_receiver_comes_through_and_the_directory_is_free_again()
    {
        await WriteAsync(Records);

        Assert.Throws<InvalidDataException>(() => Journal.Open(Folder, new JournalOptions(), static _ => throw new InvalidDataException(), Log));
        Assert.Equal(Records, ReadAll());
    }

    [Fact]
    public async Task What_a_process_wrote_and_did_not_flush_is_flushed_when_it_is_found()
    {
        await WriteAsync(Records);
        var disk = new JournalDisk();

        using (Open(disk.Options))
        {
            Assert.Equal(1, disk.Flushes);
        }

        disk.Faults = Faults.Flush;
        Assert.Throws<JournalException>(() => Open(disk.Options));
    }

    [Fact]
    public async Task A_hostile_payload_cannot_make_the_search_long()
    {
        const string Pretence = "00000000 00000000 1 999999 ";
        await WriteAsync([("head", string.Concat(Enumerable.Repeat(Pretence, 100_000))), ("next", "one")]);
        await CorruptAsync(1, 0, (byte)'x');
        var disk = new JournalDisk();

        using (Open(disk.Options))
        {
            Assert.Equal("next", Text(Assert.Single(Found).Head));
        }

        // Once to search, once to copy.
        Assert.InRange(disk.BytesRead, 2 * Pretence.Length * 100_000L, 3 * Pretence.Length * 100_000L);
    }

    [Fact]
    public async Task A_long_payload_is_looked_at_in_pieces()
    {
        await WriteAsync([("head", new string('x', 5_000_000))]);
        var disk = new JournalDisk();

        using (Open(disk.Options))
        {
            Assert.Single(Found);
        }

        Assert.InRange(disk.LongestRead, 1, 100_000);
        Assert.InRange(disk.BytesRead, 5_000_000, 5_500_000);
    }

    /// <summary>A line that is right in another place.</summary>
    private static string Line(JournalAddress address, string content)
    {
        var prefix = new byte[JournalLine.LongestPrefix];
        var length = JournalLine.WritePrefix(prefix, address, JournalLine.Add(JournalLine.EmptySum, Bytes(content + "\n")));
        return Text(prefix.AsMemory(0, length)) + content + "\n";
    }

    private static byte[] Part(byte[] bytes, JournalAddress address) => bytes.AsSpan((int)address.Offset, address.Length).ToArray();

    private void Restore(IReadOnlyList<byte[]> segments)
    {
        Clear();
        Directory.CreateDirectory(Folder);
        foreach (var (index, bytes) in segments.Index())
        {
            File.WriteAllBytes(PathOf(index + 1), bytes);
        }
    }

    private async Task CorruptAsync(int segment, long offset, byte value)
    {
        await using var file = File.OpenWrite(PathOf(segment));
        file.Position = offset;
        file.WriteByte(value);
    }

    private string PathOf(int segment) => Path.Combine(Folder, $"{segment:D10}.log");

    private static void Check<T>(Gen<T> cases, Action<T> property) =>
        Prop.ForAll(cases.ToArbitrary(), property).Check(Config.QuickThrowOnFailure.WithMaxTest(150));
}
