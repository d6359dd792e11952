using FunctionsApp.Core.Limits;
using FunctionsApp.Core.Patterns.Gather;
using FunctionsApp.Core.Problems;

namespace FunctionsApp.Core.Tests.Patterns.Gather;

public sealed class GatherStreamTests() : PatternTests(("Limits:MaxResultBytes", "200000"))
{
    [Fact]
    public async Task Each_result_is_sent_when_its_call_ends_and_then_the_summary()
    {
        await using var stream = Stream("a,b");
        var first = stream.MoveNextAsync().AsTask();
        Probe.Succeed("b");
        Assert.True(await first);
        Assert.Equal("b", stream.Current.Result!.Id);
        var second = stream.MoveNextAsync().AsTask();
        Probe.Succeed("a");
        Assert.True(await second);
        Assert.Equal("a", stream.Current.Result!.Id);
        Assert.True(await stream.MoveNextAsync());

        Assert.Equal(new GatherSummary(2, 0, 0, 0), stream.Current.Summary);
        Assert.False(await stream.MoveNextAsync());
    }

    [Fact]
    public async Task A_failure_that_ends_the_gather_comes_after_earlier_results()
    {
        await using var stream = Stream("a,b,c");
        var first = stream.MoveNextAsync().AsTask();
        Probe.Succeed("a");
        Probe.Fail("b");
        Assert.True(await first);
        Assert.Equal("a", stream.Current.Result!.Id);

        var exception = await Assert.ThrowsAsync<ProblemException>(async () => await stream.MoveNextAsync());
        Assert.Equal((1, "b"), (exception.Problem.Index, exception.Problem.Id));
        Assert.Equal(["c"], Probe.Cancelled);
    }

    [Fact]
    public async Task The_losers_of_a_race_come_last()
    {
        var events = new List<GatherEvent>();
        await using var stream = Stream("a,b,c", "\"returnWhen\":\"firstSucceeded\"");
        var first = stream.MoveNextAsync().AsTask();
        Probe.Succeed("b");
        for (var more = await first; more; more = await stream.MoveNextAsync())
        {
            events.Add(stream.Current);
        }

        Assert.Equal(["b", "a", "c", null], events.Select(static item => item.Result?.Id));
        Assert.Equal(new GatherSummary(1, 0, 2, 0), events[^1].Summary);
    }

    [Fact]
    public async Task Leaving_early_stops_all_calls()
    {
        await using (var stream = Stream("a,b,c"))
        {
            Probe.Succeed("b");
            Assert.True(await stream.MoveNextAsync());
        }

        Assert.Equal(0, Probe.Running);
        Assert.Equal(0, Time.Timers);
        Assert.Equal(["a", "c"], Probe.Cancelled.Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task A_slow_reader_delays_calls_that_have_not_started()
    {
        var names = Enumerable.Range(0, 1_000).Select(static i => $"{i}").ToList();
        names.ForEach(Probe.Succeed);
        await using var stream = Stream(string.Join(',', names), "\"maxConcurrency\":2");
        Assert.True(await stream.MoveNextAsync());

        // One is taken; some wait to be; each of the two slots may hold one more.
        Assert.InRange(Probe.Started.Count, 1, 40);
        var count = 1;
        while (await stream.MoveNextAsync())
        {
            count++;
        }

        Assert.Equal(1_001, count);
    }

    /// <summary>At most 18 results are held at once: 16 wait, one is taken, and one is published.</summary>
    [Fact]
    public async Task Sent_results_are_released()
    {
        var names = Enumerable.Range(0, 100).Select(static i => $"{i}".PadLeft(10_000, '0')).ToList();
        names.ForEach(Probe.Succeed);
        var budget = Get<MemoryBudget>();
        using var memory = RequestMemory.Current = budget.Open();
        await using (var stream = StreamLong(names))
        {
            while (await stream.MoveNextAsync())
            {
                // What a call is about to take may be released already: for a moment less than nothing is taken.
                Assert.InRange(budget.Taken, -100_000, 200_000);
                Assert.NotEqual(CallStatus.Failed, stream.Current.Result?.Status);
                Assert.Equal(stream.Current.Result is null ? 100 : 0, stream.Current.Summary?.Succeeded ?? 0);
            }
        }

        Assert.Equal(0, budget.Taken);
    }

    [Fact]
    public async Task In_one_piece_they_are_too_large()
    {
        var names = Enumerable.Range(0, 100).Select(static i => $"{i}".PadLeft(10_000, '0')).ToList();
        names.ForEach(Probe.Succeed);

        var (slug, problem) = await ProblemOf(Get<GatherService>().RunAsync(RequestOfLong(names), default));

        Assert.Equal(("too-large", 19), (slug, problem.Index));
        Assert.Contains("Limits:MaxResultBytes", problem.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task With_returnExceptions_a_result_that_is_too_large_is_a_failed_result()
    {
        var names = Enumerable.Range(0, 30).Select(static i => $"{i}".PadLeft(10_000, '0')).ToList();
        names.ForEach(Probe.Succeed);

        var response = await Get<GatherService>().RunAsync(RequestOfLong(names, returnExceptions: "true"), default);

        Assert.Equal((19, 11), (response.Succeeded, response.Failed));
        Assert.All(response.Results.Skip(19), static result => Assert.Equal("/problems/too-large", result.Error!.Type));
    }

    private IAsyncEnumerator<GatherEvent> StreamLong(List<string> names) => Get<GatherService>().StreamAsync(RequestOfLong(names), default).GetAsyncEnumerator();

    /// <summary>Calls one after the other, with results as long as their names.</summary>
    private GatherRequest RequestOfLong(List<string> names, string returnExceptions = "false")
    {
        var calls = names.Select(static name => $$$"""{"operation":"probe","input":{"name":"{{{name}}}"} }""");
        return Read<GatherRequest>($$"""{"calls":[{{string.Join(',', calls)}}],"maxConcurrency":1,"returnExceptions":{{returnExceptions}}}""");
    }

    [Fact]
    public async Task A_failure_stays_the_end_when_the_reader_is_slower_than_the_timeout()
    {
        // More results than may wait for the reader, so that some slots still publish when the limit passes.
        var names = Enumerable.Range(0, 30).Select(static i => $"{i}").ToList();
        await using var stream = Stream(string.Join(',', names) + ",fails,endless", "\"timeoutSeconds\":1");
        var first = stream.MoveNextAsync().AsTask();
        names.ForEach(Probe.Succeed);
        Assert.True(await first);
        Probe.Fail("fails");
        Assert.True(SpinWait.SpinUntil(() => Probe.Cancelled.Count == 1, Limit));
        Time.Advance(TimeSpan.FromSeconds(2));

        var count = 1;
        var exception = await Assert.ThrowsAsync<ProblemException>(async () =>
        {
            while (await stream.MoveNextAsync())
            {
                count++;
            }
        });
        Assert.Equal((30, 30, "fails"), (count, exception.Problem.Index, exception.Problem.Id));
    }

    [Fact]
    public async Task The_first_winner_stays_the_result_when_the_reader_is_slower_than_the_timeout()
    {
        await using var stream = Stream("a,b,c", "\"returnWhen\":\"firstCompleted\",\"timeoutSeconds\":1");
        var lingering = new TaskCompletionSource();
        Probe.Lingering = lingering.Task;
        var first = stream.MoveNextAsync().AsTask();
        Probe.Succeed("b");
        Assert.True(await first);
        Assert.True(SpinWait.SpinUntil(() => Probe.Cancelled.Count == 2, Limit));
        Time.Advance(TimeSpan.FromSeconds(2));
        lingering.SetException(new OperationException("too late"));

        var events = new List<GatherEvent>();
        while (await stream.MoveNextAsync())
        {
            events.Add(stream.Current);
        }

        // The losers failed while they stopped: that is told, and does not change who has won.
        Assert.Equal(["a", "c"], events.SkipLast(1).Select(static item => item.Result!.Id).Order(StringComparer.Ordinal));
        Assert.Equal(new GatherSummary(1, 2, 0, 2_000), events[^1].Summary);
    }

    private IAsyncEnumerator<GatherEvent> Stream(string names, string options = "\"returnWhen\":\"allCompleted\"")
    {
        var calls = names.Split(',').Select(static name => $$$"""{"id":"{{{name}}}","operation":"probe","input":{"name":"{{{name}}}"} }""");
        return Get<GatherService>().StreamAsync(Read<GatherRequest>($$"""{"calls":[{{string.Join(',', calls)}}],{{options}}}"""), default).GetAsyncEnumerator();
    }
}
