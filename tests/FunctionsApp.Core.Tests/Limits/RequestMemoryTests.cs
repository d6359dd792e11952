using FunctionsApp.Core.Limits;
using FunctionsApp.Core.Problems;
using Microsoft.Extensions.Options;

namespace FunctionsApp.Core.Tests.Limits;

/// <summary>What one request holds, and what of it is charged to the budget that all requests share.</summary>
public sealed class RequestMemoryTests : IDisposable
{
    private const int Free = RequestMemory.FreeBytes;
    private const int MaxResults = 500_000;
    private const int Limit = 1_000_000;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly ManualTimeProvider _time = new();
    private readonly MemoryBudget _budget;
    private readonly RequestMemory _memory;

    public RequestMemoryTests()
    {
        _budget = new MemoryBudget(Options.Create(new LimitsOptions { MaxBytesInFlight = Limit, MaxResultBytes = MaxResults }), _time);
        _memory = _budget.Open();
    }

    [Fact]
    public async Task The_first_64_KiB_are_not_charged()
    {
        await HoldAsync(Free - 1);
        _memory.Hold(1);
        Assert.Equal(0, _budget.Taken);

        _memory.HoldResult(1);

        Assert.Equal(1, _budget.Taken);
    }

    [Fact]
    public void A_request_within_them_never_waits_for_a_large_one()
    {
        Fill();

        Assert.True(HoldAsync(Free).IsCompletedSuccessfully);
    }

    [Fact]
    public async Task Background_work_keeps_its_place_until_there_is_room()
    {
        Fill();
        var patient = _memory.HoldWhenThereIsRoomAsync(Free + 500_000, default).AsTask();
        using var later = _budget.Open();
        _time.Advance(TimeSpan.FromMinutes(10));
        var behind = later.HoldAsync(Free + 500_000, default).AsTask();
        Assert.Equal((false, false), (patient.IsCompleted, behind.IsCompleted));

        // There is room for one of them: the first gets it, however long it has waited.
        _budget.Give(750_000);
        await patient.WaitAsync(Patience);
        Assert.False(behind.IsCompleted);
        _budget.Give(500_000);
        await behind.WaitAsync(Patience);
        Assert.Equal(750_000, _budget.Taken);
    }

    [Fact]
    public async Task Cancellation_gives_up_its_place()
    {
        Fill();
        using var stop = new CancellationTokenSource();
        var patient = _memory.HoldWhenThereIsRoomAsync(Free + 1_000_000, stop.Token).AsTask();
        using var later = _budget.Open();
        var behind = later.HoldAsync(Free + 1, default).AsTask();
        _budget.Give(250_001);
        Assert.False(behind.IsCompleted);

        await stop.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => patient.WaitAsync(Patience));
        await behind.WaitAsync(Patience);
        Assert.Equal(750_000, _budget.Taken);
    }

    [Fact]
    public async Task Released_memory_is_given_back()
    {
        await HoldAsync(Free + 1_000);
        _memory.HoldResult(500);
        Assert.Equal(1_500, _budget.Taken);

        _memory.Release(1_000);
        Assert.Equal(500, _budget.Taken);
        _memory.ReleaseResult(500);

        Assert.Equal(0, _budget.Taken);
    }

    [Fact]
    public async Task Memory_released_from_the_free_part_is_free_again()
    {
        await HoldAsync(Free);
        _memory.Release(Free);
        await HoldAsync(Free);

        Assert.Equal(0, _budget.Taken);
    }

    [Fact]
    public void All_of_its_own_limit_can_be_held()
    {
        _memory.HoldResult(MaxResults - 1);

        Assert.Null(Record.Exception(() => _memory.HoldResult(1)));
    }

    [Fact]
    public void One_byte_over_the_limit_is_too_large_and_the_limit_named()
    {
        _memory.HoldResult(MaxResults);

        var problem = Refusal(() => _memory.HoldResult(1));

        Assert.Equal(
            ("/problems/too-large", "The results of the request exceed 500000 bytes (Limits:MaxResultBytes)."), (problem.Type, problem.Detail));
    }

    [Fact]
    public void A_result_that_is_too_large_is_not_charged()
    {
        Refusal(() => _memory.HoldResult(MaxResults + 1));

        Assert.Equal(0, _budget.Taken);
        Assert.Null(Record.Exception(() => _memory.HoldResult(MaxResults)));
    }

    [Fact]
    public void Released_results_do_not_count()
    {
        for (var i = 0; i < 10; i++)
        {
            _memory.HoldResult(MaxResults);
            _memory.ReleaseResult(MaxResults);
        }

        Assert.Equal(0, _budget.Taken);
    }

    [Fact]
    public async Task The_body_of_a_request_does_not_count_as_a_result()
    {
        await HoldAsync(MaxResults + 1);

        Assert.Null(Record.Exception(() => _memory.HoldResult(1_000)));
    }

    [Fact]
    public void More_than_two_gigabytes_do_not_wrap_around()
    {
        using var memory = new RequestMemory(budget: null, int.MaxValue);
        memory.HoldResult(int.MaxValue);

        Refusal(() => memory.HoldResult(int.MaxValue));
    }

    [Fact]
    public async Task More_than_the_whole_budget_is_too_large()
    {
        await HoldAsync(Limit - 100_000);

        var problem = Refusal(() => _memory.HoldResult(MaxResults));

        Assert.Equal(
            ("/problems/too-large", "The request needs more than the memory for all requests, 1000000 bytes (Limits:MaxBytesInFlight)."),
            (problem.Type, problem.Detail));
    }

    [Fact]
    public async Task Without_a_budget_the_requests_own_limit_applies()
    {
        using var memory = new RequestMemory(budget: null, maxResultBytes: 10);
        await memory.HoldAsync(1L << 40, default);
        memory.HoldResult(10);

        Assert.Equal("/problems/too-large", Refusal(() => memory.HoldResult(1)).Type);
    }

    [Fact]
    public void A_request_that_needs_more_is_refused_without_room()
    {
        Fill();

        Assert.Equal("/problems/saturated", Refusal(() => _memory.Hold(Free + 1)).Type);
        Assert.Equal("/problems/saturated", Refusal(() => _memory.HoldResult(Free + 1)).Type);

        Assert.Equal(Limit, _budget.Taken);
    }

    [Fact]
    public async Task Refused_memory_is_not_held()
    {
        using var large = Fill();
        var waiting = HoldAsync(Free + 1);
        _time.Advance(MemoryBudget.MaxWait);
        await Assert.ThrowsAsync<ProblemException>(() => waiting.WaitAsync(Patience));
        large.Dispose();

        await HoldAsync(Free);

        Assert.Equal(0, _budget.Taken);
    }

    [Fact]
    public async Task A_request_that_holds_memory_gets_more_before_one_that_waits()
    {
        using var large = _budget.Open();
        await large.HoldAsync(Free + (Limit / 2), default);
        await HoldAsync(Free + 100);
        using var other = _budget.Open();
        var entering = other.HoldAsync(Free + (Limit / 2), default).AsTask();

        Assert.True(HoldAsync(100_000).IsCompletedSuccessfully);
        Assert.False(entering.IsCompleted);
    }

    [Fact]
    public async Task Disposing_gives_all_back()
    {
        await HoldAsync(200_000);
        _memory.HoldResult(300_000);
        _memory.Release(1_000);

        _memory.Dispose();

        Assert.Equal(0, _budget.Taken);
    }

    [Fact]
    public async Task Disposing_twice_gives_it_back_once()
    {
        using var other = _budget.Open();
        await other.HoldAsync(Free + 1, default);
        await HoldAsync(200_000);

        _memory.Dispose();
        _memory.Dispose();

        Assert.Equal(1, _budget.Taken);
    }

    [Fact]
    public async Task Disposing_gives_all_back_after_takes_that_were_refused()
    {
        await HoldAsync(200_000);
        using var large = _budget.Open();
        large.Hold(Limit - 200_000);
        await Assert.ThrowsAsync<ProblemException>(() => HoldAsync(400_000));
        Refusal(() => _memory.Hold(400_000));
        Refusal(() => _memory.HoldResult(MaxResults + 1));
        large.Dispose();

        _memory.Dispose();

        Assert.Equal(0, _budget.Taken);
    }

    [Fact]
    public async Task Disposing_during_a_wait_gives_back_no_more_than_was_held()
    {
        using var caller = new CancellationTokenSource();
        using var large = Fill();
        using var other = _budget.Open();
        var first = other.HoldAsync(Free + 100_000, default).AsTask();
        var waiting = _memory.HoldAsync(Free + 1_000, caller.Token).AsTask();

        _memory.Dispose();
        await caller.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting.WaitAsync(Patience));
        _time.Advance(MemoryBudget.MaxWait);
        await Assert.ThrowsAsync<ProblemException>(() => first.WaitAsync(Patience));

        Assert.Equal(Limit, _budget.Taken);
    }

    [Fact]
    public async Task A_refusal_keeps_memory_that_is_already_held()
    {
        using var large = _budget.Open();
        await large.HoldAsync(Free + Limit - 1_000, default);
        var refused = HoldAsync(Free + 2_000);

        await HoldAsync(500);
        _time.Advance(MemoryBudget.MaxWait);
        await Assert.ThrowsAsync<ProblemException>(() => refused.WaitAsync(Patience));

        Assert.Equal(Limit - 1_000, _budget.Taken);
    }

    [Fact]
    public void Threads_that_hold_results_at_once_get_no_more_than_its_own_limit()
    {
        using var memory = new RequestMemory(budget: null, maxResultBytes: 1_000);
        var held = 0;

        Parallel.For(0, 4_000, _ =>
        {
            try
            {
                memory.HoldResult(1);
                Interlocked.Increment(ref held);
            }
            catch (ProblemException)
            {
                // Refused, as most are.
            }
        });

        Assert.Equal(1_000, held);
    }

    [Fact]
    public void Threads_that_hold_and_release_at_once_lose_nothing()
    {
        Parallel.For(0, 20_000, i =>
        {
            var bytes = 1 + (i % 2_000);
            try
            {
                _memory.HoldResult(bytes);
                _memory.Hold(bytes);
                _memory.Release(bytes);
                _memory.ReleaseResult(bytes);
            }
            catch (ProblemException)
            {
                Assert.Fail("There is room for all of it.");
            }
        });
        Assert.Equal(0, _budget.Taken);

        // And it knows that it holds nothing.
        _memory.HoldResult(Free);
        Assert.Equal(0, _budget.Taken);
    }

    [Fact]
    public async Task Requests_beside_each_other_give_all_back_whether_they_were_refused_or_not()
    {
        await Task.WhenAll(Enumerable.Range(0, 200).Select(seed => Task.Run(async () =>
        {
            var random = new Random(seed);
            using var memory = _budget.Open();
            for (var i = 0; i < 20; i++)
            {
                var bytes = random.Next(1, Limit / 4);
                try
                {
                    memory.HoldResult(bytes);
                    await Task.Yield();
                    memory.Hold(bytes);
                    memory.ReleaseResult(bytes);
                }
                catch (ProblemException)
                {
                    // No room, or too large.
                }
            }
        }))).WaitAsync(Patience);

        Assert.Equal(0, _budget.Taken);
    }

    public void Dispose() => _memory.Dispose();

    private static Problem Refusal(Action hold) => Assert.Throws<ProblemException>(hold).Problem;

    private Task HoldAsync(long bytes) => _memory.HoldAsync(bytes, default).AsTask();

    /// <summary>Another request, which holds all there is.</summary>
    private RequestMemory Fill()
    {
        var large = _budget.Open();
        large.Hold(Free + Limit);
        return large;
    }
}
