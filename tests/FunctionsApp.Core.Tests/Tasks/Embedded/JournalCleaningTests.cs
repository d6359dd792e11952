using FsCheck;
using FsCheck.Fluent;
using FunctionsApp.Core.Tasks.Embedded;

namespace FunctionsApp.Core.Tests.Tasks.Embedded;

/// <summary>How garbage is counted and got rid of.</summary>
public sealed class JournalCleaningTests : JournalTestBase
{
    private static readonly JournalOptions Small = new() { SegmentBytes = 200, SlackBytes = 0 };

    [Fact]
    public async Task Cleaning_leaves_what_is_live()
    {
        List<string> live = [.. Enumerable.Range(0, 100).Where(static i => i % 10 == 0).Select(static i => $"{i}")];
        using (var journal = Open(Small))
        {
            var addresses = new Dictionary<string, JournalAddress>();
            for (var i = 0; i < 100; i++)
            {
                addresses[$"{i}"] = await AppendAsync(journal, $"{i}", $"payload of {i}");
            }

            foreach (var (name, address) in addresses.Where(item => !live.Contains(item.Key)).ToList())
            {
                journal.Release(address);
                addresses.Remove(name);
            }

            Assert.Equal(addresses.Values.Sum(static address => address.Length), journal.LiveBytes);
            Assert.InRange(await CleanAsync(journal, addresses), 1, Segments.Length + 100);
            Assert.InRange(journal.Bytes, journal.LiveBytes, 2 * journal.LiveBytes + Small.SegmentBytes + 100);
            Assert.Equal(journal.Bytes, Segments.Sum(static path => new FileInfo(path).Length));
            Assert.All(addresses, item => Assert.Equal($"payload of {item.Key}", Text(journal.ReadPayload(item.Value))));
        }

        var found = ReadAll();
        Assert.Equal(live, found.Select(static record => record.Head).Intersect(live).OrderBy(int.Parse));
        Assert.All(found, static record => Assert.Equal($"payload of {record.Head}", record.Payload));
    }

    [Fact]
    public async Task When_all_is_live_there_is_nothing_to_clean()
    {
        using var journal = Open(Small);
        for (var i = 0; i < 50; i++)
        {
            await AppendAsync(journal, $"{i}", "");
            Assert.Null(journal.SegmentToClean);
        }

        Assert.Equal(journal.Bytes, journal.LiveBytes);
    }

    [Fact]
    public async Task A_segment_is_cleaned_when_there_is_more_garbage_than_is_live_and_the_slack()
    {
        using var journal = Open(new JournalOptions { SegmentBytes = 1, SlackBytes = 100 });
        var addresses = new List<JournalAddress>();
        for (var i = 0; i < 10; i++)
        {
            addresses.Add(await AppendAsync(journal, "head", new string('x', 22)));
        }

        // Of 50 bytes each. The first one is live, and so is the last.
        Assert.All(addresses, static address => Assert.Equal(50, address.Length));
        var released = addresses.Skip(1).TakeWhile(address =>
        {
            journal.Release(address);
            return journal.SegmentToClean is null;
        }).Count();

        // 350 of garbage are more than 150 and 100; 300 were not more than 200 and 100.
        Assert.Equal(6, released);
        Assert.Equal(1, journal.SegmentToClean);
    }

    [Fact]
    public async Task A_segment_of_garbage_alone_is_cleaned_whatever_the_slack_is()
    {
        using var journal = Open(new JournalOptions { SegmentBytes = 1 });
        var first = await AppendAsync(journal, "1", "");
        Assert.Null(journal.SegmentToClean);
        journal.Release(first);
        Assert.Null(journal.SegmentToClean);
        await AppendAsync(journal, "2", "");

        Assert.Equal(1, journal.SegmentToClean);
        journal.Remove(1);
        Assert.Null(journal.SegmentToClean);
    }

    [Fact]
    public async Task Garbage_in_the_newest_segment_moves_nothing()
    {
        using var journal = Open(Small);
        await AppendAsync(journal, "live", new string('x', 200));
        var address = await AppendAsync(journal, "garbage", new string('x', 1_000));
        journal.Release(address);

        Assert.Null(journal.SegmentToClean);
        await AppendAsync(journal, "next", "");
        Assert.Equal(1, journal.SegmentToClean);
    }

    [Fact]
    public async Task Only_the_oldest_segment_can_be_removed_and_never_the_only_one()
    {
        var options = new JournalOptions { SegmentBytes = 1 };
        using (var journal = Open(options))
        {
            Assert.Throws<InvalidOperationException>(() => journal.Remove(1));
            for (var i = 1; i <= 3; i++)
            {
                await AppendAsync(journal, $"{i}", "");
            }

            Assert.Throws<InvalidOperationException>(() => journal.Remove(2));
            Assert.Equal(3, Segments.Length);
            journal.Remove(1);
            Assert.Throws<InvalidOperationException>(() => journal.Remove(1));
            journal.Remove(2);
            Assert.Throws<InvalidOperationException>(() => journal.Remove(3));
            Assert.Equal("0000000003.log", Path.GetFileName(Segments.Single()));
        }

        Assert.Equal(4, (await WriteAsync([("4", "")], options)).Single().Segment);
        Assert.Equal(["3", "4"], ReadAll().Select(static record => record.Head));
    }

    [Fact]
    public async Task What_was_removed_cannot_be_read_and_does_not_count()
    {
        using var journal = Open(new JournalOptions { SegmentBytes = 1 });
        var first = await AppendAsync(journal, "1", "one");
        var second = await AppendAsync(journal, "2", "two");

        journal.Remove(1);
        journal.Release(first);

        Assert.Throws<JournalException>(() => journal.ReadPayload(first));
        Assert.Equal((second.Length, second.Length), (journal.Bytes, journal.LiveBytes));
    }

    [Fact]
    public async Task A_segment_that_cannot_be_deleted_stays_the_oldest()
    {
        using var journal = Open(new JournalOptions { SegmentBytes = 1 });
        var first = await AppendAsync(journal, "1", "one");
        await AppendAsync(journal, "2", "two");
        await AppendAsync(journal, "3", "three");

        // A directory of the same name cannot be deleted as a file.
        File.Move(Segments[0], Path.Combine(Folder, "moved"));
        Directory.CreateDirectory(Path.Combine(Folder, "0000000001.log"));

        Assert.Throws<JournalException>(() => journal.Remove(1));
        Assert.Throws<InvalidOperationException>(() => journal.Remove(2));
        Assert.Equal("one", Text(journal.ReadPayload(first)));
        Directory.Delete(Path.Combine(Folder, "0000000001.log"));
        journal.Remove(1);
        journal.Remove(2);
    }

    [Fact]
    public async Task Reading_during_a_removal_gives_the_payload_or_says_that_it_is_gone()
    {
        const int Count = 50;
        using var journal = Open(new JournalOptions { SegmentBytes = 1 });
        var addresses = new List<JournalAddress>();
        for (var i = 0; i <= Count; i++)
        {
            addresses.Add(await AppendAsync(journal, $"{i}", new string((char)('0' + i), 1_000)));
        }

        using var reading = new CountdownEvent(4);
        var readers = Enumerable.Range(0, 4).Select(_ => Task.Factory.StartNew(
            () =>
            {
                var isFirst = true;
                for (var i = 0; i < Count;)
                {
                    try
                    {
                        Assert.Equal(new string((char)('0' + i), 1_000), Text(journal.ReadPayload(addresses[i])));
                    }
                    catch (JournalException)
                    {
                        i++;
                    }

                    if (isFirst)
                    {
                        reading.Signal();
                        isFirst = false;
                    }
                }
            },
            TaskCreationOptions.LongRunning)).ToList();
        Assert.True(reading.Wait(Limit));
        for (var i = 0; i < Count; i++)
        {
            journal.Remove(addresses[i].Segment);
        }

        await Task.WhenAll(readers).WaitAsync(Limit);
        Assert.Equal(new string((char)('0' + Count), 1_000), Text(journal.ReadPayload(addresses[Count])));
    }

    [Fact]
    public async Task What_is_removed_when_its_reading_has_begun_is_gone()
    {
        var disk = new JournalDisk();
        using var journal = Open(disk.Options with { SegmentBytes = 1 });
        var first = await AppendAsync(journal, "1", "one");
        await AppendAsync(journal, "2", "two");
        disk.Reading = () => journal.Remove(1);

        var exception = Assert.Throws<JournalException>(() => journal.ReadPayload(first));

        Assert.Contains("Segment 1 of the journal is gone", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task After_a_restart_everything_that_is_found_is_live()
    {
        var addresses = await WriteAsync(Enumerable.Range(0, 20).Select(static i => ($"{i}", "")), Small);
        await File.AppendAllTextAsync(Segments[0], "garbage");

        using var journal = Open(Small);

        Assert.Equal(addresses.Sum(static address => address.Length), journal.LiveBytes);
        Assert.Equal(journal.LiveBytes + "garbage".Length, journal.Bytes);
    }

    /// <summary>Each step appends a record of so many bytes, and releases the one that many steps before, if there is one.</summary>
    [Fact]
    public void Cleaning_ends_and_keeps_the_journal_small_whatever_is_done()
    {
        var steps =
            from size in Gen.Choose(0, 300)
            from back in Gen.Choose(0, 30)
            select (Size: size, Back: back);
        Prop.ForAll(steps.ListOf(60).ToArbitrary(), steps => DoAsync([.. steps]).GetAwaiter().GetResult())
            .Check(Config.QuickThrowOnFailure.WithMaxTest(20));
    }

    private async Task DoAsync(IReadOnlyList<(int Size, int Back)> steps)
    {
        Clear();
        using var journal = Open(Small);
        var live = new Dictionary<string, JournalAddress>();
        foreach (var (i, (size, back)) in steps.Index())
        {
            live[$"{i}"] = await AppendAsync(journal, $"{i}", new string('x', size));
            if (live.Remove($"{i - back}", out var address))
            {
                journal.Release(address);
            }

            Assert.InRange(await CleanAsync(journal, live), 0, 2 * steps.Count);
            Assert.Equal(live.Values.Sum(static item => item.Length), journal.LiveBytes);
            Assert.Equal(Segments.Sum(static path => new FileInfo(path).Length), journal.Bytes);
            Assert.InRange(journal.Bytes, journal.LiveBytes, 2 * journal.LiveBytes + Small.SegmentBytes + 400);
        }
    }

    /// <summary>Does what the owner of a journal does.</summary>
    /// <returns>How many segments were cleaned.</returns>
    private static async Task<int> CleanAsync(Journal journal, Dictionary<string, JournalAddress> live)
    {
        var cleaned = 0;
        while (journal.SegmentToClean is { } segment)
        {
            Assert.InRange(++cleaned, 1, 1_000);
            foreach (var (name, address) in live.Where(item => item.Value.Segment == segment).ToList())
            {
                live[name] = await AppendAsync(journal, name, Text(journal.ReadPayload(address)));
                journal.Release(address);
            }

            journal.Remove(segment);
        }

        return cleaned;
    }
}
