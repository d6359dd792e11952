using System.Collections.Concurrent;

namespace FunctionsApp.Core.Tests.Cpu;

/// <summary>The threads: that all of them work, and how they stop.</summary>
public sealed class CpuPoolTests : CpuTests
{
    [Fact]
    public async Task All_threads_compute_one_job_at_once()
    {
        using var barrier = new Barrier(4);
        var met = new ConcurrentBag<bool>();

        await Create(threads: 4).ComputeAsync(new ChunkJob(4, 4, _ => met.Add(barrier.SignalAndWait(Patience))), CancellationToken.None).WaitAsync(Patience);

        Assert.Equal([true, true, true, true], met);
    }

    [Fact]
    public async Task All_threads_that_have_been_idle_wake_for_the_next_job()
    {
        using var barrier = new Barrier(4);
        var met = new ConcurrentBag<bool>();
        var scheduler = Create(threads: 4);
        await scheduler.ComputeAsync(new ChunkJob(4, 4, _ => met.Add(barrier.SignalAndWait(Patience))), CancellationToken.None).WaitAsync(Patience);

        await scheduler.ComputeAsync(new ChunkJob(4, 4, _ => met.Add(barrier.SignalAndWait(Patience))), CancellationToken.None).WaitAsync(Patience);

        Assert.Equal(8, met.Count(static reached => reached));
    }

    [Fact]
    public async Task Disposing_ends_an_open_job()
    {
        var scheduler = Create();
        var run = scheduler.ComputeAsync(ChunkJob.OfItems(0, 1, static _ => { }, isOpen: true), CancellationToken.None);

        scheduler.Dispose();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => run.WaitAsync(Patience));
    }

    [Fact]
    public async Task Disposing_ends_a_job_whose_turn_is_cut_afterwards()
    {
        var scheduler = Create();
        using var started = new ManualResetEventSlim();
        var run = scheduler.ComputeAsync(ChunkJob.OfItems(10, 1, _ =>
        {
            started.Set();
            Gate.Wait(Patience);
        }), CancellationToken.None);
        Assert.True(started.Wait(Patience));
        Time.Advance(TimeSpan.FromSeconds(1));
        var waiting = scheduler.ComputeAsync(static _ => 0, CancellationToken.None);

        scheduler.Dispose();
        Gate.Set();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => run.WaitAsync(Patience));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting.WaitAsync(Patience));
    }

    [Fact]
    public async Task Disposing_under_load_ends_every_job()
    {
        var scheduler = Create(threads: 4);
        using var some = new CountdownEvent(500);
        Task[] jobs = [.. Enumerable.Range(0, 400).Select(i => scheduler.ComputeAsync(ChunkJob.OfItems(100, 1 + (i % 4), _ => Note(), size: 1 + (i % 30), isOpen: i % 7 == 0), CancellationToken.None))];
        Assert.True(some.Wait(Patience));

        scheduler.Dispose();
        await Task.WhenAll(jobs).WaitAsync(Patience).ContinueWith(static _ => { }, TaskScheduler.Default);

        Assert.All(jobs, static job => Assert.True(job.IsCompletedSuccessfully || job.IsCanceled || job.Exception?.InnerException is OperationCanceledException));

        void Note()
        {
            lock (some)
            {
                _ = some.IsSet || some.Signal();
            }
        }
    }

    [Fact]
    public async Task Disposing_ends_the_threads()
    {
        var scheduler = Create(threads: 2);
        var thread = await scheduler.ComputeAsync(static _ => Thread.CurrentThread, CancellationToken.None).WaitAsync(Patience);

        scheduler.Dispose();

        Assert.True(thread.Join(Patience));
    }

    [Fact]
    public async Task Disposing_cancels_waiting_jobs()
    {
        var scheduler = Create();
        await OccupyAsync(scheduler);
        var waiting = scheduler.ComputeAsync(static _ => 42, CancellationToken.None);

        scheduler.Dispose();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting.WaitAsync(Patience));
    }

    [Fact]
    public async Task Disposing_waits_for_running_items()
    {
        var scheduler = Create();
        var (hold, _) = await OccupyAsync(scheduler);

        scheduler.Dispose();
        Gate.Set();

        Assert.Equal(1, await hold.WaitAsync(Patience));
    }

    /// <summary>With one worker, the job that runs does not stand in the queue: nothing of it could be taken. With two, it does.</summary>
    [Theory]
    [InlineData(1, 2, 1)]
    [InlineData(2, 2, 1)]
    [InlineData(1, 3, 2)]
    public async Task Disposing_ends_a_job_of_which_a_part_runs_and_a_part_waits(int threads, int items, int workers)
    {
        var scheduler = Create(threads);
        using var started = new ManualResetEventSlim();
        var job = scheduler.ComputeAsync(new ChunkJob(items, workers, _ =>
        {
            started.Set();
            Gate.Wait(Patience);
        }), CancellationToken.None);
        Assert.True(started.Wait(Patience));

        scheduler.Dispose();
        Gate.Set();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => job.WaitAsync(Patience));
    }

    [Fact]
    public async Task After_disposal_nothing_is_admitted()
    {
        var scheduler = Create();
        scheduler.Dispose();

        await Assert.ThrowsAsync<ObjectDisposedException>(() => scheduler.ComputeAsync(static _ => 42, CancellationToken.None));
    }

    [Fact]
    public void Disposing_twice_does_no_harm()
    {
        var scheduler = Create();
        scheduler.Dispose();

        Assert.Null(Record.Exception(scheduler.Dispose));
    }
}
