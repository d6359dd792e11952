using FunctionsApp.Core.Tasks;
using FunctionsApp.Embedded.Storage;

namespace FunctionsApp.Embedded.Tests.Storage;

/// <summary>What is queued at the same time is committed at once, in its order, and each change succeeds or fails by itself.</summary>
public sealed class DatabaseWriterTests : StorageTests
{
    [Fact]
    public async Task Changes_queued_during_a_commit_share_the_next_transaction()
    {
        using var blocked = new Blocked(this);
        var changes = Enumerable.Range(2, 50).Select(sequence => InsertAsync(NewRecord(sequence))).ToArray();
        blocked.Release();
        await Task.WhenAll(changes);

        Assert.Equal(2, blocked.Transactions);
        Assert.Equal(51, Number("SELECT count(*) FROM tasks"));
    }

    [Fact]
    public async Task Large_payloads_do_not_make_one_endless_transaction()
    {
        using var blocked = new Blocked(this);
        var input = new byte[9 * 1024 * 1024];
        input.AsSpan().Fill((byte)'1');
        var changes = Enumerable.Range(2, 4).Select(sequence => blocked.Writer.WriteAsync(new TaskInsertion(NewRecord(sequence), input))).ToArray();
        Assert.InRange(blocked.Writer.UsedBytes, 4L * input.Length, long.MaxValue);
        blocked.Release();
        await Task.WhenAll(changes).WaitAsync(Limit);

        Assert.Equal(5, blocked.Transactions);
        Assert.InRange(blocked.Writer.UsedBytes, 4L * input.Length, 5L * input.Length);
    }

    [Fact]
    public async Task A_change_is_done_when_others_can_read_it_and_not_before()
    {
        using var blocked = new Blocked(this);
        var change = InsertAsync(NewRecord(2));
        Assert.Null(Database.Read(static queries => queries.Find(2)));
        Assert.False(change.IsCompleted);
        blocked.Release();
        await change;

        Assert.NotNull(Database.Read(static queries => queries.Find(2)));
    }

    [Fact]
    public async Task Changes_are_committed_in_their_order()
    {
        var order = new List<int>();
        await Task.WhenAll(Enumerable.Range(0, 200).Select(number => Writer.WriteAsync(new TestChange(_ => order.Add(number)) { Lingers = number % 2 == 0 })));

        Assert.Equal(Enumerable.Range(0, 200), order);
    }

    [Fact]
    public async Task A_change_that_is_written_after_a_later_one_changes_nothing()
    {
        await InsertAsync(NewRecord(1), "\"input\"");
        await UpdateAsync(Ended(NewRecord(1)) with { Version = 3 }, "\"outcome\"");
        await UpdateAsync(NewRecord(1) with { Version = 2, State = TaskState.Cancelling });
        await UpdateAsync(Ended(NewRecord(1), TaskState.Cancelled) with { Version = 2 });

        Assert.Equal((TaskState.Succeeded, "\"outcome\""), (Database.Read(static queries => queries.Find(1))!.State, Payload(1)));
    }

    [Fact]
    public async Task A_bug_is_not_a_storage_failure()
    {
        var bug = new InvalidOperationException("A bug.");

        Assert.Same(bug, await Assert.ThrowsAsync<InvalidOperationException>(() => Writer.WriteAsync(new TestChange(_ => throw bug)).WaitAsync(Limit)));

        Assert.True(Writer.CanWrite);
    }

    [Fact]
    public async Task A_change_that_can_wait_is_committed_without_another_one()
    {
        await Writer.WriteAsync(new TaskInsertion(NewRecord(1), Utf8("1")) { Lingers = true }).WaitAsync(Limit);

        Assert.NotNull(Database.Read(static queries => queries.Find(1)));
    }

    [Fact]
    public async Task A_failed_change_does_not_fail_the_others()
    {
        using var blocked = new Blocked(this);
        var first = InsertAsync(NewRecord(2));
        var twice = InsertAsync(NewRecord(2));
        var mistake = Writer.WriteAsync(new TestChange(static _ => throw new InvalidOperationException("A mistake.")));
        var last = InsertAsync(NewRecord(3));
        blocked.Release();

        await first;
        await Assert.ThrowsAsync<StorageException>(() => twice);
        await Assert.ThrowsAsync<InvalidOperationException>(() => mistake);
        await last;
        Assert.Equal(3, Number("SELECT count(*) FROM tasks"));
    }

    [Fact]
    public async Task Reads_do_not_wait_for_a_transaction_and_do_not_see_it()
    {
        await InsertAsync(NewRecord(1));
        using var blocked = new Blocked(this, sequence: 2);

        var read = Task.Run(() => Database.Read(static queries => (queries.Find(1), queries.Find(2))));
        var (one, two) = await read.WaitAsync(Limit);

        Assert.Equal((1, null), (one?.Sequence, two));
    }

    [Fact]
    public async Task Changes_without_space_fail_others_succeed_and_free_space_helps()
    {
        await InsertAsync(NewRecord(1));
        long pages = 0;
        await Writer.WriteAsync(new TestChange(writes => pages = LimitPages(writes, free: 4))).WaitAsync(Limit);

        var exception = await Assert.ThrowsAsync<StorageException>(() => InsertAsync(NewRecord(2), $"\"{new string('x', 100_000)}\""));
        Assert.Contains("full", exception.Message, StringComparison.Ordinal);
        await InsertAsync(NewRecord(3), "3");
        Assert.Equal((null, "3"), (Payload(2), Payload(3)));

        await Writer.WriteAsync(new TestChange(static writes => LimitPages(writes, free: 1_000))).WaitAsync(Limit);
        await InsertAsync(NewRecord(2), $"\"{new string('x', 100_000)}\"");
        Assert.Equal(100_002, Payload(2)!.Length);
        Assert.InRange(Number("PRAGMA page_count"), pages, long.MaxValue);
    }

    [Fact]
    public async Task Queued_changes_are_committed_at_shutdown_and_no_later_ones()
    {
        var writer = Writer;
        var changes = Enumerable.Range(1, 20).Select(sequence => writer.WriteAsync(new TaskInsertion(NewRecord(sequence), Utf8("1")) { Lingers = true })).ToArray();
        Close();

        await Task.WhenAll(changes);
        await Assert.ThrowsAsync<StorageException>(() => writer.WriteAsync(new TestChange(static _ => { })));
        Assert.Equal(20, Number("SELECT count(*) FROM tasks"));
    }

    private static long LimitPages(TaskWrites writes, int free)
    {
        var pages = (long)writes.Scalar("PRAGMA page_count")!;
        writes.Scalar(FormattableString.Invariant($"PRAGMA max_page_count = {pages + free}"));
        return pages;
    }

    /// <summary>Holds the writer within a transaction, and counts those that it commits.</summary>
    private sealed class Blocked : IDisposable
    {
        private readonly ManualResetEventSlim _release = new();
        private readonly Task _first;

        public Blocked(DatabaseWriterTests test, int sequence = 1)
        {
            using var entered = new ManualResetEventSlim();
            Writer = test.Writer;
            _first = Writer.WriteAsync(new TestChange(writes =>
            {
                SQLitePCL.raw.sqlite3_commit_hook(writes.Connection.Handle, Count, null);
                new TaskInsertion(NewRecord(sequence), Utf8("1")).Apply(writes);
                entered.Set();
                _release.Wait(Limit);
            }));
            Assert.True(entered.Wait(Limit));
        }

        public DatabaseWriter Writer { get; }

        public int Transactions { get; private set; }

        public void Release() => _release.Set();

        public void Dispose()
        {
            _release.Set();
            _first.Wait(Limit);
            _release.Dispose();
        }

        private int Count(object _)
        {
            Transactions++;
            return 0;
        }
    }
}
