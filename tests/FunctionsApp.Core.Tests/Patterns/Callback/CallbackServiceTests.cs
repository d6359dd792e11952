using FunctionsApp.Core.Patterns.Callback;

namespace FunctionsApp.Core.Tests.Patterns.Callback;

public sealed class CallbackServiceTests : PatternTests
{
    private const string Probing = """{"input":{"name":"a"},"onSuccess":{"operation":"echo","input":{"value":{"$ref":"#/result"}}}}""";

    [Fact]
    public async Task The_continuation_runs_when_the_work_is_done()
    {
        var run = RunAsync(Probing);
        Assert.False(run.IsCompleted);
        Probe.Succeed("a");

        Assert.Equal("\"a\"", (await run.WaitAsync(Limit)).Response!.Result.ToString());
    }

    [Fact]
    public async Task A_failure_without_onError_is_the_problem_of_the_callback()
    {
        var run = RunAsync(Probing);
        Probe.Fail("a");

        Assert.Equal("a failed", (await ProblemOf(run)).Problem.Detail);
    }

    [Fact]
    public async Task The_callers_cancellation_stops_the_work()
    {
        using var caller = new CancellationTokenSource();
        var run = RunAsync(Probing, caller.Token);
        await caller.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => run.WaitAsync(Limit));
        Assert.Equal(["a"], Probe.Cancelled);
    }

    [Fact]
    public async Task An_invalid_request_is_rejected_before_the_work_starts()
    {
        var (slug, _) = await ProblemOf(RunAsync("""{"input":{"name":"a"},"onSuccess":{"operation":"greet"}}"""));

        Assert.Equal("wrong-kind", slug);
        Assert.Empty(Probe.Started);
    }

    [Fact]
    public async Task An_invalid_continuation_is_rejected_before_the_work_starts()
    {
        var (_, problem) = await ProblemOf(RunAsync("""{"input":{"name":"a"},"onSuccess":{"operation":"echo","input":{"valeu":1}}}"""));

        Assert.Equal(["/onSuccess/input/valeu", "/onSuccess/input/value"], problem.Errors!.Keys);
        Assert.Empty(Probe.Started);
    }

    [Fact]
    public async Task An_invalid_time_limit_is_rejected_before_the_work_starts()
    {
        var (_, problem) = await ProblemOf(RunAsync("""{"input":{"name":"a"},"timeoutSeconds":0,"onSuccess":{"operation":"echo"}}"""));

        Assert.Equal(["/timeoutSeconds"], problem.Errors!.Keys);
        Assert.Empty(Probe.Started);
    }

    [Fact]
    public async Task The_timeout_applies_to_the_work_and_not_to_the_continuation()
    {
        var run = Get<CallbackService>().RunAsync("delay", Read<CallbackRequest>(
            """{"input":{"seconds":1},"timeoutSeconds":2,"onSuccess":{"operation":"delay","input":{"seconds":5,"result":"late"}}}"""), default);
        Time.Advance(TimeSpan.FromSeconds(6));

        Assert.Equal(
            """{"continuation":"onSuccess","result":"late","timeline":[{"index":0,"operation":"delay","startedMs":0,"finishedMs":1000},{"index":1,"operation":"delay","startedMs":1000,"finishedMs":6000}],"elapsedMs":6000}""",
            Json((await run.WaitAsync(Limit)).Response!));
    }

    [Fact]
    public async Task OnSuccess_cannot_refer_to_the_error()
    {
        var run = Get<CallbackService>().RunAsync("echo", Read<CallbackRequest>(
            """{"input":{"value":1},"onSuccess":{"operation":"echo","input":{"value":{"$ref":"#/error"}}}}"""), default);

        var (slug, problem) = await ProblemOf(run);
        Assert.Equal("invalid-request", slug);
        Assert.Equal(["/onSuccess/input/value/$ref"], problem.Errors!.Keys);
    }

    private Task<CallbackOutcome> RunAsync(string json, CancellationToken cancellationToken = default) =>
        Get<CallbackService>().RunAsync("probe", Read<CallbackRequest>(json), cancellationToken);
}
