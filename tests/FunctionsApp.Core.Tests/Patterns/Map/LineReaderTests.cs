using System.Globalization;
using System.IO.Pipelines;
using System.Text;
using FsCheck;
using FsCheck.Fluent;
using FunctionsApp.Core.Limits;
using FunctionsApp.Core.Patterns.Map;
using FunctionsApp.Core.Problems;
using FunctionsApp.Core.Tests.Limits;
using Microsoft.Extensions.Options;

namespace FunctionsApp.Core.Tests.Patterns.Map;

/// <summary>How a body is cut into lines, however it arrives.</summary>
public sealed class LineReaderTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    /// <summary>Bodies of few characters, so that lines end, are blank and are too long often.</summary>
    private static readonly Gen<Sent> Bodies =
        from mark in Gen.Frequency((4, Gen.Constant("")), (1, Gen.Constant("\uFEFF")))
        from parts in Gen.Frequency(
            (6, Gen.Elements("1", "ab", "é", "\U0001F600", "\uFEFF")), (3, Gen.Constant("\n")), (1, Gen.Elements("\r\n", " ", "\t", "\r", "\n\n", "0123456789"))).ListOf()
        from cuts in Gen.Choose(1, 12).ListOf()
        from maxLineBytes in Gen.Choose(1, 24)
        select new Sent(mark + string.Concat(parts), [.. cuts], maxLineBytes);

    [Fact]
    public void Items_are_the_lines_of_the_text_however_it_is_split() =>
        Prop.ForAll(Bodies.ToArbitrary(), static sent => Assert.Equal(
            Expected(sent.Text, sent.MaxLineBytes), ReadAsync(Cut(Encoding.UTF8.GetBytes(sent.Text), sent.Cuts), sent.MaxLineBytes).Result))
            .Check(Config.QuickThrowOnFailure.WithMaxTest(1_000));

    [Theory]
    [InlineData("", "")]
    [InlineData("\n\r\n \t\n\n", "")]
    [InlineData("\uFEFF", "")]
    [InlineData("\uFEFF\n", "")]
    [InlineData("1", "0@1:1")]
    [InlineData("1\n2\n", "0@1:1 1@2:2")]
    [InlineData("1\r\n2\r\n", "0@1:1 1@2:2")]
    [InlineData("\uFEFF1\n2", "0@1:1 1@2:2")]
    [InlineData("\n\n1\n \n2\n\n", "0@3:1 1@5:2")]
    [InlineData("1\n\uFEFF2", "0@1:1 1@2:\uFEFF2")]
    [InlineData("12345678\n1", "0@1:12345678 1@2:1")]
    [InlineData("1\n12345678", "0@1:1 1@2:12345678")]
    [InlineData("123456789\n1", "0@1:! 1@2:1")]
    [InlineData("1\n123456789", "0@1:1 1@2:!")]
    [InlineData("1\n\n12345678901234567890\n\n2\n123456789\n3\n", "0@1:1 1@3:! 2@5:2 3@6:! 4@7:3")]
    [InlineData("1234567\r\n1", "0@1:1234567 1@2:1")]
    [InlineData("12345678\r\n1", "0@1:12345678 1@2:1")]
    [InlineData("123456789\r\n1", "0@1:! 1@2:1")]
    [InlineData("1\n12345678\r\n", "0@1:1 1@2:12345678")]
    [InlineData("1\n123456789\r\n", "0@1:1 1@2:!")]
    [InlineData("12345678\r", "0@1:!")]
    [InlineData("1234567\r", "0@1:1234567")]
    [InlineData("1234567\r\r\n", "0@1:1234567")]
    [InlineData("12345678\r\r\n", "0@1:!")]
    [InlineData("\uFEFF12345678", "0@1:12345678")]
    [InlineData("\uFEFF123456789", "0@1:!")]
    [InlineData("\uFEFF12345678\r\n1", "0@1:12345678 1@2:1")]
    [InlineData("\uFEFF123456789\r\n1", "0@1:! 1@2:1")]
    [InlineData("1\n\uFEFF12345", "0@1:1 1@2:\uFEFF12345")]
    [InlineData("1\n\uFEFF123456", "0@1:1 1@2:!")]
    public async Task Lines_are_numbered_and_blank_ones_are_not_items(string text, string expected)
    {
        // Items as index@line:text, with an exclamation mark for one that is longer than eight bytes.
        var utf8 = Encoding.UTF8.GetBytes(text);
        Assert.Equal(expected.Length == 0 ? [] : expected.Split(' '), await ReadAsync([utf8], maxLineBytes: 8));
        Assert.Equal(expected.Length == 0 ? [] : expected.Split(' '), await ReadAsync(Cut(utf8, [1]), maxLineBytes: 8));
    }

    [Fact]
    public async Task The_problem_of_a_line_that_is_too_long_has_its_number_and_the_limit()
    {
        Problem? told = null;
        await ReadAsync([Encoding.UTF8.GetBytes("1\n123456789\n")], 8, buffer => told = buffer is { Count: 1, End: 2 }
            ? buffer.Locate(index: 1, start: 0).Of(Assert.Throws<ProblemException>(() => buffer.Check("1"u8)).Problem)
            : told);

        Assert.Equal(
            ("/problems/too-large", "Line 2 is longer than 8 bytes (Limits:MaxRequestBytes).", (long?)2), (told!.Type, told.Detail, told.Line));
    }

    /// <summary>Lines around the size of a buffer, so that a buffer ends just before, at and just after the end of a line.</summary>
    [Theory]
    [InlineData(65_533)]
    [InlineData(65_534)]
    [InlineData(65_535)]
    [InlineData(65_536)]
    [InlineData(65_537)]
    [InlineData(200_000)]
    public async Task Lines_longer_than_a_buffer_are_whole(int length)
    {
        var text = $"1\n{new string('a', length)}\n2\n{new string('b', length)}";

        foreach (var part in (int[])[4_096, 65_536, 1_000_000])
        {
            Assert.Equal(Expected(text, 1_000_000), await ReadAsync(Cut(Encoding.UTF8.GetBytes(text), [part]), 1_000_000));
        }
    }

    [Fact]
    public async Task Many_lines_come_in_buffers_of_bounded_size()
    {
        var text = string.Concat(Enumerable.Range(0, 100_000).Select(static i => $"{i}\n"));
        var (buffers, largest) = (0, 0);

        Assert.Equal(Expected(text, 1_000_000), await ReadAsync([Encoding.UTF8.GetBytes(text)], 1_000_000, buffer =>
        {
            buffers++;
            largest = Math.Max(largest, buffer.Count);
        }));

        // 588,890 bytes in buffers of at most 64 KiB; a line takes two bytes at least.
        Assert.InRange(buffers, 9, 20);
        Assert.InRange(largest, 1, 32 * 1024);
    }

    [Fact]
    public async Task Buffers_of_blank_lines_are_not_passed_on() =>
        Assert.Equal(["0@300001:1"], await ReadAsync([Encoding.UTF8.GetBytes(new string('\n', 300_000) + "1")], 1_000, static buffer => Assert.NotEqual(0, buffer.Count)));

    [Fact]
    public async Task Lines_are_not_read_before_they_are_requested()
    {
        var pipe = CreatePipe();
        var wanted = new TaskCompletionSource();
        var reading = new LineReader(pipe.Reader, 1_000, Unlimited.Memory, new ManualTimeProvider()).ReadAsync(async (_, _) => await wanted.Task, CancellationToken.None);

        var flush = pipe.Writer.WriteAsync("1\n"u8.ToArray()).AsTask();
        Assert.False(flush.IsCompleted);
        wanted.SetResult();
        await flush.WaitAsync(Patience);
        await pipe.Writer.CompleteAsync();
        await reading.WaitAsync(Patience);
    }

    /// <summary>A server reads on by itself when its application has left a body: nothing may be half read.</summary>
    [Fact]
    public async Task After_a_stop_the_rest_can_be_read()
    {
        var pipe = CreatePipe();
        using var stop = new CancellationTokenSource();
        var reading = new LineReader(pipe.Reader, 1_000, Unlimited.Memory, new ManualTimeProvider()).ReadAsync(
            static async (_, token) => await Task.Delay(Timeout.Infinite, token), stop.Token);
        _ = pipe.Writer.WriteAsync("1\n2\n"u8.ToArray()).AsTask();
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => reading.WaitAsync(Patience));
        await pipe.Writer.CompleteAsync();

        Assert.Null(Record.Exception(() => pipe.Reader.TryRead(out _)));
    }

    [Fact]
    public async Task An_error_of_the_body_is_raised()
    {
        var pipe = CreatePipe();
        var reading = ReadAsync(pipe, 1_000, static _ => { });
        await pipe.Writer.CompleteAsync(new InvalidDataException("broken"));

        Assert.Equal("broken", (await Assert.ThrowsAsync<InvalidDataException>(() => reading)).Message);
    }

    [Fact]
    public async Task A_long_line_is_charged_as_it_grows_until_it_ends()
    {
        var budget = Budget();
        using var memory = budget.Open();
        var pipe = CreateEagerPipe();
        var reading = ReadAsync(pipe, memory, new ManualTimeProvider());

        await pipe.Writer.WriteAsync(Encoding.UTF8.GetBytes("1\n" + new string('a', 100_000)));
        Assert.Equal((128 * 1024) - RequestMemory.FreeBytes, budget.Taken);
        await pipe.Writer.WriteAsync(Encoding.UTF8.GetBytes(new string('a', 50_000)));
        Assert.Equal((256 * 1024) - RequestMemory.FreeBytes, budget.Taken);
        await pipe.Writer.WriteAsync("\n2"u8.ToArray());
        Assert.Equal(0, budget.Taken);
        await pipe.Writer.CompleteAsync();

        await reading.WaitAsync(Patience);
    }

    [Fact]
    public async Task Short_lines_are_not_charged()
    {
        var budget = Budget();
        using var memory = budget.Open();
        var pipe = CreateEagerPipe();
        var reading = ReadAsync(pipe, memory, new ManualTimeProvider());

        await pipe.Writer.WriteAsync(Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat("1\n", 500_000)) + new string('a', 60_000)));

        Assert.Equal(0, budget.Taken);
        await pipe.Writer.CompleteAsync();
        await reading.WaitAsync(Patience);
    }

    [Fact]
    public async Task A_line_without_room_waits_and_is_then_refused()
    {
        var time = new ManualTimeProvider();
        var budget = Budget(time);
        using var other = budget.Open();
        using var memory = budget.Open();
        await other.HoldAsync(budget.Limit + RequestMemory.FreeBytes, default);
        var pipe = CreateEagerPipe();
        var reading = ReadAsync(pipe, memory, time);
        await pipe.Writer.WriteAsync(Encoding.UTF8.GetBytes(new string('a', 100_000)));
        Assert.False(reading.IsCompleted);

        time.Advance(MemoryBudget.MaxWait);

        var problem = (await Assert.ThrowsAsync<ProblemException>(() => reading.WaitAsync(Patience))).Problem;
        Assert.Equal("/problems/saturated", problem.Type);
    }

    [Fact]
    public async Task A_long_line_must_not_stall()
    {
        var time = new ManualTimeProvider();
        var pipe = CreateEagerPipe();
        var reading = ReadAsync(pipe, Unlimited.Memory, time);
        await pipe.Writer.WriteAsync(Encoding.UTF8.GetBytes(new string('a', 100_000)));

        time.Advance(TimeSpan.FromSeconds(5));

        var problem = (await Assert.ThrowsAsync<ProblemException>(() => reading.WaitAsync(Patience))).Problem;
        Assert.Equal("/problems/request-timeout", problem.Type);
        Assert.Null(Record.Exception(() => pipe.Reader.TryRead(out _)));
    }

    [Fact]
    public async Task Between_lines_and_within_short_ones_a_sender_may_pause()
    {
        var time = new ManualTimeProvider();
        var pipe = CreateEagerPipe();
        var reading = ReadAsync(pipe, Unlimited.Memory, time);
        foreach (var part in (string[])["1\n", new string('a', 60_000), "\n", new string('b', 100_000) + "\n", "2"])
        {
            await pipe.Writer.WriteAsync(Encoding.UTF8.GetBytes(part));
            time.Advance(TimeSpan.FromHours(1));
            Assert.False(reading.IsCompleted);
        }

        await pipe.Writer.CompleteAsync();
        Assert.Equal(4, await reading.WaitAsync(Patience));
    }

    private static MemoryBudget Budget(TimeProvider? time = null) =>
        new(Options.Create(new LimitsOptions { MaxBytesInFlight = 1_000_000 }), time ?? TimeProvider.System);

    /// <summary>Reads lines of up to a million bytes, and counts the items.</summary>
    private static async Task<long> ReadAsync(Pipe pipe, RequestMemory memory, TimeProvider time)
    {
        var items = 0L;
        await new LineReader(pipe.Reader, 1_000_000, memory, time).ReadAsync(
            (buffer, _) =>
            {
                items += buffer.Count;
                buffer.Release();
                return ValueTask.CompletedTask;
            },
            CancellationToken.None);
        return items;
    }

    /// <summary>A pipe whose reader has done all that it can when a write returns.</summary>
    private static Pipe CreateEagerPipe() => new(new PipeOptions(
        readerScheduler: PipeScheduler.Inline, writerScheduler: PipeScheduler.Inline, pauseWriterThreshold: 0, useSynchronizationContext: false));

    private static IEnumerable<string> Expected(string text, int maxLineBytes)
    {
        var (index, number) = (0, 0);
        var lines = text.Split('\n');
        foreach (var whole in lines)
        {
            number++;
            var line = number == 1 && whole.StartsWith('\uFEFF') ? whole[1..] : whole;
            var isLong = Encoding.UTF8.GetByteCount(number < lines.Length && line.EndsWith('\r') ? line[..^1] : line) > maxLineBytes;
            if (isLong || line.Trim(' ', '\t', '\r').Length > 0)
            {
                yield return string.Create(CultureInfo.InvariantCulture, $"{index++}@{number}:{(isLong ? "!" : line.Trim(' ', '\t', '\r'))}");
            }
        }
    }

    private static IEnumerable<byte[]> Cut(byte[] bytes, IReadOnlyList<int> sizes)
    {
        for (var (start, i) = (0, 0); start < bytes.Length; i++)
        {
            var size = Math.Min(sizes.Count == 0 ? bytes.Length : sizes[i % sizes.Count], bytes.Length - start);
            yield return bytes[start..(start + size)];
            start += size;
        }
    }

    /// <summary>Sends the parts one after the other, each when the one before has been looked at, and tells the items that they make.</summary>
    private static async Task<List<string>> ReadAsync(IEnumerable<byte[]> parts, int maxLineBytes, Action<ItemBuffer>? look = null)
    {
        var pipe = CreatePipe();
        var reading = ReadAsync(pipe, maxLineBytes, look);
        foreach (var part in parts)
        {
            await pipe.Writer.WriteAsync(part).AsTask().WaitAsync(Patience);
        }

        await pipe.Writer.CompleteAsync();
        return await reading.WaitAsync(Patience);
    }

    private static async Task<List<string>> ReadAsync(Pipe pipe, int maxLineBytes, Action<ItemBuffer>? look)
    {
        var items = new List<string>();
        await new LineReader(pipe.Reader, maxLineBytes, Unlimited.Memory, new ManualTimeProvider()).ReadAsync(
            (buffer, _) =>
            {
                look?.Invoke(buffer);
                for (var index = buffer.End - buffer.Count; index < buffer.End; index++)
                {
                    items.Add(Tell(buffer, index));
                }

                buffer.Release();
                return ValueTask.CompletedTask;
            },
            CancellationToken.None);
        return items;
    }

    private static string Tell(ItemBuffer buffer, long index)
    {
        var at = buffer.Find(index);
        var bounds = buffer.Next(buffer.Text.Span, ref at);
        var item = buffer.Text.Span[bounds];
        var text = "!";
        try
        {
            buffer.Check(item);
            text = Encoding.UTF8.GetString(item);
        }
        catch (ProblemException)
        {
            // The line is too long.
        }

        var line = buffer.Locate(index, bounds.Start.Value).Line;
        return string.Create(CultureInfo.InvariantCulture, $"{index}@{line}:{text}");
    }

    /// <summary>A pipe whose writer waits until all that it wrote has been looked at.</summary>
    private static Pipe CreatePipe() => new(new PipeOptions(
        readerScheduler: PipeScheduler.Inline, writerScheduler: PipeScheduler.Inline, pauseWriterThreshold: 1, resumeWriterThreshold: 1, useSynchronizationContext: false));

    private sealed record Sent(string Text, IReadOnlyList<int> Cuts, int MaxLineBytes);
}
