using System.Globalization;
using FunctionsApp.Core.Patterns.Gather;
using FunctionsApp.Core.Problems;

namespace FunctionsApp.Core.Tests.Patterns.Gather;

public sealed class GatherServiceTests : PatternTests
{
    [Fact]
    public async Task Calls_start_at_once_and_results_keep_their_order()
    {
        var run = RunAsync("a,b,c");
        Assert.Equal(["a", "b", "c"], Probe.Started);
        foreach (var name in "cab")
        {
            Time.Advance(TimeSpan.FromSeconds(1));
            Probe.Succeed($"{name}");
        }

        var response = await run.WaitAsync(Limit);
        Assert.Equal(["\"a\"", "\"b\"", "\"c\""], response.Results.Select(static result => result.Result.ToString()!));
        Assert.Equal([2, 0, 1], response.CompletionOrder);
        Assert.Equal([2_000, 3_000, 1_000], response.Results.Select(static result => result.FinishedMs));
        Assert.Equal((3, 0, 0, 3_000), (response.Succeeded, response.Failed, response.Cancelled, response.ElapsedMs));
    }

    [Fact]
    public async Task A_failure_is_the_response_only_when_the_others_have_stopped()
    {
        var lingering = new TaskCompletionSource();
        Probe.Lingering = lingering.Task;
        var run = RunAsync("a,b,c");
        Probe.Fail("b");

        // The cancellation reaches the others on another thread, and there they linger.
        Assert.True(SpinWait.SpinUntil(() => Probe.Cancelled.Count == 2, Limit));
        Assert.False(run.IsCompleted);
        lingering.SetResult();

        var (slug, problem) = await ProblemOf(run);
        Assert.Equal(("operation-failed", 1, "b"), (slug, problem.Index, problem.Id));
        Assert.Equal(0, Probe.Running);
    }

    [Theory]
    [InlineData("\"returnWhen\":\"allCompleted\"")]
    [InlineData("\"returnWhen\":\"firstCompleted\"")]
    public async Task A_deciding_failure_stays_the_response_after_a_later_timeout(string options)
    {
        var lingering = new TaskCompletionSource();
        Probe.Lingering = lingering.Task;
        var run = RunAsync("a,b", options + ",\"timeoutSeconds\":1");
        Probe.Fail("b");
        Assert.True(SpinWait.SpinUntil(() => Probe.Cancelled.Count == 1, Limit));
        Time.Advance(TimeSpan.FromSeconds(2));
        lingering.SetResult();

        var (slug, problem) = await ProblemOf(run);
        Assert.Equal(("operation-failed", 1), (slug, problem.Index));
    }

    [Theory]
    [InlineData("firstCompleted", false)]
    [InlineData("firstCompleted", true)]
    [InlineData("firstSucceeded", false)]
    [InlineData("firstSucceeded", true)]
    public async Task A_winner_stays_the_result_after_a_later_timeout(string returnWhen, bool returnExceptions)
    {
        var lingering = new TaskCompletionSource();
        Probe.Lingering = lingering.Task;
        var run = RunAsync("a,b", $"\"returnWhen\":\"{returnWhen}\",\"returnExceptions\":{(returnExceptions ? "true" : "false")},\"timeoutSeconds\":1");
        Probe.Succeed("b");
        Assert.True(SpinWait.SpinUntil(() => Probe.Cancelled.Count == 1, Limit));
        Time.Advance(TimeSpan.FromSeconds(2));
        lingering.SetResult();

        var response = await run.WaitAsync(Limit);
        Assert.Equal([CallStatus.Cancelled, CallStatus.Succeeded], response.Results.Select(static result => result.Status));
        Assert.Equal((1, 0, 1), (response.Succeeded, response.Failed, response.Cancelled));
    }

    [Fact]
    public async Task A_winner_stays_the_result_when_a_loser_fails_while_it_stops()
    {
        var lingering = new TaskCompletionSource();
        Probe.Lingering = lingering.Task;
        var run = RunAsync("a,b", "\"returnWhen\":\"firstCompleted\"");
        Probe.Succeed("b");
        Assert.True(SpinWait.SpinUntil(() => Probe.Cancelled.Count == 1, Limit));
        lingering.SetException(new OperationException("too late"));

        var response = await run.WaitAsync(Limit);
        Assert.Equal([CallStatus.Failed, CallStatus.Succeeded], response.Results.Select(static result => result.Status));
        Assert.Equal([1, 0], response.CompletionOrder);
    }

    [Fact]
    public async Task With_returnExceptions_the_others_continue()
    {
        var run = RunAsync("a,b", "\"returnExceptions\":true");
        Probe.Fail("a");
        Probe.Succeed("b");

        var response = await run.WaitAsync(Limit);
        Assert.Equal([CallStatus.Failed, CallStatus.Succeeded], response.Results.Select(static result => result.Status));
        Assert.Equal([0, 1], response.CompletionOrder);
        Assert.Equal("a failed", response.Results[0].Error!.Detail);
    }

    [Fact]
    public async Task An_unexpected_failure_among_the_results_has_no_internals()
    {
        var run = RunAsync("a", "\"returnExceptions\":true");
        Probe.Break("a");

        var response = await run.WaitAsync(Limit);
        Assert.Equal("/problems/internal-error", response.Results[0].Error!.Type);
        Assert.DoesNotContain("secret", Json(response), StringComparison.Ordinal);
    }

    [Fact]
    public async Task At_most_maxConcurrency_calls_run_and_they_start_in_order()
    {
        var run = RunAsync("a,b,c,d", "\"maxConcurrency\":2");
        Assert.Equal(["a", "b"], Probe.Started);
        Probe.Succeed("b");
        Assert.Equal(["a", "b", "c"], Probe.Started);
        Probe.Succeed("c");
        Assert.Equal(["a", "b", "c", "d"], Probe.Started);
        Probe.Succeed("a");
        Probe.Succeed("d");

        Assert.Equal(4, (await run.WaitAsync(Limit)).Succeeded);
    }

    [Fact]
    public async Task After_a_failure_waiting_calls_never_start()
    {
        var run = RunAsync("a,b", "\"maxConcurrency\":1");
        Probe.Fail("a");

        await ProblemOf(run);
        Assert.Equal(["a"], Probe.Started);
    }

    [Theory]
    [InlineData("firstCompleted")]
    [InlineData("firstSucceeded")]
    public async Task The_first_to_succeed_cancels_the_others(string returnWhen)
    {
        var run = RunAsync("a,b,c", $"\"returnWhen\":\"{returnWhen}\"");
        Probe.Succeed("b");

        var response = await run.WaitAsync(Limit);
        Assert.Equal([CallStatus.Cancelled, CallStatus.Succeeded, CallStatus.Cancelled], response.Results.Select(static result => result.Status));
        Assert.Equal([1], response.CompletionOrder);
        Assert.Equal((1, 0, 2), (response.Succeeded, response.Failed, response.Cancelled));
        Assert.Equal(["a", "c"], Probe.Cancelled.Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task The_first_to_complete_may_have_failed()
    {
        var raising = RunAsync("a,b", "\"returnWhen\":\"firstCompleted\"");
        Probe.Fail("a");
        Assert.Equal(0, (await ProblemOf(raising)).Problem.Index);

        var returning = RunAsync("c,d", "\"returnWhen\":\"firstCompleted\",\"returnExceptions\":true");
        Probe.Fail("c");
        Assert.Equal([CallStatus.Failed, CallStatus.Cancelled], (await returning.WaitAsync(Limit)).Results.Select(static result => result.Status));
    }

    [Fact]
    public async Task When_no_call_succeeds_the_first_failure_is_the_response_or_all_are_results()
    {
        var raising = RunAsync("a,b", "\"returnWhen\":\"firstSucceeded\"");
        Probe.Fail("b");
        Probe.Fail("a");
        Assert.Equal("b", (await ProblemOf(raising)).Problem.Id);

        var returning = RunAsync("c,d", "\"returnWhen\":\"firstSucceeded\",\"returnExceptions\":true");
        Probe.Fail("c");
        Probe.Fail("d");
        Assert.Equal(2, (await returning.WaitAsync(Limit)).Failed);
    }

    [Fact]
    public async Task A_calls_timeout_starts_with_the_call()
    {
        var run = Get<GatherService>().RunAsync(Read<GatherRequest>("""
            {"returnExceptions":true,"maxConcurrency":1,"calls":[
              {"operation":"delay","input":{"seconds":5}},
              {"operation":"probe","input":{"name":"b"},"timeoutSeconds":1}]}
            """), default);
        Time.Advance(TimeSpan.FromSeconds(5));
        Assert.Equal(["b"], Probe.Started);
        Time.Advance(TimeSpan.FromSeconds(1));

        var response = await run.WaitAsync(Limit);
        Assert.Equal([CallStatus.Succeeded, CallStatus.Failed], response.Results.Select(static result => result.Status));
        Assert.Equal("/problems/timeout", response.Results[1].Error!.Type);
        Assert.Equal(["b"], Probe.Cancelled);
    }

    [Fact]
    public async Task The_timeout_of_the_gather_fails_running_and_waiting_calls()
    {
        var run = RunAsync("a,b,c", "\"returnExceptions\":true,\"maxConcurrency\":2,\"timeoutSeconds\":3");
        Time.Advance(TimeSpan.FromSeconds(1));
        Probe.Succeed("a");
        Time.Advance(TimeSpan.FromSeconds(2));

        var response = await run.WaitAsync(Limit);
        Assert.Equal((1, 2, 0), (response.Succeeded, response.Failed, response.Cancelled));
        Assert.All(response.Results.Skip(1), static result => Assert.Equal("/problems/timeout", result.Error!.Type));
        Assert.Equal([0, 1, 2], response.CompletionOrder.Order());
        Assert.Equal(0, Probe.Running);
    }

    [Fact]
    public async Task The_callers_cancellation_stops_every_call()
    {
        using var caller = new CancellationTokenSource();
        var run = RunAsync("a,b", "\"returnExceptions\":true", caller.Token);
        await caller.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => run.WaitAsync(Limit));
        Assert.Equal(["a", "b"], Probe.Cancelled.Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task An_invalid_call_prevents_all_from_starting()
    {
        var run = Get<GatherService>().RunAsync(Read<GatherRequest>("""
            {"calls":[{"operation":"probe","input":{"name":"a"}},{"operation":"probe","input":{}},{"operation":"probe","input":{"name":1}}]}
            """), default);

        Assert.Equal(["/calls/1/input/name", "/calls/2/input/name"], (await ProblemOf(run)).Problem.Errors!.Keys);
        Assert.Empty(Probe.Started);
    }

    [Fact]
    public async Task A_gather_of_no_calls_has_no_results()
    {
        var response = await Get<GatherService>().RunAsync(Read<GatherRequest>("""{"calls":[]}"""), default);

        Assert.Equal("""{"results":[],"completionOrder":[],"succeeded":0,"failed":0,"cancelled":0,"elapsedMs":0}""", Json(response));
    }

    [Fact]
    public async Task Ten_thousand_calls_work()
    {
        var calls = string.Join(',', Enumerable.Range(0, 10_000).Select(static i => string.Create(CultureInfo.InvariantCulture,
            $$$"""{"operation":"delay","input":{"seconds":{{{i % 7}}},"result":{{{i}}}} }""")));
        var run = Get<GatherService>().RunAsync(Read<GatherRequest>($$"""{"calls":[{{calls}}]}"""), default);
        Time.Advance(TimeSpan.FromSeconds(6));

        var response = await run.WaitAsync(Limit);
        Assert.Equal(10_000, response.Succeeded);
        Assert.Equal(Enumerable.Range(0, 10_000), response.CompletionOrder.Order());
        Assert.Equal(6_000, response.ElapsedMs);
    }

    private Task<GatherResponse> RunAsync(string names, string options = "\"returnWhen\":\"allCompleted\"", CancellationToken cancellationToken = default)
    {
        var calls = names.Split(',').Select(static name => $$$"""{"id":"{{{name}}}","operation":"probe","input":{"name":"{{{name}}}"} }""");
        return Get<GatherService>().RunAsync(Read<GatherRequest>($$"""{"calls":[{{string.Join(',', calls)}}],{{options}}}"""), cancellationToken);
    }
}
