using System.Globalization;
using System.Text;
using FunctionsApp.Core.Operations;
using FunctionsApp.Core.Tasks;
using FunctionsApp.Core.Webhooks;
using FunctionsApp.Embedded.Storage;

namespace FunctionsApp.Embedded.Tests.Storage;

/// <summary>What the database holds, what is read of it by index, and what it is when a process or a disk has failed.</summary>
public sealed class TaskDatabaseTests : StorageTests
{
    private static readonly Delivery LeastDelivery = new() { Url = new Uri("https://example.com/a%20b?c=d") };

    private static readonly TaskRecord Least = NewRecord(1) with { Definition = new TaskDefinition { Pattern = "gather", TtlSeconds = 0.5, Path = "/api/tasks" }, StartedAt = null };

    private static readonly TaskRecord Most = NewRecord(1) with
    {
        Definition = new TaskDefinition
        {
            Pattern = "await",
            Operation = "echo",
            TimeoutSeconds = 1.5,
            Retry = new RetryPolicy { MaxAttempts = 3, InitialDelaySeconds = 1, Backoff = 2, MaxDelaySeconds = 3 },
            TtlSeconds = 60,
            OnSuccess = new Uri("https://example.com/"),
            OnError = new Uri("https://example.com:8443/x"),
            Path = "/api/tasks",
            IdempotencyKey = "\"k\"",
            Fingerprint = "f",
            TraceParent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        },
        State = TaskState.Failed,
        FinishedAt = Now.AddTicks(1),
        Attempts = 2,
        NextAttemptAt = Now,
        Progress = new Progress(1, 2),
        Delivery = LeastDelivery with
        {
            State = DeliveryState.Failed,
            EarlierAttempts = 1,
            Attempts = [new(1, Now, 1.5, 500, "no", Now), new(2, Now, 0, 204), new(3, Now, 0, null, "gone")],
        },
    };

    public static TheoryData<TaskRecord> Records => new(
        Least,
        Most,
        Most with { Definition = Most.Definition with { Retry = new RetryPolicy { MaxAttempts = 1 } } },
        Least with { Delivery = LeastDelivery with { NextAttemptAt = Now } });

    [Theory]
    [MemberData(nameof(Records))]
    public async Task A_record_is_read_exactly_as_it_was_written(TaskRecord record)
    {
        await InsertAsync(record with { State = TaskState.Queued, Delivery = null });
        await UpdateAsync(record, "\"outcome\"");
        Close();

        var read = Database.Read(static queries => queries.Find(1))!;

        // Lists are compared by what they hold below.
        Assert.Equal(Without(record), Without(read));
        Assert.Equal(record.Delivery?.Attempts ?? [], read.Delivery?.Attempts ?? []);
        Assert.Equal(read.Id, Database.Read(queries => queries.Find(record.Id))!.Id);
        Assert.Equal("\"outcome\"", Payload(1));
    }

    [Fact]
    public async Task A_change_of_state_leaves_the_payload_and_an_end_without_outcome_drops_it()
    {
        await InsertAsync(NewRecord(1), "\"input\"");
        await UpdateAsync(NewRecord(1) with { State = TaskState.Cancelling });
        Assert.Equal("\"input\"", Payload(1));

        await UpdateAsync(Ended(NewRecord(1), TaskState.Cancelled));
        Assert.Null(Payload(1));
    }

    [Theory]
    [InlineData("SELECT * FROM tasks WHERE id = 'x'", "INDEX sqlite_autoindex_tasks_1 (id=?)")]
    [InlineData("SELECT * FROM tasks WHERE idempotency_key = 'x'", "INDEX tasks_by_key (idempotency_key=?)")]
    [InlineData("SELECT * FROM tasks WHERE state = 'failed' AND sequence < 5 ORDER BY sequence DESC LIMIT 5", "INDEX tasks_by_state (state=? AND rowid<?)")]
    [InlineData("SELECT * FROM tasks WHERE operation = 'echo' AND sequence < 5 ORDER BY sequence DESC LIMIT 5", "INDEX tasks_by_operation (operation=? AND rowid<?)")]
    [InlineData("SELECT * FROM tasks LEFT JOIN deliveries ON deliveries.task = tasks.sequence WHERE sequence > 5 AND (+tasks.state IN ('succeeded', 'failed', 'cancelled') OR finished_at IS NOT NULL) ORDER BY sequence LIMIT 5", "INTEGER PRIMARY KEY (rowid>?)")]
    [InlineData("SELECT * FROM tasks WHERE sequence IN (SELECT sequence FROM tasks WHERE state NOT IN ('succeeded', 'failed', 'cancelled')) AND finished_at IS NULL ORDER BY sequence", "COVERING INDEX tasks_by_state")]
    public void Every_query_uses_an_index_and_sorts_nothing(string sql, string index)
    {
        Assert.NotNull(Database);

        var plan = Query("EXPLAIN QUERY PLAN " + sql, static rows =>
        {
            var text = new StringBuilder();
            while (rows.Read())
            {
                text.AppendLine(rows.GetString(3));
            }

            return text.ToString();
        });

        Assert.Contains(index, plan, StringComparison.Ordinal);
        Assert.DoesNotContain("TEMP B-TREE", plan, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Ended_tasks_are_read_page_by_page()
    {
        for (var i = 1; i <= 5; i++)
        {
            await InsertAsync(NewRecord(i));
            if (i != 3)
            {
                await UpdateAsync(Ended(NewRecord(i)) with { Delivery = i == 2 ? LeastDelivery with { NextAttemptAt = Now } : null }, "1");
            }
        }

        var first = Database.Read(static queries => queries.ReadEnded(long.MaxValue, 2));
        var second = Database.Read(static queries => queries.ReadEnded(4, 2));
        Assert.Equal([5, 4], first.Select(static record => record.Sequence));
        Assert.Equal([2, 1], second.Select(static record => record.Sequence));
        Assert.Equal(Now, second[0].Delivery!.NextAttemptAt);
        Assert.Empty(Database.Read(static queries => queries.ReadEnded(1, 2)));
    }

    [Fact]
    public async Task A_new_task_takes_its_key_from_one_that_has_expired()
    {
        await InsertAsync(NewRecord(1, key: "k"));
        await InsertAsync(NewRecord(2, key: "other"));
        await InsertAsync(NewRecord(3, key: "k"));

        Assert.Equal((3, 2), (Database.Read(static queries => queries.FindByKey("k"))!.Sequence, Database.Read(static queries => queries.FindByKey("other"))!.Sequence));
        Assert.NotNull(Database.Read(static queries => queries.Find(1)));
    }

    [Fact]
    public async Task An_expired_task_is_deleted_with_its_payload_and_delivery_and_frees_its_pages()
    {
        for (var i = 1; i <= 40; i++)
        {
            await InsertAsync(NewRecord(i), $"\"{new string('x', 1_000_000)}\"");
            var delivery = i == 1 ? LeastDelivery with { NextAttemptAt = Now } : i == 2 ? LeastDelivery with { State = DeliveryState.Delivered } : null;
            await UpdateAsync(Ended(NewRecord(i)) with { Delivery = delivery }, $"\"{new string('y', 1_000_000)}\"");
        }

        await InsertAsync(NewRecord(41));
        var deletion = new TaskDeletion([.. Enumerable.Range(1, 39).Select(static task => (long)task), 41, 42]);
        await Writer.WriteAsync(deletion);
        Assert.Equal([.. Enumerable.Range(2, 38).Select(static task => (long)task), 42], deletion.Deleted);

        // Left are one whose webhook is to be sent, one that was not named, and one that has not ended.
        Assert.Equal([1, 40, 41], new[] { 1, 40, 41 }.Select(sequence => Database.Read(queries => queries.Find(sequence))?.Sequence));
        Assert.Equal((3, 3, 1), (Number("SELECT count(*) FROM tasks"), Number("SELECT count(*) FROM payloads"), Number("SELECT count(*) FROM deliveries")));
        Assert.InRange(Writer.UsedBytes, 2_000_000, 3_000_000);

        // The file is as small as what is left, when the log has gone into it.
        Close();
        Assert.InRange(new FileInfo(DatabaseFile).Length, 1, 3_000_000);
    }

    [Fact]
    public async Task After_a_crash_all_commits_are_there_and_a_torn_log_loses_only_its_end()
    {
        const int Commits = 30;
        for (var i = 1; i <= Commits; i++)
        {
            await InsertAsync(NewRecord(i), i.ToString(CultureInfo.InvariantCulture));
        }

        var (database, log) = (ReadShared(DatabaseFile), ReadShared(DatabaseFile + "-wal"));
        Assert.Equal(Commits, Surviving(database, log));
        var random = new Random(12);
        var seen = new HashSet<int>();
        for (var round = 0; round < 50; round++)
        {
            var cut = random.Next(log.Length);
            var torn = log[..cut];
            var garbage = new byte[random.Next(2) * 5_000];
            random.NextBytes(garbage);
            seen.Add(Surviving(database, [.. torn, .. garbage]));
        }

        // Every cut is a state that there was.
        Assert.All(seen, static count => Assert.InRange(count, 0, Commits));
        Assert.InRange(seen.Count, 10, Commits + 1);
        Assert.InRange(Surviving(database, log: null), 0, Commits);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public async Task A_damaged_database_is_refused_and_stays_as_it_is(int kind)
    {
        await InsertAsync(NewRecord(1), $"\"{new string('x', 50_000)}\"");
        Close();
        var sound = await File.ReadAllBytesAsync(DatabaseFile);
        var damaged = kind switch
        {
            0 => Utf8("This is no database, but a text of some length."),
            1 => sound[..^8_192],
            _ => [.. sound[..4_096], .. new byte[4_096], .. sound[8_192..]],
        };
        await File.WriteAllBytesAsync(DatabaseFile, damaged);

        for (var i = 0; i < 2; i++)
        {
            Assert.Contains("reliability.md", Assert.Throws<StorageException>(() => Open(StateDirectory)).Message, StringComparison.Ordinal);
            Assert.Equal(damaged, await File.ReadAllBytesAsync(DatabaseFile));
        }

        // An operator recovers it, or removes it.
        await File.WriteAllBytesAsync(DatabaseFile, sound);
        Assert.Equal(1, Database.Read(static queries => queries.LastSequence()));
        Close();
        File.Delete(DatabaseFile);
        Assert.Equal(0, Database.Read(static queries => queries.LastSequence()));
    }

    [Fact]
    public void Recovered_rows_of_a_lost_task_are_given_to_no_other_task()
    {
        Assert.Equal(0, Database.Read(static queries => queries.LastSequence()));
        Number("PRAGMA foreign_keys = OFF; INSERT INTO payloads (task, json) VALUES (7, '1')");

        Assert.Equal(7, Database.Read(static queries => queries.LastSequence()));
    }

    [Fact]
    public void A_directory_has_one_process_and_is_free_when_the_database_is_closed_or_cannot_be_opened()
    {
        Assert.NotNull(Database);
        Assert.Null(TaskDirectory.TryTake(StateDirectory));
        Close();
        File.WriteAllText(DatabaseFile, "This is no database.");
        Assert.Throws<StorageException>(() => Open(StateDirectory));

        using var directory = TaskDirectory.TryTake(StateDirectory);
        Assert.NotNull(directory);
    }

    [Fact]
    public async Task Reads_after_the_end_are_errors_and_reads_at_once_have_a_connection_each()
    {
        await InsertAsync(NewRecord(1));
        var database = Database;
        await Task.WhenAll(Enumerable.Range(0, 16).Select(_ => Task.Run(() => database.Read(queries => database.Read(static inner => inner.Find(1)) is not null && queries.Find(1) is not null))));
        Close();

        Assert.Throws<StorageException>(() => database.Read(static queries => queries.Find(1)));
    }

    private static TaskRecord Without(TaskRecord record) => record with { Delivery = record.Delivery is { } delivery ? delivery with { Attempts = [] } : null };

    /// <summary>How many tasks there are in a directory that holds these files, of which the first ones are whole.</summary>
    private int Surviving(byte[] bytes, byte[]? log)
    {
        var directory = Directory.CreateTempSubdirectory("crash").FullName;
        try
        {
            File.WriteAllBytes(Path.Combine(directory, "tasks.db"), bytes);
            if (log is not null)
            {
                File.WriteAllBytes(Path.Combine(directory, "tasks.db-wal"), log);
            }

            using var database = Open(directory);
            var count = (int)database.Read(static queries => queries.LastSequence());
            for (var i = 1; i <= count; i++)
            {
                Assert.Equal(Utf8(i.ToString(CultureInfo.InvariantCulture)), database.Read(queries => queries.Payload(i)));
            }

            return count;
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    private static byte[] ReadShared(string path)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        var bytes = new byte[file.Length];
        file.ReadExactly(bytes);
        return bytes;
    }
}
