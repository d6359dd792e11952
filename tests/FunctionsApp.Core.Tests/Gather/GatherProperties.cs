using System.Diagnostics;
using FsCheck;
using FsCheck.Fluent;
using FunctionsApp.Core.Gather;
using FunctionsApp.Core.Json;
using FunctionsApp.Core.Problems;

namespace FunctionsApp.Core.Tests.Gather;

/// <summary>What holds of a gather whatever its calls and options are.</summary>
public sealed class GatherProperties : PatternTests
{
    private static readonly Gen<Call> Calls =
        from durationMs in Gen.Choose(0, 50)
        from fails in Gen.Frequency((3, Gen.Constant(false)), (1, Gen.Constant(true)))
        from limitMs in Gen.Frequency((3, Gen.Constant<int?>(null)), (1, Gen.Choose(1, 50).Select(static ms => (int?)ms)))
        select new Call(durationMs, fails, limitMs);

    private static readonly Gen<Scenario> Scenarios =
        from calls in Calls.ListOf()
        from returnExceptions in Gen.Elements(true, false)
        from maxConcurrency in Gen.Frequency((1, Gen.Constant<int?>(null)), (2, Gen.Choose(1, 4).Select(static n => (int?)n)))
        from limitMs in Gen.Frequency((2, Gen.Constant<int?>(null)), (1, Gen.Choose(1, 80).Select(static ms => (int?)ms)))
        from returnWhen in calls.Count > 0 ? Gen.Elements(ReturnWhen.AllCompleted, ReturnWhen.FirstCompleted, ReturnWhen.FirstSucceeded) : Gen.Constant(ReturnWhen.AllCompleted)
        select new Scenario([.. calls], returnExceptions, maxConcurrency, limitMs, returnWhen);

    [Fact]
    public void Every_call_has_one_result_and_nothing_runs_any_more() => Check(scenario =>
    {
        var (answer, problem) = Run(Get<GatherService>().RunAsync(Request(scenario), default));

        Assert.Equal(0, Time.Timers);
        if (problem is not null)
        {
            Assert.False(scenario.ReturnExceptions);
            return;
        }

        Assert.Equal(Enumerable.Range(0, scenario.Calls.Count), answer!.Results.Select(static result => result.Index));
        Assert.Equal(answer.Results.Count(static result => result.Status == CallStatus.Succeeded), answer.Succeeded);
        Assert.Equal(answer.Results.Count(static result => result.Status == CallStatus.Failed), answer.Failed);
        Assert.Equal(answer.Results.Count(static result => result.Status == CallStatus.Cancelled), answer.Cancelled);
        Assert.All(answer.Results, static result =>
        {
            Assert.Equal(result.Status == CallStatus.Succeeded, result.Result is not null);
            Assert.Equal(result.Status == CallStatus.Failed, result.Error is not null);
            Assert.True(result.StartedMs <= result.FinishedMs);
        });
    });

    [Fact]
    public void Completion_order_is_that_of_the_ends() => Check(scenario =>
    {
        var (answer, _) = Run(Get<GatherService>().RunAsync(Request(scenario), default));
        if (answer is null)
        {
            return;
        }

        var ended = answer.Results.Where(static result => result.Status != CallStatus.Cancelled).Select(static result => result.Index);
        Assert.Equal(ended, answer.CompletionOrder.Order());
        var ends = answer.CompletionOrder.Select(index => answer.Results[index].FinishedMs).ToList();
        Assert.Equal(ends.Order(), ends);
    });

    [Fact]
    public void Calls_start_in_order_and_no_more_run_at_once_than_may() => Check(scenario =>
    {
        var (answer, _) = Run(Get<GatherService>().RunAsync(Request(scenario with { ReturnExceptions = true }), default));

        var starts = answer!.Results.Select(static result => result.StartedMs).ToList();
        Assert.Equal(starts.Order(), starts);
        Assert.All(starts, start => Assert.InRange(
            answer.Results.Count(other => other.StartedMs < start && other.FinishedMs > start), 0, (scenario.MaxConcurrency ?? int.MaxValue) - 1));
    });

    [Fact]
    public void When_all_are_waited_for_each_ends_as_it_would_alone() => Check(scenario =>
    {
        var (answer, _) = Run(Get<GatherService>().RunAsync(
            Request(Unlimited(scenario)), default));

        Assert.Equal(
            scenario.Calls.Select(static call => call.Fails ? CallStatus.Failed : CallStatus.Succeeded),
            answer!.Results.Select(static result => result.Status));
        Assert.Equal(
            scenario.Calls.Select(static call => (double)call.DurationMs),
            answer.Results.Select(static result => result.FinishedMs - result.StartedMs));
    });

    [Fact]
    public void A_stream_tells_what_the_answer_tells() => Check(scenario =>
    {
        var request = Request(Unlimited(scenario));
        var (answer, _) = Run(Get<GatherService>().RunAsync(request, default));
        var (events, _) = Run(CollectAsync(request));

        Assert.Equal(answer!.Results.Select(static result => (result.Index, result.Status)), events!.SkipLast(1)
            .Select(static item => (item.Result!.Index, item.Result.Status)).Order());
        Assert.Equal(answer.CompletionOrder.Order(), events!.SkipLast(1).Select(static item => item.Result!.Index).Order());
        Assert.Equal((answer.Succeeded, answer.Failed), (events![^1].Summary!.Succeeded, events[^1].Summary!.Failed));
    });

    private static void Check(Action<Scenario> property) =>
        Prop.ForAll(Scenarios.ToArbitrary(), property).Check(Config.QuickThrowOnFailure.WithMaxTest(150));

    /// <summary>The scenario without anything that cancels: then two runs of it are the same to the millisecond.</summary>
    private static Scenario Unlimited(Scenario scenario) => scenario with
    {
        Calls = [.. scenario.Calls.Select(static call => call with { LimitMs = null })],
        ReturnExceptions = true,
        ReturnWhen = ReturnWhen.AllCompleted,
        LimitMs = null,
    };

    private async Task<List<GatherEvent>> CollectAsync(GatherRequest request)
    {
        var events = new List<GatherEvent>();
        await foreach (var item in Get<GatherService>().StreamAsync(request, default))
        {
            events.Add(item);
        }

        return events;
    }

    /// <summary>Lets time pass until the task ends. What was cancelled ends on other threads, which are waited for meanwhile.</summary>
    private (T? Result, Problem? Problem) Run<T>(Task<T> task)
        where T : class
    {
        var watch = Stopwatch.StartNew();
        while (!task.IsCompleted)
        {
            Assert.True(watch.Elapsed < Limit, "It never ends.");
            Time.Advance(TimeSpan.FromMilliseconds(1));
            Thread.Yield();
        }

        return task.IsCompletedSuccessfully
            ? (task.GetAwaiter().GetResult(), null)
            : (null, Assert.IsType<ProblemException>(task.Exception!.InnerException).Problem);
    }

    private static GatherRequest Request(Scenario scenario) => new()
    {
        Calls = [.. scenario.Calls.Select(static call => new GatherCall
        {
            Operation = call.Fails ? "fail" : "delay",
            Input = Raw(call.Fails
                ? $$"""{"message":"as told","afterSeconds":{{Seconds(call.DurationMs)}}}"""
                : $$"""{"seconds":{{Seconds(call.DurationMs)}}}"""),
            TimeoutSeconds = call.LimitMs / 1_000.0,
        })],
        ReturnExceptions = scenario.ReturnExceptions,
        MaxConcurrency = scenario.MaxConcurrency,
        TimeoutSeconds = scenario.LimitMs / 1_000.0,
        ReturnWhen = scenario.ReturnWhen,
    };

    private static string Seconds(int milliseconds) => RawJson.From(milliseconds / 1_000.0, CoreJson.TypeInfo<double>()).ToString();

    private sealed record Call(int DurationMs, bool Fails, int? LimitMs);

    private sealed record Scenario(IReadOnlyList<Call> Calls, bool ReturnExceptions, int? MaxConcurrency, int? LimitMs, ReturnWhen ReturnWhen);
}
