using FunctionsApp.Core.Tasks.Embedded;

namespace FunctionsApp.Core.Tests.Tasks.Embedded;

/// <summary>What happens when the disk is full, or worse.</summary>
public sealed class JournalFailureTests : JournalTestBase
{
    private readonly JournalDisk _disk = new();

    public static TheoryData<Faults> AllFaults => new(Faults.Write, Faults.Flush, Faults.Write | Faults.Cut, Faults.Flush | Faults.Cut);

    [Theory]
    [MemberData(nameof(AllFaults))]
    public async Task What_fails_is_not_there_and_the_rest_is(Faults faults)
    {
        using (var journal = Open(_disk.Options))
        {
            var before = await AppendAsync(journal, "before", "sound");
            _disk.Faults = faults;
            var exception = await Assert.ThrowsAsync<JournalException>(() => AppendAsync(journal, "failed", "gone"));

            Assert.Contains(Folder, exception.Message, StringComparison.Ordinal);
            Assert.Contains("on this device", exception.Message, StringComparison.Ordinal);
            Assert.IsType<IOException>(exception.InnerException);
            Assert.Equal((before.Length, before.Length), (journal.Bytes, journal.LiveBytes));
            Assert.Equal("sound", Text(journal.ReadPayload(before)));

            _disk.Faults = Faults.None;
            var after = await AppendAsync(journal, "after", "sound too");
            Assert.Equal(before.Segment + 1, after.Segment);
            Assert.Equal("sound too", Text(journal.ReadPayload(after)));
            Assert.Equal(before.Length, new FileInfo(Segments[0]).Length);
        }

        Log.Clear();
        Assert.Equal([("before", "sound"), ("after", "sound too")], ReadAll());
        Assert.Empty(Log.Messages);
    }

    [Theory]
    [MemberData(nameof(AllFaults))]
    public async Task The_first_record_of_all_may_fail(Faults faults)
    {
        using (var journal = Open(_disk.Options))
        {
            _disk.Faults = faults;
            await Assert.ThrowsAsync<JournalException>(() => AppendAsync(journal, "failed", "gone"));
            Assert.Equal(0, journal.Bytes);
            Assert.Empty(Segments);

            _disk.Faults = Faults.None;
            await AppendAsync(journal, "after", "sound");
        }

        Assert.Equal([("after", "sound")], ReadAll());
    }

    [Theory]
    [MemberData(nameof(AllFaults))]
    public async Task A_thousand_attempts_leave_no_more_files_than_one(Faults faults)
    {
        using (var journal = Open(_disk.Options))
        {
            await AppendAsync(journal, "before", "");
            _disk.Faults = faults;
            for (var i = 0; i < 1_000; i++)
            {
                await Assert.ThrowsAsync<JournalException>(() => AppendAsync(journal, "failed", ""));
            }

            Assert.InRange(Segments.Length, 1, 2);
            _disk.Faults = Faults.None;
            await AppendAsync(journal, "after", "");
            Assert.Equal(2, Segments.Length);
        }

        Assert.Equal([("before", ""), ("after", "")], ReadAll());
    }

    [Fact]
    public async Task A_segment_that_cannot_be_begun_fails_what_should_go_there()
    {
        using (var journal = Open(_disk.Options with { SegmentBytes = 1 }))
        {
            await AppendAsync(journal, "before", "");
            _disk.Faults = Faults.Open;
            await Assert.ThrowsAsync<JournalException>(() => AppendAsync(journal, "failed", ""));
            _disk.Faults = Faults.None;
            await AppendAsync(journal, "after", "");
        }

        Assert.Equal([("before", ""), ("after", "")], ReadAll());
    }

    [Fact]
    public async Task All_of_a_batch_fail_and_the_next_batch_is_written()
    {
        using (var journal = Open(_disk.Options))
        {
            _disk.Flushing.Reset();
            var first = AppendAsync(journal, "first", "");
            Assert.True(await _disk.FlushBegun.WaitAsync(Limit));

            // The first batch is in its flush, which fails; what comes meanwhile is the second.
            var others = Enumerable.Range(0, 100).Select(i => AppendAsync(journal, $"{i}", "")).ToList();
            _disk.Faults = Faults.Flush;
            _disk.Flushing.Set();
            await Assert.ThrowsAsync<JournalException>(() => first);
            Assert.All(others, static other => Assert.Throws<JournalException>(() => other.GetAwaiter().GetResult()));
            _disk.Faults = Faults.None;
            await AppendAsync(journal, "after", "");
        }

        Assert.Equal([("after", "")], ReadAll());
    }

    [Fact]
    public async Task What_could_not_be_cut_off_is_cut_off_when_the_journal_is_closed()
    {
        using (var journal = Open(_disk.Options))
        {
            await AppendAsync(journal, "before", "");
            _disk.Faults = Faults.Flush | Faults.Cut;
            await Assert.ThrowsAsync<JournalException>(() => AppendAsync(journal, "failed", ""));
            Assert.Contains("cannot be cut back", Assert.Single(Log.Warnings).Message, StringComparison.Ordinal);
            _disk.Faults = Faults.None;
        }

        Assert.Equal([("before", "")], ReadAll());
    }

    [Fact]
    public async Task What_could_not_be_cut_off_is_no_matter_when_its_segment_is_removed()
    {
        using (var journal = Open(_disk.Options))
        {
            var before = await AppendAsync(journal, "before", "");
            _disk.Faults = Faults.Write | Faults.Cut;
            await Assert.ThrowsAsync<JournalException>(() => AppendAsync(journal, "failed", ""));
            _disk.Faults = Faults.Cut;
            await AppendAsync(journal, "after", "");
            journal.Release(before);
            journal.Remove(before.Segment);
            _disk.Faults = Faults.None;
            await AppendAsync(journal, "later", "");
        }

        Assert.Equal([("after", ""), ("later", "")], ReadAll());
    }

    [Fact]
    public async Task A_tail_that_cannot_be_cut_off_keeps_the_journal_closed()
    {
        await WriteAsync([("before", ""), ("torn", "")]);
        await using (var file = File.OpenWrite(Segments.Single()))
        {
            file.SetLength(file.Length - 1);
        }

        _disk.Faults = Faults.Cut;

        Assert.Throws<JournalException>(() => Open(_disk.Options));
        Assert.Equal([("before", "")], ReadAll());
    }
}
