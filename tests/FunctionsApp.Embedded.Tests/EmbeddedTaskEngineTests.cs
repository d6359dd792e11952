using System.Text;
using FunctionsApp.Core.Health;
using FunctionsApp.Core.Json;
using FunctionsApp.Core.Problems;
using FunctionsApp.Core.Tasks;
using FunctionsApp.Embedded.Storage;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace FunctionsApp.Embedded.Tests;

/// <summary>What becomes of tasks when the host ends and starts again, when they fail, and when there is no room.</summary>
public sealed class EmbeddedTaskEngineTests() : TaskTests(
    ("Tasks:MaxRunning", "2"), ("Tasks:MaxQueued", "3"), ("Tasks:MaxStateBytes", "1048576"))
{
    private string DatabaseFile => Path.Combine(StateDirectory, "tasks.db");

    [Fact]
    public async Task An_ended_task_keeps_its_result()
    {
        var before = await EndedProbeAsync("a");
        var failed = await CreateProbeAsync("b");
        Probe.Fail("b");
        await EndOfAsync(failed.Id);

        await RestartAsync();

        var after = await Service.GetAsync(before.Id, null, default);
        Assert.Equal((before.Status, before.FinishedAt, before.Attempts, "\"a\""), (after.Status, after.FinishedAt, after.Attempts, after.Result.ToString()));
        Assert.Equal("operation-failed", SlugOf(await Service.GetAsync(failed.Id, null, default)));
        Assert.Empty(Probe.Started);
    }

    [Fact]
    public async Task Running_tasks_run_again_and_queued_tasks_stay_queued()
    {
        var tasks = new List<TaskResponse>();
        foreach (var name in new[] { "a", "b", "c", "d" })
        {
            tasks.Add(await CreateProbeAsync(name));
        }

        await RestartAsync();

        await EventuallyAsync(() => Probe.Running == 2);
        Assert.Equal(["a", "b"], Probe.Started.Order());
        await EventuallyAsync(() => !Log.Entries.IsEmpty);
        Assert.Equal(
            (LogLevel.Information, "Tasks resume: 2 were queued when the host ended. 2 were running, and run again if an attempt is left"),
            Log.Entries.Select(static entry => (entry.Level, entry.Message)).Single());
        Assert.Equal([2, 2, 0, 0], await AttemptsAsync(tasks));
        foreach (var name in new[] { "a", "b", "c", "d" })
        {
            Probe.Succeed(name);
        }

        foreach (var task in tasks)
        {
            Assert.Equal(TaskState.Succeeded, (await EndOfAsync(task.Id)).Status);
        }

        Assert.Equal([2, 2, 1, 1], await AttemptsAsync(tasks));
    }

    [Fact]
    public async Task A_stop_does_not_wait_for_a_task_that_could_not_be_accepted()
    {
        var earlier = await CreateProbeAsync("a");
        Probe.Succeed("a");
        await EndOfAsync(earlier.Id);
        var engine = Engine;
        using var other = TaskDatabase.Connect(DatabaseFile, SqliteOpenMode.ReadWrite);
        Run("BEGIN IMMEDIATE");
        var created = CreateProbeAsync("b");

        // It is to be written when the other connection lets it, and the stop has begun by then.
        var stopped = engine.StopAsync(CancellationToken.None);
        Run("DROP TABLE tasks");
        Run("COMMIT");

        Assert.Equal("storage-failed", (await ProblemOf(created)).Slug);
        await stopped.WaitAsync(Limit);

        void Run(string sql)
        {
            using var command = other.CreateCommand();
            command.CommandText = sql;
            command.ExecuteNonQuery();
        }
    }

    [Fact]
    public async Task A_task_never_exceeds_its_attempts()
    {
        var twice = await CreateProbeAsync("a", ""","retry":{"maxAttempts":2}""");
        var once = await CreateProbeAsync("b", ""","retry":{"maxAttempts":1}""");

        await RestartAsync();
        await UntilAsync(twice.Id, static record => record is { State: TaskState.Running, Attempts: 2 });
        Assert.Equal("interrupted", SlugOf(await EndOfAsync(once.Id)));
        await RestartAsync();

        var ended = await EndOfAsync(twice.Id);
        Assert.Equal((TaskState.Failed, 2, "interrupted"), (ended.Status, ended.Attempts, SlugOf(ended)));
        Assert.Empty(Probe.Started);
    }

    [Fact]
    public async Task A_cancelling_task_stays_cancelling()
    {
        var task = await CreateProbeAsync("a");
        await EventuallyAsync(() => Probe.Running == 1);
        Probe.Lingering = new TaskCompletionSource().Task;
        await Service.CancelAsync(task.Id);

        // It lingers, so it is not over when the host ends.
        await StopAsync(impatience: new CancellationToken(canceled: true));
        Start();

        Assert.Equal(TaskState.Cancelled, (await EndOfAsync(task.Id)).Status);
        Assert.Empty(Probe.Started);
    }

    [Fact]
    public async Task A_task_is_retried_by_its_policy_and_then_fails()
    {
        var task = await CreateAsync("fail", """{"input":{"message":"x"},"retry":{"maxAttempts":3,"initialDelaySeconds":10,"backoff":3}}""");
        var first = await UntilAsync(task.Id, static record => record is { State: TaskState.Queued, Attempts: 1 });
        Assert.Equal(Time.GetUtcNow().AddSeconds(10), first.NextAttemptAt);

        Time.Advance(TimeSpan.FromSeconds(10));
        var second = await UntilAsync(task.Id, static record => record is { State: TaskState.Queued, Attempts: 2 });
        Assert.Equal(Time.GetUtcNow().AddSeconds(30), second.NextAttemptAt);

        // The pause goes on where it was.
        await RestartAsync();
        Assert.Equal(second.NextAttemptAt, (await UntilAsync(task.Id, static _ => true)).NextAttemptAt);
        Time.Advance(TimeSpan.FromSeconds(30));
        var ended = await EndOfAsync(task.Id);
        Assert.Equal((TaskState.Failed, 3, "operation-failed", null), (ended.Status, ended.Attempts, SlugOf(ended), ended.NextAttemptAt));
    }

    [Fact]
    public async Task A_task_that_waits_for_a_retry_can_be_cancelled()
    {
        var task = await CreateAsync("fail", """{"input":{"message":"x"},"retry":{"maxAttempts":3,"initialDelaySeconds":10}}""");
        await UntilAsync(task.Id, static record => record.State == TaskState.Queued);

        await Service.CancelAsync(task.Id);
        var ended = await EndOfAsync(task.Id);
        Time.Advance(TimeSpan.FromMinutes(1));

        Assert.Equal((TaskState.Cancelled, 1), (ended.Status, (await Service.GetAsync(task.Id, null, default)).Attempts));
    }

    [Fact]
    public async Task Concurrent_requests_with_one_key_get_one_task_also_when_it_takes_the_last_place()
    {
        foreach (var name in new[] { "a", "b", "c", "d" })
        {
            await CreateProbeAsync(name);
        }

        var origin = Origin with { IdempotencyKey = "k", Fingerprint = "f" };
        var tasks = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => CreateAsync("probe", """{"input":{"name":"e"}}""", origin)));

        Assert.Single(tasks.Select(static task => task.Id).Distinct());
        Assert.Equal("saturated", (await ProblemOf(CreateProbeAsync("f"))).Slug);
    }

    [Fact]
    public async Task Too_many_queued_tasks_are_refused_until_there_is_room()
    {
        var running = await CreateProbeAsync("a");
        foreach (var name in new[] { "b", "c", "d", "e" })
        {
            await CreateProbeAsync(name);
        }

        var (slug, problem) = await ProblemOf(CreateProbeAsync("f"));
        Assert.Equal("saturated", slug);
        Assert.True(problem.RetryAfterSeconds >= 1);
        Assert.Contains("Tasks:MaxQueued", problem.Detail, StringComparison.Ordinal);

        Probe.Succeed("a");
        await EndOfAsync(running.Id);
        await EventuallyAsync(() => Probe.Started.Count == 3);
        await CreateProbeAsync("f");
    }

    [Fact]
    public async Task Too_much_stored_state_is_refused_until_some_expires()
    {
        var text = new string('x', 600_000);
        var large = await CreateAsync("echo", $$$"""{"input":{"value":"{{{text}}}"},"ttlSeconds":60}""");
        Assert.Equal($"\"{text}\"", await ReadAsync((await EndOfAsync(large.Id)).Result!.Value.Stored!));

        var (slug, problem) = await ProblemOf(CreateAsync("echo", $$$"""{"input":{"value":"{{{text}}}"}}"""));
        Assert.Equal("saturated", slug);
        Assert.Contains("Tasks:MaxStateBytes", problem.Detail, StringComparison.Ordinal);

        await AdvanceUntilAsync(() => Service.GetAsync(large.Id, null, default).IsFaulted, TimeSpan.FromSeconds(60));

        // It is deleted beside; until then there is no room.
        using var patience = new CancellationTokenSource(Limit);
        TaskResponse? later = null;
        while (later is null)
        {
            try
            {
                later = await CreateAsync("echo", $$$"""{"input":{"value":"{{{text}}}"}}""");
            }
            catch (ProblemException)
            {
                await Task.Delay(1, patience.Token);
            }
        }

        Assert.Equal($"\"{text}\"", await ReadAsync((await EndOfAsync(later.Id)).Result!.Value.Stored!));
    }

    [Fact]
    public async Task A_result_without_space_fails_its_task()
    {
        // 800 bytes of input, 1.6 million of result.
        var items = string.Join(',', Enumerable.Repeat("\"" + new string('a', 20) + "\"", 20_000));
        var task = await Service.CreateAsync(Read<PatternTaskRequest>($$$"""{"pattern":"map","operation":"hash","request":{"items":[{{{items}}}]}}"""), Origin);

        Assert.Equal("too-large", SlugOf(await EndOfAsync(task.Id)));
    }

    [Fact]
    public async Task A_directory_stays_small_after_many_tasks()
    {
        var text = new string('x', 100_000);
        for (var i = 0; i < 700; i++)
        {
            var task = await CreateAsync("echo", $$$"""{"input":{"value":"{{{text}}}"},"ttlSeconds":1}""");
            await EndOfAsync(task.Id);
            Time.Advance(TimeSpan.FromSeconds(1));
            await AdvanceUntilAsync(() => Service.GetAsync(task.Id, null, default).IsFaulted, TimeSpan.FromSeconds(1));

            // It has expired before it is deleted.
            await EventuallyAsync(() => Get<DatabaseAccess>().Writer.UsedBytes < 500_000);
        }

        // 140 MB went through; what was deleted makes room for what comes.
        await EventuallyAsync(() => Directory.EnumerateFiles(StateDirectory).Sum(static file => new FileInfo(file).Length) < 20_000_000);
    }

    [Fact]
    public async Task Without_its_directory_the_engine_refuses_tasks_and_logs_it()
    {
        await StopAsync();
        Directory.Delete(StateDirectory, recursive: true);
        await File.WriteAllTextAsync(StateDirectory, "no directory");
        Start();

        Assert.Equal("storage-failed", (await ProblemOf(CreateProbeAsync("a"))).Slug);
        Assert.Equal("storage-failed", (await ProblemOf(Service.GetAsync("a", null, default))).Slug);
        Assert.Equal("storage-failed", Assert.Throws<ProblemException>(() => Get<HealthService>().Ready()).Problem.Slug);

        // It is looked for again.
        File.Delete(StateDirectory);
        await AdvanceUntilAsync(() => Service.ListAsync(new TaskListRequest()).IsCompletedSuccessfully, TimeSpan.FromSeconds(10));
        Assert.Equal("ready", Get<HealthService>().Ready().Status);
        await EndedProbeAsync("a");
    }

    [UnixTheory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_deleted_directory_refuses_tasks_until_it_is_back(bool isReplaced)
    {
        var task = await CreateProbeAsync("a");
        var elsewhere = StateDirectory + "-moved";
        Directory.Move(StateDirectory, elsewhere);
        if (isReplaced)
        {
            // A copy is not what is open: what is written would not be in it.
            Directory.CreateDirectory(StateDirectory);
            foreach (var file in Directory.GetFiles(elsewhere, "tasks.db*"))
            {
                File.Copy(file, Path.Combine(StateDirectory, Path.GetFileName(file)));
            }
        }

        Assert.Equal("storage-failed", (await ProblemOf(CreateProbeAsync("b"))).Slug);
        Assert.Equal("storage-failed", Assert.Throws<ProblemException>(() => Get<HealthService>().Ready()).Problem.Slug);
        Assert.Equal("storage-failed", (await ProblemOf(Service.CancelAsync(task.Id))).Slug);

        if (isReplaced)
        {
            Directory.Delete(StateDirectory, recursive: true);
        }

        Directory.Move(elsewhere, StateDirectory);
        var later = await CreateProbeAsync("c");
        Assert.Equal("ready", Get<HealthService>().Ready().Status);
        Probe.Succeed("c");
        await EndOfAsync(later.Id);
        await AdvanceUntilAsync(() => Engine.FindAsync(task.Id).AsTask() is { IsCompletedSuccessfully: true, Result: { Record.State: TaskState.Cancelled } }, TimeSpan.FromSeconds(1));
        Assert.Single(Log.Entries, static entry => entry.Level == LogLevel.Error && entry.Message.StartsWith("Tasks are refused until a write succeeds.", StringComparison.Ordinal)
            && entry.Message.EndsWith("deleted, moved or replaced while it was open.", StringComparison.Ordinal));
        Assert.Single(Log.Entries, static entry => entry.Message == "The tasks can be written again");
        await RestartAsync();
        Assert.Equal("\"c\"", (await Service.GetAsync(later.Id, null, default)).Result.ToString());
        Assert.Equal(TaskState.Cancelled, (await EndOfAsync(task.Id)).Status);
        Assert.Equal(2, (await Service.ListAsync(new TaskListRequest())).Items.Count);
    }

    [Fact]
    public async Task While_writes_fail_the_engine_is_not_ready()
    {
        await CreateProbeAsync("a");
        Execute("CREATE TRIGGER full BEFORE INSERT ON tasks BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END");
        Assert.Equal("ready", Get<HealthService>().Ready().Status);

        Assert.Equal("storage-failed", (await ProblemOf(CreateProbeAsync("b"))).Slug);
        Assert.Equal("storage-failed", Assert.Throws<ProblemException>(() => Get<HealthService>().Ready()).Problem.Slug);

        // Nobody may send tasks to a host that is not ready: after a minute it takes the next one as the proof.
        Time.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal("ready", Get<HealthService>().Ready().Status);
        await ProblemOf(CreateProbeAsync("b"));
        Assert.Throws<ProblemException>(() => Get<HealthService>().Ready());

        Execute("DROP TRIGGER full");
        await CreateProbeAsync("b");
        Assert.Equal("ready", Get<HealthService>().Ready().Status);
    }

    [Fact]
    public async Task A_database_of_a_later_version_is_not_changed()
    {
        var task = await EndedProbeAsync("a");
        await StopAsync();
        Execute("PRAGMA user_version = 99");

        var before = await File.ReadAllBytesAsync(DatabaseFile);
        Start();

        const string Reason = "A later version of the app wrote the database of the tasks: the database has version 99, and this version supports 2.";
        Assert.Equal(("storage-failed", Reason), await DetailOf(CreateProbeAsync("b")));
        Assert.Equal(("storage-failed", Reason), await DetailOf(Service.GetAsync(task.Id, null, default)));
        Assert.Equal(Reason, Assert.Throws<ProblemException>(() => Get<HealthService>().Ready()).Problem.Detail);
        Assert.Contains(Log.Entries, entry => entry.Level == LogLevel.Error && entry.Message.Contains("has version 99, but this version of the app supports 2", StringComparison.Ordinal));
        Time.Advance(TimeSpan.FromHours(1));
        await StopAsync();
        Assert.Equal(before, await File.ReadAllBytesAsync(DatabaseFile));
        Assert.Empty(Probe.Started);
    }

    [Fact]
    public async Task Lost_data_fails_its_task_and_the_others_continue()
    {
        var ended = await EndedProbeAsync("ended");
        var lost = await CreateProbeAsync("lost");
        var other = await CreateProbeAsync("other");
        await StopAsync();
        Execute("DELETE FROM payloads WHERE json NOT LIKE '%other%'");
        Start();

        Assert.Equal("storage-failed", (await ProblemOf(Service.GetAsync(ended.Id, null, default))).Slug);
        Assert.Equal("storage-failed", SlugOf(await EndOfAsync(lost.Id)));
        Probe.Succeed("other");
        Assert.Equal(TaskState.Succeeded, (await EndOfAsync(other.Id)).Status);
    }

    [Fact]
    public async Task With_a_damaged_database_tasks_are_refused_until_it_is_recovered()
    {
        var task = await EndedProbeAsync("a");
        await StopAsync();
        var sound = await File.ReadAllBytesAsync(DatabaseFile);
        byte[] damaged = [.. sound.Take(4_096), .. Enumerable.Repeat((byte)0xA5, sound.Length - 4_096)];
        await File.WriteAllBytesAsync(DatabaseFile, damaged);

        // A second start begins no empty database either.
        for (var i = 0; i < 2; i++)
        {
            Start();
            Assert.Equal("storage-failed", (await ProblemOf(CreateProbeAsync("b"))).Slug);
            Assert.Equal("storage-failed", (await ProblemOf(Service.GetAsync(task.Id, null, default))).Slug);
            Assert.Contains(Log.Entries, static entry => entry.Level == LogLevel.Error && entry.Message.Contains("reliability.md", StringComparison.Ordinal));
            await StopAsync();
            Assert.Equal(damaged, await File.ReadAllBytesAsync(DatabaseFile));
        }

        await File.WriteAllBytesAsync(DatabaseFile, sound);
        Start();
        Assert.Equal("\"a\"", (await Service.GetAsync(task.Id, null, default)).Result.ToString());
    }

    [Fact]
    public async Task With_a_directory_in_use_the_engine_refuses_tasks_and_takes_it_over_when_it_is_free()
    {
        var task = await EndedProbeAsync("a");
        var other = new ManualTimeProvider();
        await using var services = TestServices.Create(other, static services => services.AddEmbeddedTaskEngine(), ("Tasks:Directory", StateDirectory));
        var second = services.GetRequiredService<EmbeddedTaskEngine>();
        second.Start();

        // The first use waits for a predecessor that is just ending, for 3 s.
        var waiting = second.FindAsync(task.Id).AsTask();
        await EventuallyAsync(() =>
        {
            AdvanceOther(TimeSpan.FromMilliseconds(100));
            return waiting.IsCompleted;
        });

        Assert.Equal("storage-failed", (await ProblemOf(waiting)).Slug);
        Assert.InRange(other.GetUtcNow() - DateTimeOffset.UnixEpoch, TimeSpan.FromSeconds(3), TimeSpan.FromSeconds(10));
        await StopAsync();
        await EventuallyAsync(() =>
        {
            AdvanceOther(TimeSpan.FromSeconds(1));
            return second.FindAsync(task.Id).AsTask().IsCompletedSuccessfully;
        });

        Assert.Equal(TaskState.Succeeded, (await second.FindAsync(task.Id))!.Value.Record.State);
        await second.StopAsync(default);

        // While it opens the directory, the time stands still.
        void AdvanceOther(TimeSpan by)
        {
            if (other.Timers > 0)
            {
                other.Advance(by);
            }
        }
    }

    [Fact]
    public async Task Tasks_that_have_ended_are_not_in_memory_but_found_listed_and_counted_once()
    {
        var ended = await EndedProbeAsync("a");
        var running = await CreateProbeAsync("b");

        Assert.Equal([running.Id, ended.Id], (await Service.ListAsync(new TaskListRequest())).Items.Select(static task => task.Id));
        Assert.Equal([running.Id], (await Service.ListAsync(new TaskListRequest { Status = TaskState.Running })).Items.Select(static task => task.Id));
        Assert.Equal([ended.Id], (await Service.ListAsync(new TaskListRequest { Status = TaskState.Succeeded, Operation = "probe" })).Items.Select(static task => task.Id));
        Assert.Empty((await Service.ListAsync(new TaskListRequest { Status = TaskState.Succeeded, Operation = "echo" })).Items);
    }

    private static async Task<(string Slug, string Detail)> DetailOf(Task task) => await ProblemOf(task) is var (slug, problem) ? (slug, problem.Detail) : default;

    private async Task<List<int>> AttemptsAsync(IEnumerable<TaskResponse> tasks)
    {
        var attempts = new List<int>();
        foreach (var task in tasks)
        {
            attempts.Add((await Service.GetAsync(task.Id, null, default)).Attempts);
        }

        return attempts;
    }

    private void Execute(string sql)
    {
        using var connection = new SqliteConnection($"Data Source={DatabaseFile};Pooling=False");
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        command.ExecuteNonQuery();
    }

    /// <summary>Reads an outcome that lies in storage, in parts.</summary>
    private static async Task<string> ReadAsync(StoredJson stored)
    {
        var text = new MemoryStream();
        var part = new byte[100_000];
        for (int read; (read = await stored.ReadAsync(text.Length, part, CancellationToken.None)) > 0;)
        {
            text.Write(part, 0, read);
        }

        return Encoding.UTF8.GetString(text.ToArray());
    }
}
