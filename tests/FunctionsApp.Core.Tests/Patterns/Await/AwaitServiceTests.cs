using FunctionsApp.Core.Patterns.Await;
using FunctionsApp.Core.Problems;

namespace FunctionsApp.Core.Tests.Patterns.Await;

public sealed class AwaitServiceTests : PatternTests
{
    [Fact]
    public async Task The_response_has_the_duration_of_the_operation()
    {
        var run = Get<AwaitService>().RunAsync("delay", Raw("""{"seconds":1.5,"result":[1]}"""), null, default);
        Assert.False(run.IsCompleted);
        Time.Advance(TimeSpan.FromSeconds(1.5));

        Assert.Equal("""{"operation":"delay","result":[1],"elapsedMs":1500}""", Json(await run.WaitAsync(Limit)));
    }

    [Fact]
    public async Task A_timeout_stops_the_operation_and_names_the_limit()
    {
        var run = Get<AwaitService>().RunAsync("probe", Raw("""{"name":"a"}"""), timeoutSeconds: 2.5, default);
        Time.Advance(TimeSpan.FromSeconds(2.5));

        var (slug, problem) = await ProblemOf(run);
        Assert.Equal("timeout", slug);
        Assert.Contains("2.5 s", problem.Detail, StringComparison.Ordinal);
        Assert.Equal(["a"], Probe.Cancelled);
    }

    [Fact]
    public async Task Without_a_timeout_the_maximum_applies()
    {
        var run = Get<AwaitService>().RunAsync("probe", Raw("""{"name":"a"}"""), timeoutSeconds: null, default);
        Time.Advance(TimeSpan.FromHours(1));

        Assert.Equal("timeout", (await ProblemOf(run)).Slug);
    }

    [Fact]
    public async Task The_callers_cancellation_is_not_a_timeout()
    {
        using var caller = new CancellationTokenSource();
        var run = Get<AwaitService>().RunAsync("probe", Raw("""{"name":"a"}"""), timeoutSeconds: 1, caller.Token);
        await caller.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => run.WaitAsync(Limit));
        Assert.Equal(["a"], Probe.Cancelled);
    }

    [Fact]
    public async Task An_operations_own_error_is_passed_on_unchanged()
    {
        var run = Get<AwaitService>().RunAsync("probe", Raw("""{"name":"a"}"""), null, default);
        Probe.Fail("a");

        Assert.Equal("a failed", (await Assert.ThrowsAsync<OperationException>(() => run.WaitAsync(Limit))).Message);
    }

    [Fact]
    public async Task A_cpu_operation_runs_on_a_thread_of_the_scheduler()
    {
        var response = await Get<AwaitService>().RunAsync("math.square", Raw("""{"x":12}"""), null, default);

        Assert.Equal("144", response.Result.ToString());
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    [InlineData(3_600.1)]
    [InlineData(double.NaN)]
    [InlineData(double.PositiveInfinity)]
    public async Task A_timeout_out_of_range_is_refused_before_anything_starts(double seconds)
    {
        var (slug, problem) = await ProblemOf(Get<AwaitService>().RunAsync("probe", Raw("""{"name":"a"}"""), seconds, default));

        Assert.Equal("invalid-request", slug);
        Assert.Equal(["/timeoutSeconds"], problem.Errors!.Keys);
        Assert.Empty(Probe.Started);
    }
}
