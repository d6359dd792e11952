using FunctionsApp.Core.Cpu;
using FunctionsApp.Core.Problems;

namespace FunctionsApp.Core.Tests.Cpu;

/// <summary>Which jobs are admitted, and when a caller that is refused should come back.</summary>
public sealed class CpuBacklogTests : CpuTests
{
    [Fact]
    public async Task One_job_is_admitted_when_nothing_waits_however_large_it_is()
    {
        var computed = 0;

        await Create(maxQueuedItems: 2).ComputeAsync(new ChunkJob(50, 1, _ => computed++), CancellationToken.None).WaitAsync(Patience);

        Assert.Equal(50, computed);
    }

    [Fact]
    public async Task Items_up_to_the_limit_may_wait()
    {
        var scheduler = Create(maxQueuedItems: 3);
        var (hold, _) = await OccupyAsync(scheduler);
        var first = scheduler.ComputeAsync(new ChunkJob(2, 1, static _ => { }), CancellationToken.None);
        var second = scheduler.ComputeAsync(static _ => 42, CancellationToken.None);
        Gate.Set();
        await Task.WhenAll(hold, first).WaitAsync(Patience);

        Assert.Equal(42, await second.WaitAsync(Patience));
    }

    [Fact]
    public async Task One_item_more_is_refused_as_saturated()
    {
        var scheduler = Create(maxQueuedItems: 3);
        await OccupyAsync(scheduler);
        _ = scheduler.ComputeAsync(new ChunkJob(3, 1, static _ => { }), CancellationToken.None);

        var problem = (await Assert.ThrowsAsync<ProblemException>(() => scheduler.ComputeAsync(static _ => 42, CancellationToken.None))).Problem;

        Assert.Equal(
            ("/problems/saturated", 429, 1, "The CPU queue has 3 items and no room for 1 more: its limit is 3 (Cpu:MaxQueuedItems)."),
            (problem.Type, problem.Status, problem.RetryAfterSeconds, problem.Detail));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_background_share_waits_for_room(bool isCancelled)
    {
        var scheduler = Create(maxQueuedItems: 3);
        var occupied = await OccupyAsync(scheduler);
        var waiting = scheduler.ComputeAsync(new ChunkJob(3, 1, static _ => { }), CancellationToken.None);
        using var client = new CancellationTokenSource();
        CurrentShare.Value = new CpuShare(isBackground: true);
        var call = scheduler.ComputeAsync(static _ => 42, client.Token);
        Time.Advance(TimeSpan.FromSeconds(5));
        Assert.Equal((false, 1), (call.IsCompleted, Time.Timers));

        if (isCancelled)
        {
            await client.CancelAsync();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => call.WaitAsync(Patience));
            Assert.Equal(0, Time.Timers);
        }

        Gate.Set();
        await Task.WhenAll(occupied.Call, waiting).WaitAsync(Patience);
        if (!isCancelled)
        {
            Time.Advance(TimeSpan.FromSeconds(1));
            Assert.Equal(42, await call.WaitAsync(Patience));
        }
    }

    [Theory]
    [InlineData(2, false)]
    [InlineData(3, true)]
    public async Task Room_can_be_requested_in_advance(int waiting, bool refused)
    {
        var scheduler = Create(maxQueuedItems: 3);
        await OccupyAsync(scheduler);
        _ = scheduler.ComputeAsync(new ChunkJob(waiting, 1, static _ => { }), CancellationToken.None);

        Assert.Equal(refused, Record.Exception(scheduler.EnsureRoom) is ProblemException);
    }

    [Theory]
    [InlineData(10.0, 1, 3, 10)]
    [InlineData(10.0, 2, 3, 5)]
    [InlineData(0.7, 1, 3, 1)]
    [InlineData(1.2, 1, 3, 2)]
    [InlineData(0.001, 1, 3, 1)]
    [InlineData(100.0, 1, 3, 100)]
    [InlineData(10_000.0, 1, 3, 3_600)]
    public async Task The_retry_delay_is_the_estimated_time_until_there_is_room(double secondsPerItem, int threads, int waiting, int retryAfter)
    {
        var scheduler = Create(threads, maxQueuedItems: waiting);
        await scheduler.ComputeAsync(
            _ =>
            {
                Time.Advance(TimeSpan.FromSeconds(secondsPerItem));
                return 0;
            },
            CancellationToken.None).WaitAsync(Patience);
        for (var i = 0; i < threads; i++)
        {
            await OccupyAsync(scheduler);
        }

        _ = scheduler.ComputeAsync(new ChunkJob(waiting, 1, static _ => { }), CancellationToken.None);

        Assert.Equal(retryAfter, Assert.Throws<ProblemException>(scheduler.EnsureRoom).Problem.RetryAfterSeconds);
    }

    [Fact]
    public async Task A_job_without_items_is_not_refused()
    {
        var scheduler = Create(maxQueuedItems: 1);
        await OccupyAsync(scheduler);
        _ = scheduler.ComputeAsync(static _ => 0, CancellationToken.None);

        Assert.Null(await Record.ExceptionAsync(() => scheduler.ComputeAsync(new ChunkJob(0, 1, static _ => { }), CancellationToken.None)));
    }

    [Fact]
    public async Task Cancelled_items_make_room()
    {
        var scheduler = Create(maxQueuedItems: 3);
        await OccupyAsync(scheduler);
        using var source = new CancellationTokenSource();
        var waiting = scheduler.ComputeAsync(new ChunkJob(3, 1, static _ => { }), source.Token);
        await source.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting.WaitAsync(Patience));

        Assert.Null(Record.Exception(scheduler.EnsureRoom));
    }

    [Fact]
    public async Task Items_that_a_failure_leaves_uncomputed_make_room()
    {
        var scheduler = Create(maxQueuedItems: 3);
        await Assert.ThrowsAsync<InvalidDataException>(
            () => scheduler.ComputeAsync(new ChunkJob(1_000, 1, static _ => throw new InvalidDataException("broken")), CancellationToken.None).WaitAsync(Patience));
        await OccupyAsync(scheduler);
        _ = scheduler.ComputeAsync(new ChunkJob(2, 1, static _ => { }), CancellationToken.None);

        Assert.Null(Record.Exception(scheduler.EnsureRoom));
    }

    [Fact]
    public async Task The_retry_delay_follows_the_speed_of_each_job()
    {
        var scheduler = Create(maxQueuedItems: 15);
        using var started = new ManualResetEventSlim();
        using var both = new ManualResetEventSlim();
        using var held = new ManualResetEventSlim();
        _ = scheduler.ComputeAsync(
            _ =>
            {
                started.Set();
                return both.Wait(Patience, CancellationToken.None);
            },
            CancellationToken.None);

        // While it waits for a thread there is no room for the two others.
        Assert.True(started.Wait(Patience));
        Task[] jobs = [.. new[] { (Items: 4, Seconds: 10.0), (Items: 11, Seconds: 1.0) }.Select(job => scheduler.ComputeAsync(new ChunkJob(job.Items, 1, chunk =>
        {
            if (chunk.From > 0)
            {
                held.Set();
                Gate.Wait(Patience);
            }

            Time.Advance(TimeSpan.FromSeconds(job.Seconds));
        }), CancellationToken.None))];
        both.Set();
        Assert.True(held.Wait(Patience));

        // Of the quick one an item is held now, as it has used less: 3 of 10 s and 9 of 1 s wait.
        var problem = (await Assert.ThrowsAsync<ProblemException>(
            () => scheduler.ComputeAsync(new ChunkJob(15, 1, static _ => { }), CancellationToken.None))).Problem;
        Gate.Set();
        await Task.WhenAll(jobs).WaitAsync(Patience);

        Assert.Equal(39, problem.RetryAfterSeconds);
    }
}
