using FunctionsApp.Core.Tasks.Embedded;

namespace FunctionsApp.Core.Tests.Tasks.Embedded;

public sealed class JournalTests : JournalTestBase
{
    private static readonly JournalOptions Impatient = new() { LockPatience = TimeSpan.Zero };

    [Fact]
    public void A_new_journal_is_empty()
    {
        using var journal = Open();

        Assert.Empty(Found);
        Assert.Equal((0, 0, null), (journal.Bytes, journal.LiveBytes, journal.SegmentToClean));
        Assert.Empty(Segments);
    }

    [Fact]
    public async Task What_was_appended_is_there_after_a_restart()
    {
        var records = new[]
        {
            ("{\"id\":1}", "a payload"),
            ("", ""),
            ("only a head", ""),
            ("", "only a payload"),
            ("lines\nin\nthe\nhead\n", "\n\n\n"),
            (new string('h', 100_000), new string('p', 3_000_000)),
            ("after", "a large one"),
        };
        var addresses = await WriteAsync(records);

        Assert.Equal(records, ReadAll());
        Assert.Equal(addresses, Found.Select(static record => record.Address));
        Assert.Equal(addresses.Sum(static address => address.Length), new FileInfo(Segments.Single()).Length);
        Assert.Empty(Log.Messages);
    }

    [Fact]
    public async Task What_was_appended_can_be_read_at_once()
    {
        using var journal = Open();

        var address = await AppendAsync(journal, "head", "payload");

        Assert.Equal("payload", Text(journal.ReadPayload(address)));
        Assert.Equal((address.Length, address.Length), (journal.Bytes, journal.LiveBytes));
    }

    [Fact]
    public async Task Appending_goes_on_where_it_ended()
    {
        await WriteAsync([("1", "one")]);
        await WriteAsync([("2", "two")]);

        Assert.Equal([("1", "one"), ("2", "two")], ReadAll());
        Assert.Single(Segments);
    }

    [Fact]
    public async Task Records_are_in_the_order_of_the_calls()
    {
        using (var journal = Open(new JournalOptions { SegmentBytes = 1_000 }))
        {
            await Task.WhenAll(Enumerable.Range(0, 500).Select(i => AppendAsync(journal, $"{i}", new string('x', i))));
        }

        using (Open())
        {
            Assert.Equal(Enumerable.Range(0, 500).Select(static i => $"{i}"), Found.Select(static record => Text(record.Head)));
        }
    }

    [Fact]
    public async Task Records_of_many_threads_are_all_there()
    {
        const int Threads = 16;
        const int Each = 200;
        using (var journal = Open(new JournalOptions { SegmentBytes = 10_000 }))
        {
            await Task.WhenAll(Enumerable.Range(0, Threads).Select(thread => Task.Factory.StartNew(
                async () =>
                {
                    for (var i = 0; i < Each; i++)
                    {
                        var address = await AppendAsync(journal, $"{thread}", $"{i}");
                        Assert.Equal($"{i}", Text(journal.ReadPayload(address)));
                    }
                },
                TaskCreationOptions.LongRunning).Unwrap()));
        }

        var records = ReadAll();
        Assert.Equal(Threads * Each, records.Count);
        Assert.All(records.GroupBy(static record => record.Head), static thread =>
            Assert.Equal(Enumerable.Range(0, Each).Select(static i => $"{i}"), thread.Select(static record => record.Payload)));
    }

    [Fact]
    public async Task An_append_ends_when_it_is_flushed()
    {
        var disk = new JournalDisk();
        using var journal = Open(disk.Options);
        disk.Flushing.Reset();

        var append = AppendAsync(journal, "head", "payload");
        Assert.True(await disk.FlushBegun.WaitAsync(Limit));

        Assert.Equal(0, disk.Flushes);
        Assert.False(append.IsCompleted);
        Assert.Equal(0, journal.Bytes);
        disk.Flushing.Set();
        await append;
        Assert.Equal(1, disk.Flushes);
    }

    [Fact]
    public async Task What_is_appended_during_a_flush_shares_the_next_one()
    {
        var disk = new JournalDisk();
        using var journal = Open(disk.Options);
        disk.Flushing.Reset();
        var first = AppendAsync(journal, "first", "");
        Assert.True(await disk.FlushBegun.WaitAsync(Limit));

        var others = Enumerable.Range(0, 1_000).Select(i => AppendAsync(journal, $"{i}", "")).ToList();
        disk.Flushing.Set();
        await first;
        await Task.WhenAll(others);

        Assert.Equal(2, disk.Flushes);
    }

    [Fact]
    public async Task More_than_a_batch_holds_is_written_in_several()
    {
        var payloads = Enumerable.Range(0, 300).Select(static i => new string((char)('a' + i % 26), 16_384 + i % 3 - 1)).ToList();
        var disk = new JournalDisk();
        using (var journal = Open(disk.Options))
        {
            disk.Flushing.Reset();
            var first = AppendAsync(journal, "", "");
            Assert.True(await disk.FlushBegun.WaitAsync(Limit));
            var others = payloads.Select((payload, i) => AppendAsync(journal, $"{i}", payload)).ToList();
            disk.Flushing.Set();
            await Task.WhenAll(others.Append(first));
        }

        Assert.InRange(disk.Flushes, 3, 10);
        Assert.Equal(payloads, ReadAll().Skip(1).Select(static record => record.Payload));
    }

    [Fact]
    public async Task Closing_writes_what_is_pending()
    {
        var disk = new JournalDisk();
        var journal = Open(disk.Options);
        disk.Flushing.Reset();
        var appends = Enumerable.Range(0, 10).Select(i => AppendAsync(journal, $"{i}", "")).ToList();
        var closing = Task.Factory.StartNew(journal.Dispose, TaskCreationOptions.LongRunning);
        disk.Flushing.Set();
        await closing.WaitAsync(Limit);

        await Task.WhenAll(appends);
        Assert.Equal(10, ReadAll().Count);
    }

    [Fact]
    public async Task A_closed_journal_takes_and_gives_nothing()
    {
        var journal = Open();
        var address = await AppendAsync(journal, "head", "payload");
        journal.Dispose();
        journal.Dispose();

        await Assert.ThrowsAsync<ObjectDisposedException>(() => AppendAsync(journal, "head", "payload"));
        Assert.Throws<JournalException>(() => journal.ReadPayload(address));
        Assert.Throws<InvalidOperationException>(() => journal.Remove(address.Segment));
        Assert.Null(journal.SegmentToClean);
    }

    [Fact]
    public async Task More_than_an_array_holds_is_refused()
    {
        using var journal = Open();

        // There need not be so much: its length is enough.
        using var huge = new Unreadable(int.MaxValue);
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => journal.AppendAsync(huge.Memory, huge.Memory));
    }

    [Fact]
    public async Task What_cannot_be_read_from_memory_fails_and_the_next_is_written()
    {
        using (var journal = Open())
        {
            using var gone = new Unreadable(10);
            await Assert.ThrowsAsync<JournalException>(() => journal.AppendAsync(gone.Memory, default).WaitAsync(Limit));
            await AppendAsync(journal, "next", "");
        }

        Assert.Equal([("next", "")], ReadAll());
    }

    [Fact]
    public async Task A_full_segment_is_followed_by_another()
    {
        var options = new JournalOptions { SegmentBytes = 60 };
        var addresses = await WriteAsync(Enumerable.Range(0, 6).Select(static i => ($"{i}", new string('x', 10))), options);

        Assert.Equal([1, 1, 2, 2, 3, 3], addresses.Select(static address => address.Segment));
        Assert.Equal(["0000000001.log", "0000000002.log", "0000000003.log"], Segments.Select(Path.GetFileName));
        Assert.Equal(4, (await WriteAsync([("6", "")], options)).Single().Segment);
    }

    [Fact]
    public async Task A_segment_that_is_not_full_is_appended_to_after_a_restart()
    {
        var options = new JournalOptions { SegmentBytes = 60 };
        var addresses = new[] { await WriteAsync([("0", "")], options), await WriteAsync([("1", new string('x', 500))], options) };

        Assert.Equal([1, 1], addresses.Select(static address => address.Single().Segment));
        Assert.Equal(["0", "1"], ReadAll().Select(static record => record.Head));
    }

    [Fact]
    public async Task A_payload_that_is_damaged_later_is_not_given()
    {
        using var journal = Open();
        var address = await AppendAsync(journal, "head", "payload");
        await AppendAsync(journal, "next", "sound");
        for (var offset = address.Offset; offset < address.Offset + address.Length; offset++)
        {
            Flip(offset);
            var exception = Assert.Throws<JournalException>(() => journal.ReadPayload(address));
            Assert.Contains(Segments.Single(), exception.Message, StringComparison.Ordinal);
            Flip(offset);
        }

        Assert.Equal("payload", Text(journal.ReadPayload(address)));
    }

    [Fact]
    public async Task A_payload_is_only_given_at_its_address()
    {
        using var journal = Open();
        var address = await AppendAsync(journal, "head", "payload");
        var next = await AppendAsync(journal, "head", "payload");

        Assert.All(
            [
                address with { HeadLength = 5, PayloadLength = 6 },
                address with { PayloadLength = 6 },
                address with { Offset = 1 },
                next with { Offset = next.Offset + next.Length },
                address with { Segment = 2 },
            ],
            elsewhere => Assert.Throws<JournalException>(() => journal.ReadPayload(elsewhere)));
    }

    [Fact]
    public async Task A_disk_that_does_not_read_is_told_of()
    {
        var disk = new JournalDisk();
        using var journal = Open(disk.Options);
        var address = await AppendAsync(journal, "head", "payload");
        disk.Faults = Faults.Read;

        var exception = Assert.Throws<JournalException>(() => journal.ReadPayload(address));

        Assert.Contains("No Read on this device", exception.Message, StringComparison.Ordinal);
        Assert.IsType<IOException>(exception.InnerException);
    }

    [Fact]
    public void A_directory_has_one_journal()
    {
        var first = Open();

        var exception = Assert.Throws<DirectoryInUseException>(() => Open(Impatient));

        Assert.Contains(Folder, exception.Message, StringComparison.Ordinal);
        Assert.Contains("Tasks:Directory", exception.Message, StringComparison.Ordinal);
        first.Dispose();
        Open(Impatient).Dispose();
    }

    [Fact]
    public void A_successor_waits_for_its_predecessor_to_end()
    {
        var first = Open();
        Exception? failure = null;
        var successor = new Thread(() => failure = Record.Exception(() => Open(new JournalOptions { LockPatience = Limit }).Dispose()));
        successor.Start();
        Assert.True(SpinWait.SpinUntil(() => successor.ThreadState.HasFlag(ThreadState.WaitSleepJoin), Limit));

        first.Dispose();

        Assert.True(successor.Join(Limit));
        Assert.Null(failure);
    }

    [Fact]
    public async Task Only_the_owner_may_read_what_is_written()
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        await WriteAsync([("head", "payload"), ("damaged", "")]);
        Flip(0);
        ReadAll();

        const UnixFileMode Files = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        const UnixFileMode Directories = Files | UnixFileMode.UserExecute;
        Assert.Equal(Directories, File.GetUnixFileMode(Folder));
        Assert.Equal(Directories, File.GetUnixFileMode(DamagedFolder));
        var files = Directory.GetFiles(Folder, "*", SearchOption.AllDirectories);
        Assert.Equal(3, files.Length);
        foreach (var file in files)
        {
            Assert.Equal(Files, File.GetUnixFileMode(file));
        }
    }

    [Fact]
    public void The_mode_of_a_directory_that_is_there_stays()
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        const UnixFileMode Wide = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.GroupRead;
        Directory.CreateDirectory(Folder);
        File.SetUnixFileMode(Folder, Wide);

        Open().Dispose();

        Assert.Equal(Wide, File.GetUnixFileMode(Folder));
    }

    [Fact]
    public void A_directory_that_cannot_be_made_is_told_of()
    {
        File.WriteAllText(Folder, "a file");
        try
        {
            var exception = Assert.Throws<JournalException>(() => Open());
            Assert.Contains(Folder, exception.Message, StringComparison.Ordinal);
        }
        finally
        {
            File.Delete(Folder);
        }
    }

    [Fact]
    public async Task Parents_are_made_as_needed()
    {
        using (var journal = Journal.Open(Path.Combine(Folder, "some", "where"), new JournalOptions(), Found.Add, Log))
        {
            await AppendAsync(journal, "head", "payload");
        }

        Assert.True(File.Exists(Path.Combine(Folder, "some", "where", "0000000001.log")));
    }

    [Fact]
    public async Task Other_files_are_left_alone()
    {
        await WriteAsync([("head", "payload")]);
        string[] names = ["notes.txt", "2.log", "0000000000.log", "0000000002.log.bak", "-000000002.log", "00000000002.log", "000000000x.log"];
        foreach (var name in names)
        {
            await File.WriteAllTextAsync(Path.Combine(Folder, name), name);
        }

        Directory.CreateDirectory(Path.Combine(Folder, "0000000007.log"));
        await WriteAsync([("more", "")], new JournalOptions { SegmentBytes = 1 });

        Assert.Equal([("head", "payload"), ("more", "")], ReadAll());
        Assert.All(names, name => Assert.Equal(name, File.ReadAllText(Path.Combine(Folder, name))));
        Assert.Empty(Log.Messages);
    }

    private void Flip(long offset)
    {
        using var file = new FileStream(Segments[0], FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete);
        file.Position = offset;
        var value = file.ReadByte();
        file.Position = offset;
        file.WriteByte((byte)(value ^ 1));
    }

    /// <summary>Memory that has a length, and nothing to read.</summary>
    private sealed class Unreadable(int length) : System.Buffers.MemoryManager<byte>
    {
        public override Memory<byte> Memory => CreateMemory(length);

        public override Span<byte> GetSpan() => throw new ObjectDisposedException(nameof(Unreadable));

        public override System.Buffers.MemoryHandle Pin(int elementIndex = 0) => throw new ObjectDisposedException(nameof(Unreadable));

        public override void Unpin()
        {
        }

        protected override void Dispose(bool disposing)
        {
        }
    }
}
