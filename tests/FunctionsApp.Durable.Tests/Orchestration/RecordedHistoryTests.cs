using System.Text.RegularExpressions;
using FunctionsApp.Core.Tasks;
using FunctionsApp.Core.Webhooks;
using FunctionsApp.Durable.Records;

namespace FunctionsApp.Durable.Tests.Orchestration;

/// <summary>
/// Histories of tasks that this version, and each released one, has begun. They are replayed for good: such a task may wait for a
/// retry or its webhook for weeks. A change of the steps needs a new <see cref="TaskNames.Version"/>, and histories of its own.
/// </summary>
public sealed partial class RecordedHistoryTests
{
    /// <summary>Set to any value, the histories of this version are written anew.</summary>
    private const string Update = "UPDATE_GOLDEN";

    private static readonly string Golden = Path.Combine(Repository.Root, "tests", "FunctionsApp.Durable.Tests", "Golden");

    private static readonly TaskDefinition Definition = new()
    {
        Pattern = "await",
        Operation = "echo",
        Path = "/api/tasks",
        TtlSeconds = 100,
        OnError = new Uri("https://example.com/hook"),
        Retry = new() { MaxAttempts = 2 },
        IdempotencyKey = "key",
        Fingerprint = "print",
    };

    private static readonly AttemptState Succeeded = new() { End = AttemptEnd.Succeeded, Begun = 1, OutcomeBytes = 7, Outcome = "\"hello\"" };

    private static readonly Dictionary<string, Action<OrchestrationHistory>> Scenarios = new(StringComparer.Ordinal)
    {
        ["queued"] = static _ => { },
        ["waits-for-retry"] = static task => task.Complete(TaskNames.Attempt, Retried(pauseSeconds: 30)),
        ["waits-for-storage"] = static task => task.Fail(TaskNames.Attempt),
        ["runs-elsewhere"] = static task => task.Complete(TaskNames.Attempt, new AttemptState { Runner = Guid.Empty, Begun = 1, PauseSeconds = 10 }),
        ["waits-for-its-turn"] = static task => task.Complete(TaskNames.Attempt, new AttemptState { PauseSeconds = 10 }),
        ["second-attempt"] = static task =>
        {
            task.Complete(TaskNames.Attempt, Retried(pauseSeconds: 30));
            task.FireTimer();
        },
        ["being-cancelled"] = static task => task.Raise(TaskNames.Cancel, new CancelEvent(RunningCall: 1)),
        ["cancelled-in-pause"] = static task =>
        {
            task.Complete(TaskNames.Attempt, Retried(pauseSeconds: 30));
            task.Raise(TaskNames.Cancel, new CancelEvent(RunningCall: 0));
        },
        ["succeeded"] = static task => task.Complete(TaskNames.Attempt, Succeeded),
        ["interrupted"] = static task => task.Complete(TaskNames.Attempt, new AttemptState { End = AttemptEnd.Interrupted, Begun = 2 }),
        ["webhook-in-flight"] = static task => task.Complete(TaskNames.Attempt, new AttemptState { End = AttemptEnd.Failed, Begun = 1 }),
        ["webhook-waits-for-retry"] = static task =>
        {
            task.Complete(TaskNames.Attempt, new AttemptState { End = AttemptEnd.Failed, Begun = 1 });
            var next = new DateTimeOffset(task.Now).AddSeconds(5);
            var attempt = new DeliveryAttempt(1, DateTimeOffset.UnixEpoch, 1, 500, "The response was 500.", next);
            task.Complete(TaskNames.Delivery, task.Status.Delivery! with { NextAttemptAt = next, Attempts = [attempt] });
        },
    };

    public static TheoryData<string> Names => [.. Scenarios.Keys];

    public static TheoryData<string> Files => [.. Directory.GetFiles(Golden, "*.json", SearchOption.AllDirectories)
        .Where(static file => file.Contains("histories", StringComparison.Ordinal)).Select(static file => Path.GetRelativePath(Golden, file)).Order()];

    [Theory]
    [MemberData(nameof(Files))]
    public void A_recorded_history_is_replayed(string file) =>
        Assert.Null(OrchestrationHistory.FindFailure(RecordedEvent.Read(File.ReadAllText(Path.Combine(Golden, file)))));

    [Theory]
    [MemberData(nameof(Names))]
    public void The_steps_of_this_version_match_the_recorded_ones(string name)
    {
        var task = new OrchestrationHistory(new TaskStart(Definition, new DateTimeOffset(2030, 1, 1, 0, 0, 0, TimeSpan.Zero), InputBytes: 2, DeliveryPauseSeconds: 0));
        Scenarios[name](task);
        var file = Path.Combine(Golden, TaskNames.Version, "histories", name + ".json");

        var history = TraceId().Replace(RecordedEvent.Write(task.Events), "0123456789abcdef0123456789abcdef");
        if (Environment.GetEnvironmentVariable(Update) is not null)
        {
            Directory.CreateDirectory(Path.GetDirectoryName(file)!);
            File.WriteAllText(file, history);
        }

        Assert.Equal(File.ReadAllText(file), history);
    }

    [Fact]
    public void A_history_of_other_steps_is_not_replayed()
    {
        var file = Path.Combine(Golden, TaskNames.Version, "histories", "waits-for-retry.json");
        var other = File.ReadAllText(file).Replace($"\"{TaskNames.Attempt}\"", "\"AnotherStep\"", StringComparison.Ordinal);

        Assert.Contains("NonDeterministic", OrchestrationHistory.FindFailure(RecordedEvent.Read(other)), StringComparison.Ordinal);
    }

    private static AttemptState Retried(double pauseSeconds) => new() { End = AttemptEnd.Retried, Begun = 1, PauseSeconds = pauseSeconds };

    [GeneratedRegex("(?<=traceId\\\\+\":\\\\+\")[0-9a-f]{32}", RegexOptions.None, matchTimeoutMilliseconds: 10_000)]
    private static partial Regex TraceId();
}
