using FsCheck;
using FsCheck.Fluent;
using FunctionsApp.Core.Limits;
using FunctionsApp.Core.Problems;
using Microsoft.Extensions.Options;

namespace FunctionsApp.Core.Tests.Limits;

/// <summary>Which requests get memory, in which order, and how long the others wait, on a manual clock.</summary>
public sealed class MemoryBudgetTests
{
    private const long Limit = 1_000;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly ManualTimeProvider _time = new();
    private readonly MemoryBudget _budget;

    public MemoryBudgetTests() => _budget = Budget(Limit);

    [Fact]
    public void Available_memory_is_granted_at_once()
    {
        Assert.True(Enter(600).IsCompletedSuccessfully);
        Assert.True(_budget.TryTake(400));

        Assert.Equal((1_000, 0), (_budget.Taken, _time.Timers));
    }

    [Fact]
    public void A_request_waits_for_missing_memory()
    {
        Take(600);

        var waiting = Enter(401);

        Assert.Equal((false, 600), (waiting.IsCompleted, _budget.Taken));
    }

    [Fact]
    public async Task Waiting_requests_get_memory_in_order()
    {
        Take(1_000);
        var (first, second, third) = (Enter(300), Enter(300), Enter(300));

        _budget.Give(700);
        await SeeAsync(first);
        Assert.Equal((false, false, 600), (second.IsCompleted, third.IsCompleted, _budget.Taken));
        _budget.Give(300);
        await SeeAsync(second);
        Assert.False(third.IsCompleted);
        _budget.Give(300);
        await SeeAsync(third);

        Assert.Equal(600, _budget.Taken);
    }

    [Fact]
    public void No_request_overtakes_a_waiting_one()
    {
        Take(600);
        var large = Enter(500);

        // There is room for it, and if it got that the large one might wait forever.
        var small = Enter(1);

        Assert.Equal((false, false), (large.IsCompleted, small.IsCompleted));
    }

    [Theory]
    [InlineData(150, true)]
    [InlineData(151, false)]
    public void A_quarter_is_reserved_for_requests_that_hold_memory(long bytes, bool enters)
    {
        Take(600);

        Assert.Equal(enters, Enter(bytes).IsCompletedSuccessfully);
    }

    [Theory]
    [InlineData(800, true)]
    [InlineData(801, false)]
    public void A_request_that_needs_more_than_the_rest_waits_only_until_it_fits(long bytes, bool enters)
    {
        Take(200);

        Assert.Equal(enters, Enter(bytes).IsCompletedSuccessfully);
    }

    [Fact]
    public void A_request_that_holds_memory_does_not_wait_behind_new_ones()
    {
        Take(600);
        var entering = Enter(500);

        Assert.True(_budget.TryTake(400));
        Assert.False(entering.IsCompleted);
    }

    [Theory]
    [InlineData(399, true)]
    [InlineData(400, true)]
    [InlineData(401, false)]
    public void A_request_that_holds_memory_does_not_wait_for_more(long bytes, bool expected)
    {
        Take(600);

        Assert.Equal((expected, expected ? 600 + bytes : 600), (_budget.TryTake(bytes), _budget.Taken));
    }

    [Fact]
    public async Task A_request_that_waits_too_long_is_refused_and_the_limit_named()
    {
        Take(1_000);
        var waiting = Enter(1);

        _time.Advance(MemoryBudget.MaxWait - TimeSpan.FromMilliseconds(1));
        Assert.False(waiting.IsCompleted);
        _time.Advance(TimeSpan.FromMilliseconds(1));

        var problem = await RefusalAsync(waiting);
        Assert.Equal(
            ("/problems/saturated", "Other requests hold the memory for all requests, 1000 bytes (Limits:MaxBytesInFlight).", 2),
            (problem.Type, problem.Detail, problem.RetryAfterSeconds));
        Assert.Equal((1_000, 0), (_budget.Taken, _time.Timers));
    }

    [Fact]
    public async Task A_refused_request_makes_room_for_the_next()
    {
        Take(600);
        var first = Enter(500);
        _time.Advance(TimeSpan.FromSeconds(1));
        var second = Enter(150);

        _time.Advance(MemoryBudget.MaxWait - TimeSpan.FromSeconds(1));

        await RefusalAsync(first);
        await SeeAsync(second);
        Assert.Equal(750, _budget.Taken);
    }

    [Fact]
    public async Task A_cancelled_request_leaves_the_queue_and_makes_room_for_the_next()
    {
        using var caller = new CancellationTokenSource();
        Take(600);
        var first = Enter(500, caller.Token);
        var second = Enter(150);

        await caller.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => first.WaitAsync(Patience));
        await SeeAsync(second);
        Assert.Equal(750, _budget.Taken);
    }

    [Fact]
    public async Task A_request_over_the_whole_budget_is_admitted_alone()
    {
        Take(1);
        var large = Enter(5_000);
        Assert.False(large.IsCompleted);

        _budget.Give(1);
        await SeeAsync(large);

        Assert.False(Enter(1).IsCompleted);
        Assert.Equal(5_000, _budget.Taken);
    }

    [Fact]
    public void The_queue_is_not_bounded()
    {
        Take(1_000);

        Assert.All(Enumerable.Range(0, 100), _ => Assert.False(Enter(500).IsCompleted));
    }

    [Fact]
    public void The_default_is_a_quarter_of_the_process_memory() =>
        Assert.Equal(
            GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 4, new MemoryBudget(Options.Create(new LimitsOptions()), _time).Limit);

    /// <summary>
    /// Any number of threads, each of which takes, waits, is cancelled, grows and gives as chance has it: what is taken is never
    /// more than the limit, and nothing of it is lost in the end. The clock stands still, so that no request is refused for waiting.
    /// </summary>
    [Fact]
    public void Concurrent_requests_never_hold_more_than_the_budget() =>
        Prop.ForAll(Gen.Choose(0, int.MaxValue).ToArbitrary(), seed =>
        {
            var budget = Budget(Limit);
            var most = 0L;
            Task.WhenAll(Enumerable.Range(0, 16).Select(i => Task.Run(() => LiveAsync(budget, new Random(seed ^ (i * 7_919)), () => Max(ref most, budget.Taken)))))
                .WaitAsync(Patience).GetAwaiter().GetResult();

            Assert.Equal(0, budget.Taken);
            Assert.InRange(most, 1, Limit);

            // The queue is empty.
            Assert.True(budget.TakeAsync(Limit, MemoryBudget.MaxWait, default).AsTask().IsCompletedSuccessfully);
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(50));

    /// <summary>One request after the other, none of which asks for more than there is at all.</summary>
    private static async Task LiveAsync(MemoryBudget budget, Random random, Action look)
    {
        for (var request = 0; request < 40; request++)
        {
            var held = 0L;
            for (var step = random.Next(1, 4); step > 0; step--)
            {
                using var caller = new CancellationTokenSource();
                var bytes = random.Next(1, (int)Limit / 4);
                if (held > 0)
                {
                    held += budget.TryTake(bytes) ? bytes : 0;
                    continue;
                }

                try
                {
                    var taking = budget.TakeAsync(bytes, MemoryBudget.MaxWait, caller.Token).AsTask();
                    if (random.Next(4) == 0)
                    {
                        await caller.CancelAsync();
                    }

                    await taking;
                    held += bytes;
                }
                catch (OperationCanceledException)
                {
                    // It leaves the queue.
                }

                look();
                await Task.Yield();
            }

            budget.Give(held);
        }
    }

    private static void Max(ref long most, long value)
    {
        for (var seen = Volatile.Read(ref most); value > seen; seen = Volatile.Read(ref most))
        {
            Interlocked.CompareExchange(ref most, value, seen);
        }
    }

    private static Task SeeAsync(params Task[] served) => Task.WhenAll(served).WaitAsync(Patience);

    private static async Task<Problem> RefusalAsync(Task waiting) => (await Assert.ThrowsAsync<ProblemException>(() => waiting.WaitAsync(Patience))).Problem;

    private MemoryBudget Budget(long limit) => new(Options.Create(new LimitsOptions { MaxBytesInFlight = limit }), _time);

    private void Take(long bytes) => Assert.True(Enter(bytes).IsCompletedSuccessfully);

    private Task Enter(long bytes, CancellationToken cancellationToken = default) => _budget.TakeAsync(bytes, MemoryBudget.MaxWait, cancellationToken).AsTask();
}
