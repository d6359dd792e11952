using System.Text;
using FunctionsApp.Core.Tasks;
using FunctionsApp.Core.Tasks.Embedded;
using Microsoft.Extensions.Logging.Abstractions;

namespace FunctionsApp.Core.Tests.Tasks;

/// <summary>What becomes of tasks when the host ends and starts again, when they fail, and when there is no room.</summary>
public sealed class EmbeddedTaskEngineTests() : TaskTests(
    ("Tasks:MaxRunning", "2"), ("Tasks:MaxQueued", "3"), ("Tasks:MaxStateBytes", "1048576"))
{
    [Fact]
    public async Task What_has_ended_keeps_its_result()
    {
        var succeeded = await CreateProbeAsync("a");
        Probe.Succeed("a");
        var before = await EndOfAsync(succeeded.Id);
        var failed = await CreateProbeAsync("b");
        Probe.Fail("b");
        await EndOfAsync(failed.Id);

        await RestartAsync();

        var after = await Service.GetAsync(succeeded.Id, null, default);
        Assert.Equal((before.Status, before.FinishedAt, before.Attempts, "\"a\""), (after.Status, after.FinishedAt, after.Attempts, after.Result.ToString()));
        Assert.Equal("operation-failed", SlugOf(await Service.GetAsync(failed.Id, null, default)));
        Assert.Empty(Probe.Started);
    }

    [Fact]
    public async Task What_ran_runs_again_and_what_waited_waits()
    {
        var tasks = new List<TaskAnswer>();
        foreach (var name in new[] { "a", "b", "c", "d" })
        {
            tasks.Add(await CreateProbeAsync(name));
        }

        await RestartAsync();

        await EventuallyAsync(() => Probe.Running == 2);
        Assert.Equal(["a", "b"], Probe.Started.Order());
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
    public async Task It_runs_no_more_often_than_it_may()
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
    public async Task A_task_that_is_being_cancelled_stays_so()
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
    public async Task It_tries_again_by_its_policy_and_gives_up()
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
    public async Task What_is_wrong_with_the_request_is_not_tried_again()
    {
        var task = await Service.CreateAsync(Read<PatternTaskRequest>(
            """{"pattern":"map","operation":"math.square","request":{"items":["no number"]},"retry":{"maxAttempts":3}}"""), Origin);

        var ended = await EndOfAsync(task.Id);

        Assert.Equal((1, "invalid-request"), (ended.Attempts, SlugOf(ended)));
    }

    [Fact]
    public async Task A_task_that_waits_for_its_next_attempt_can_be_cancelled()
    {
        var task = await CreateAsync("fail", """{"input":{"message":"x"},"retry":{"maxAttempts":3,"initialDelaySeconds":10}}""");
        await UntilAsync(task.Id, static record => record.State == TaskState.Queued);

        await Service.CancelAsync(task.Id);
        var ended = await EndOfAsync(task.Id);
        Time.Advance(TimeSpan.FromMinutes(1));

        Assert.Equal((TaskState.Cancelled, 1), (ended.Status, (await Service.GetAsync(task.Id, null, default)).Attempts));
    }

    [Fact]
    public async Task Too_many_that_wait_are_refused_until_there_is_room()
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
    public async Task Too_much_that_is_kept_is_refused_until_some_expires()
    {
        var text = new string('x', 600_000);
        var large = await CreateAsync("echo", $$$"""{"input":{"value":"{{{text}}}"},"ttlSeconds":60}""");
        Assert.Equal(text, (await EndOfAsync(large.Id)).Result!.Value.ToElement().GetString());

        var (slug, problem) = await ProblemOf(CreateAsync("echo", $$$"""{"input":{"value":"{{{text}}}"}}"""));
        Assert.Equal("saturated", slug);
        Assert.Contains("Tasks:MaxStateBytes", problem.Detail, StringComparison.Ordinal);

        await AdvanceUntilAsync(() => Service.GetAsync(large.Id, null, default).IsFaulted, TimeSpan.FromSeconds(60));
        await EndOfAsync((await CreateAsync("echo", $$$"""{"input":{"value":"{{{text}}}"}}""")).Id);
    }

    [Fact]
    public async Task A_result_without_room_fails_its_task()
    {
        // 800 bytes of input, 1.6 million of result.
        var items = string.Join(',', Enumerable.Repeat("\"" + new string('a', 20) + "\"", 20_000));
        var task = await Service.CreateAsync(Read<PatternTaskRequest>($$$"""{"pattern":"map","operation":"hash","request":{"items":[{{{items}}}]}}"""), Origin);

        Assert.Equal("too-large", SlugOf(await EndOfAsync(task.Id)));
    }

    [Fact]
    public async Task A_directory_that_is_gone_through_many_times_stays_small()
    {
        var text = new string('x', 100_000);
        for (var i = 0; i < 700; i++)
        {
            var task = await CreateAsync("echo", $$$"""{"input":{"value":"{{{text}}}"},"ttlSeconds":1}""");
            await EndOfAsync(task.Id);
            Time.Advance(TimeSpan.FromSeconds(1));
            await AdvanceUntilAsync(() => Service.GetAsync(task.Id, null, default).IsFaulted, TimeSpan.FromSeconds(1));
        }

        // 140 MB went through; two segments of 32 MiB may be there, and what is being removed.
        await EventuallyAsync(() => Directory.EnumerateFiles(StateDirectory, "*.log").Sum(static file => new FileInfo(file).Length) < 70_000_000);
    }

    [Fact]
    public async Task Without_its_directory_it_refuses_tasks_and_says_so()
    {
        await StopAsync();
        Directory.Delete(StateDirectory, recursive: true);
        await File.WriteAllTextAsync(StateDirectory, "no directory");
        Start();

        Assert.Equal("storage-failed", (await ProblemOf(CreateProbeAsync("a"))).Slug);
        Assert.Equal("storage-failed", (await ProblemOf(Service.GetAsync("a", null, default))).Slug);
    }

    [Fact]
    public async Task What_a_later_version_has_written_is_not_touched()
    {
        var task = await CreateProbeAsync("a");
        Probe.Succeed("a");
        await EndOfAsync(task.Id);
        await StopAsync();
        using (var journal = Journal.Open(StateDirectory, new JournalOptions(), static _ => { }, NullLogger.Instance))
        {
            await journal.AppendAsync(Encoding.UTF8.GetBytes("""{"id":"b","priority":9}"""), default);
        }

        var before = await File.ReadAllBytesAsync(Directory.GetFiles(StateDirectory, "*.log").Single());
        Start();

        Assert.Equal("storage-failed", (await ProblemOf(CreateProbeAsync("b"))).Slug);
        await StopAsync();
        Assert.Equal(before, await File.ReadAllBytesAsync(Directory.GetFiles(StateDirectory, "*.log").Single()));
        Assert.Empty(Probe.Started);
    }

    [Fact]
    public async Task A_flipped_bit_in_a_record_costs_a_step_of_its_task_and_nothing_else()
    {
        var first = await CreateProbeAsync("a");
        Probe.Succeed("a");
        await EndOfAsync(first.Id);
        var second = await CreateProbeAsync("b");
        Probe.Succeed("b");
        await EndOfAsync(second.Id);
        await StopAsync();

        var segment = Directory.GetFiles(StateDirectory, "*.log").Single();
        var bytes = await File.ReadAllBytesAsync(segment);
        bytes[bytes.AsSpan().LastIndexOf("succeeded"u8)] ^= 1;
        await File.WriteAllBytesAsync(segment, bytes);
        Start();

        Assert.Equal(TaskState.Succeeded, (await Service.GetAsync(first.Id, null, default)).Status);
        await EventuallyAsync(() => Probe.Running == 1);
        Probe.Succeed("b");
        var ended = await EndOfAsync(second.Id);
        Assert.Equal((TaskState.Succeeded, 2), (ended.Status, ended.Attempts));
    }

    [Fact]
    public async Task A_result_whose_record_is_damaged_is_an_error_and_not_another_result()
    {
        Receiver.Answer(500);
        var task = await CreateProbeAsync("a", ""","onSuccess":{"url":"https://example.com/"}""");
        Probe.Succeed("a");
        await EndOfAsync(task.Id);
        await AdvanceUntilAsync(() => Receiver.Requests.Count == 1, TimeSpan.Zero);
        await UntilAsync(task.Id, static record => record.Delivery?.Sent == 1);
        await StopAsync();

        var segment = Directory.GetFiles(StateDirectory, "*.log").Single();
        var lines = await File.ReadAllTextAsync(segment);
        await File.WriteAllTextAsync(segment, lines.Replace("}\"a\"\n", "}\"b\"\n", StringComparison.Ordinal));
        Start();

        Assert.Equal("storage-failed", (await ProblemOf(Service.GetAsync(task.Id, null, default))).Slug);
    }

    private async Task<List<int>> AttemptsAsync(IEnumerable<TaskAnswer> tasks)
    {
        var attempts = new List<int>();
        foreach (var task in tasks)
        {
            attempts.Add((await Service.GetAsync(task.Id, null, default)).Attempts);
        }

        return attempts;
    }
}
