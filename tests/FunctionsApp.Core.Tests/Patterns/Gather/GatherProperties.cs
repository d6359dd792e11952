using System.Diagnostics;
using FsCheck;
using FsCheck.Fluent;
using FunctionsApp.Core.Json;
using FunctionsApp.Core.Patterns.Gather;
using FunctionsApp.Core.Problems;

namespace FunctionsApp.Core.Tests.Patterns.Gather;

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
    public void Every_call_has_one_result_and_nothing_runs_afterwards() => Check(scenario =>
    {
        var (response, problem) = Run(Get<GatherService>().RunAsync(Request(scenario), default));

        Assert.Equal(0, Time.Timers);
        if (problem is not null)
        {
            Assert.False(scenario.ReturnExceptions);
            return;
        }

        Assert.Equal(Enumerable.Range(0, scenario.Calls.Count), response!.Results.Select(static result => result.Index));
        Assert.Equal(response.Results.Count(static result => result.Status == CallStatus.Succeeded), response.Succeeded);
        Assert.Equal(response.Results.Count(static result => result.Status == CallStatus.Failed), response.Failed);
        Assert.Equal(response.Results.Count(static result => result.Status == CallStatus.Cancelled), response.Cancelled);
        Assert.All(response.Results, static result =>
        {
            Assert.Equal(result.Status == CallStatus.Succeeded, result.Result is not null);
            Assert.Equal(result.Status == CallStatus.Failed, result.Error is not null);
            Assert.True(result.StartedMs <= result.FinishedMs);
        });
    });

    [Fact]
    public void The_first_deciding_event_determines_the_outcome() => Check(scenario =>
    {
        scenario = Decidable(scenario);
        var (response, problem) = Run(Get<GatherService>().RunAsync(Request(scenario), default), EndMs(scenario));

        AssertDecision(scenario, problem, response?.Results);
    });

    [Fact]
    public void The_first_deciding_event_determines_the_outcome_even_for_a_slow_reader() => Check(scenario =>
    {
        // All start at once: a slow reader would hold up those that start later.
        scenario = Decidable(scenario) with { MaxConcurrency = null };
        var over = new TaskCompletionSource();
        var (events, problem) = Run(CollectAsync(Request(scenario), over.Task), EndMs(scenario), over.TrySetResult);

        AssertDecision(scenario, problem, events?.SkipLast(1).Select(static item => item.Result!).ToList());
    });

    [Fact]
    public void Completion_order_is_the_order_of_the_ends() => Check(scenario =>
    {
        var (response, _) = Run(Get<GatherService>().RunAsync(Request(scenario), default));
        if (response is null)
        {
            return;
        }

        var ended = response.Results.Where(static result => result.Status != CallStatus.Cancelled).Select(static result => result.Index);
        Assert.Equal(ended, response.CompletionOrder.Order());
        var ends = response.CompletionOrder.Select(index => response.Results[index].FinishedMs).ToList();
        Assert.Equal(ends.Order(), ends);
    });

    [Fact]
    public void Calls_start_in_order_and_within_maxConcurrency() => Check(scenario =>
    {
        var (response, _) = Run(Get<GatherService>().RunAsync(Request(scenario with { ReturnExceptions = true }), default));

        var starts = response!.Results.Select(static result => result.StartedMs).ToList();
        Assert.Equal(starts.Order(), starts);
        Assert.All(starts, start => Assert.InRange(
            response.Results.Count(other => other.StartedMs < start && other.FinishedMs > start), 0, (scenario.MaxConcurrency ?? int.MaxValue) - 1));
    });

    [Fact]
    public void When_all_are_awaited_each_call_ends_as_it_would_alone() => Check(scenario =>
    {
        var (response, _) = Run(Get<GatherService>().RunAsync(
            Request(Unlimited(scenario)), default));

        Assert.Equal(
            scenario.Calls.Select(static call => call.Fails ? CallStatus.Failed : CallStatus.Succeeded),
            response!.Results.Select(static result => result.Status));
        Assert.Equal(
            scenario.Calls.Select(static call => (double)call.DurationMs),
            response.Results.Select(static result => result.FinishedMs - result.StartedMs));
    });

    [Fact]
    public void A_stream_has_the_same_results_as_a_response_in_one_piece() => Check(scenario =>
    {
        var request = Request(Unlimited(scenario));
        var (response, _) = Run(Get<GatherService>().RunAsync(request, default));
        var (events, _) = Run(CollectAsync(request));

        Assert.Equal(response!.Results.Select(static result => (result.Index, result.Status)), events!.SkipLast(1)
            .Select(static item => (item.Result!.Index, item.Result.Status)).Order());
        Assert.Equal(response.CompletionOrder.Order(), events!.SkipLast(1).Select(static item => item.Result!.Index).Order());
        Assert.Equal((response.Succeeded, response.Failed), (events![^1].Summary!.Succeeded, events[^1].Summary!.Failed));
    });

    /// <summary>
    /// The scenario with times from which follows what comes first. All calls end in even milliseconds, and the time limit passes
    /// in an odd one. No call has a limit of its own: such a limit ends its call on another thread, while time goes on.
    /// </summary>
    private static Scenario Decidable(Scenario scenario) => scenario with
    {
        Calls = [.. scenario.Calls.Select(static call => call with { DurationMs = call.DurationMs & ~1, LimitMs = null })],
        LimitMs = scenario.LimitMs | 1,
    };

    /// <summary>When nothing needs time any more: all calls have ended, or the limit has passed.</summary>
    private static int EndMs(Scenario scenario) => (scenario.LimitMs ?? Ends(scenario).Max(static end => (int?)end) ?? 0) + 1;

    /// <summary>When each call ends if nothing cancels it.</summary>
    private static List<int> Ends(Scenario scenario)
    {
        var slots = new PriorityQueue<int, int>(Enumerable.Repeat((0, 0), scenario.MaxConcurrency ?? Math.Max(scenario.Calls.Count, 1)));
        return [.. scenario.Calls.Select(call =>
        {
            var end = slots.Dequeue() + call.DurationMs;
            slots.Enqueue(end, end);
            return end;
        })];
    }

    /// <summary>Says how a gather has to end. Of calls that end in the same millisecond each may be the first.</summary>
    private static void AssertDecision(Scenario scenario, Problem? problem, IReadOnlyList<GatherResult>? results)
    {
        var (calls, ends, limit) = (scenario.Calls, Ends(scenario), scenario.LimitMs ?? int.MaxValue);
        var isLate = ends.Any(end => end > limit);
        var decisive = Enumerable.Range(0, calls.Count).Where(index => ends[index] < limit && scenario.ReturnWhen switch
        {
            ReturnWhen.FirstCompleted => true,
            ReturnWhen.FirstSucceeded => !calls[index].Fails || (!isLate && !scenario.ReturnExceptions && calls.All(static call => call.Fails)),
            _ => calls[index].Fails && !scenario.ReturnExceptions,
        }).ToList();
        var first = decisive.Select(index => (int?)ends[index]).Min();
        var winners = decisive.Where(index => ends[index] == first).ToList();
        if (first is null && isLate && !scenario.ReturnExceptions)
        {
            Assert.Equal(("timeout", null), (problem?.Slug, problem?.Index));
        }
        else if (problem is not null)
        {
            Assert.False(scenario.ReturnExceptions);
            Assert.Contains((int?)problem.Index ?? -1, winners);
            Assert.Equal((true, "operation-failed"), (calls[(int)problem.Index!].Fails, problem.Slug));
        }
        else
        {
            Assert.True(scenario.ReturnExceptions || winners.Count == 0 || winners.Any(index => !calls[index].Fails));
            Assert.All(results!, result =>
            {
                // Once it is decided the others are cancelled, unless they end by themselves before that reaches them.
                var endsByItself = first is not null || ends[result.Index] < limit;
                Assert.True(result.Status switch
                {
                    CallStatus.Succeeded => endsByItself && !calls[result.Index].Fails,
                    CallStatus.Failed => endsByItself ? calls[result.Index].Fails && result.Error!.Slug == "operation-failed" : result.Error!.Slug == "timeout",
                    _ => ends[result.Index] >= first,
                }, $"{result} of {scenario}");
            });
            Assert.Equal(calls.Count, results!.Count);
        }
    }

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

    /// <param name="request">The calls.</param>
    /// <param name="begin">When to read on after the first step; at once unless given.</param>
    private async Task<List<GatherEvent>> CollectAsync(GatherRequest request, Task? begin = null)
    {
        var events = new List<GatherEvent>();
        await using var stream = Get<GatherService>().StreamAsync(request, default).GetAsyncEnumerator();
        var first = stream.MoveNextAsync();
        await (begin ?? Task.CompletedTask);
        for (var more = await first; more; more = await stream.MoveNextAsync())
        {
            events.Add(stream.Current);
        }

        return events;
    }

    /// <summary>Advances the time until the task ends. What was cancelled ends on other threads, which are waited for meanwhile.</summary>
    /// <param name="task">The task.</param>
    /// <param name="endMs">When the clock stops, in milliseconds from now.</param>
    /// <param name="stopped">Is called when it has, until the task ends.</param>
    private (T? Result, Problem? Problem) Run<T>(Task<T> task, int endMs = int.MaxValue, Func<bool>? stopped = null)
        where T : class
    {
        var watch = Stopwatch.StartNew();
        for (var now = 0; !task.IsCompleted; now++)
        {
            Assert.True(watch.Elapsed < Limit, "It never ends.");
            if (now < endMs)
            {
                Time.Advance(TimeSpan.FromMilliseconds(1));
            }
            else
            {
                stopped?.Invoke();
            }

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
        TimeoutSeconds = (scenario.LimitMs + 0.25) / 1_000, // Whole milliseconds count, and 43 / 1000.0 s are less than 43.
        ReturnWhen = scenario.ReturnWhen,
    };

    private static string Seconds(int milliseconds) => RawJson.From(milliseconds / 1_000.0, CoreJson.TypeInfo<double>()).ToString();

    private sealed record Call(int DurationMs, bool Fails, int? LimitMs);

    private sealed record Scenario(IReadOnlyList<Call> Calls, bool ReturnExceptions, int? MaxConcurrency, int? LimitMs, ReturnWhen ReturnWhen);
}
