using FsCheck;
using FsCheck.Fluent;
using FunctionsApp.Core.Limits;
using FunctionsApp.Core.Problems;
using Microsoft.Extensions.Options;

namespace FunctionsApp.Core.Tests.Limits;

/// <summary>Who gets room, in which order, and for how long the others wait, on a clock that stands still.</summary>
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
        Assert.True(Grow(400).IsCompletedSuccessfully);

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

        _budget.Give(500);
        await SeeAsync(first);
        Assert.Equal((false, false, 800), (second.IsCompleted, third.IsCompleted, _budget.Taken));
        _budget.Give(500);
        await SeeAsync(second, third);

        Assert.Equal(900, _budget.Taken);
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

    [Fact]
    public async Task Requests_that_hold_memory_go_first()
    {
        Take(1_000);
        var (entering, growing) = (Enter(300), Grow(300));

        _budget.Give(300);
        await SeeAsync(growing);
        Assert.False(entering.IsCompleted);
        _budget.Give(300);
        await SeeAsync(entering);
    }

    [Fact]
    public async Task Of_the_requests_that_hold_memory_the_oldest_goes_first()
    {
        Take(1_000);
        var (young, old) = (Grow(200, age: 2), Grow(200, age: 1));

        _budget.Give(200);
        await SeeAsync(old);
        Assert.False(young.IsCompleted);
        _budget.Give(200);

        await SeeAsync(young);
    }

    [Fact]
    public async Task The_youngest_request_is_refused_when_an_older_one_needs_its_place_in_the_queue()
    {
        Take(1_000);
        var (old, young) = (Grow(200, age: 1), Grow(300, age: 3));

        var middle = Grow(200, age: 2);

        Assert.Equal("/problems/saturated", (await RefusalAsync(young)).Type);
        Assert.Equal((false, false), (old.IsCompleted, middle.IsCompleted));
    }

    /// <summary>Each of them waits for the memory of the other.</summary>
    [Fact]
    public async Task Only_the_youngest_of_deadlocked_requests_is_refused_if_that_is_sufficient()
    {
        Take(1_000);
        var (old, young) = (Grow(200, age: 1), Grow(200, age: 2));

        _time.Advance(MemoryBudget.MaxWait);
        await RefusalAsync(young);
        Assert.False(old.IsCompleted);
        _budget.Give(500);

        await SeeAsync(old);
        Assert.Equal(700, _budget.Taken);
    }

    [Fact]
    public void A_request_that_holds_memory_does_not_wait_behind_new_ones()
    {
        Take(600);
        var entering = Enter(500);

        Assert.True(Grow(400).IsCompletedSuccessfully);
        Assert.False(entering.IsCompleted);
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
        var second = Enter(400);

        _time.Advance(MemoryBudget.MaxWait - TimeSpan.FromSeconds(1));

        await RefusalAsync(first);
        await SeeAsync(second);
        Assert.Equal(1_000, _budget.Taken);
    }

    [Fact]
    public async Task A_cancelled_request_leaves_the_queue_and_makes_room_for_the_next()
    {
        using var caller = new CancellationTokenSource();
        Take(600);
        var first = Enter(500, caller.Token);
        var second = Enter(400);

        await caller.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => first.WaitAsync(Patience));
        await SeeAsync(second);
        Assert.Equal(1_000, _budget.Taken);
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
    public async Task Waiting_growth_is_at_most_half_of_the_budget()
    {
        Take(1_000);
        var first = Grow(500);

        // What waits to grow exists already.
        var problem = (await Assert.ThrowsAsync<ProblemException>(() => Grow(1))).Problem;

        Assert.Equal("/problems/saturated", problem.Type);
        Assert.False(first.IsCompleted);
    }

    [Fact]
    public async Task Granted_growth_makes_room_for_more_to_wait()
    {
        using var caller = new CancellationTokenSource();
        Take(1_000);
        var (served, cancelled) = (Grow(300), Grow(200, caller.Token));

        _budget.Give(300);
        await SeeAsync(served);
        await caller.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => cancelled.WaitAsync(Patience));

        Assert.All((long[])[100, 400], bytes => Assert.False(Grow(bytes).IsCompleted));
    }

    [Fact]
    public void The_queue_of_new_requests_is_not_bounded()
    {
        Take(1_000);

        Assert.All(Enumerable.Range(0, 100), _ => Assert.False(Enter(500).IsCompleted));
    }

    [Theory]
    [InlineData(399, true)]
    [InlineData(400, true)]
    [InlineData(401, false)]
    public void A_caller_that_cannot_wait_gets_available_memory(long bytes, bool expected)
    {
        Take(600);

        Assert.Equal((expected, expected ? 600 + bytes : 600), (_budget.TryTake(bytes), _budget.Taken));
    }

    [Fact]
    public void A_caller_that_cannot_wait_does_not_overtake_growing_requests()
    {
        Take(900);
        var growing = Grow(200);

        Assert.Equal((false, false), (growing.IsCompleted, _budget.TryTake(1)));
    }

    [Fact]
    public void The_default_is_a_quarter_of_the_process_memory() =>
        Assert.Equal(
            GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 4, new MemoryBudget(Options.Create(new LimitsOptions()), _time).Limit);

    /// <summary>
    /// Any number of threads, each of which takes, waits, is cancelled, grows and gives as chance has it: what is taken is never
    /// more than the limit, and nothing of it is lost in the end. The clock stands still, so that nobody is refused for waiting.
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

            // Whoever comes next finds nobody in the queue.
            Assert.True(budget.TakeAsync(Limit, age: null, waited: default, default).AsTask().IsCompletedSuccessfully);
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(50));

    /// <summary>One request after the other, none of which asks for more than there is at all.</summary>
    private static async Task LiveAsync(MemoryBudget budget, Random random, Action look)
    {
        for (var request = 0; request < 40; request++)
        {
            var held = 0L;
            for (var step = random.Next(1, 4); step > 0; step--)
            {
                // Requests that hold all there is between them would wait for each other forever on this clock.
                using var caller = new CancellationTokenSource();
                var bytes = random.Next(1, (int)Limit / 4);
                try
                {
                    var taking = budget.TakeAsync(bytes, held > 0 ? (long?)request : null, waited: default, caller.Token).AsTask();
                    if (held > 0 || random.Next(4) == 0)
                    {
                        await caller.CancelAsync();
                    }

                    await taking;
                    held += bytes;
                }
                catch (Exception exception) when (exception is OperationCanceledException or ProblemException)
                {
                    // Cancelled, or refused because too much waits to grow.
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

    private Task Enter(long bytes, CancellationToken cancellationToken = default) => _budget.TakeAsync(bytes, age: null, waited: TimeSpan.Zero, cancellationToken).AsTask();

    private Task Grow(long bytes, CancellationToken cancellationToken) => Grow(bytes, age: 1, cancellationToken);

    private Task Grow(long bytes, long age = 1, CancellationToken cancellationToken = default) => _budget.TakeAsync(bytes, age, waited: TimeSpan.Zero, cancellationToken).AsTask();
}
