using System.Collections.Concurrent;
using FunctionsApp.Core.Problems;

namespace FunctionsApp.Core.Tests.Cpu;

/// <summary>Jobs to which items are added while they run.</summary>
public sealed class OpenJobTests : CpuTests
{
    [Fact]
    public async Task An_open_job_without_items_ends_when_it_is_closed()
    {
        var scheduler = Create();
        var job = ChunkJob.OfItems(0, 1, static _ => throw new InvalidDataException("computed"), isOpen: true);
        var run = scheduler.ComputeAsync(job, CancellationToken.None);
        var before = run.IsCompleted;
        scheduler.Close(job);
        await run.WaitAsync(Patience);

        Assert.False(before);
    }

    [Fact]
    public async Task An_open_job_computes_added_items_and_ends_when_it_is_closed()
    {
        var scheduler = Create(threads: 2);
        var computed = new ConcurrentQueue<long>();
        var job = ChunkJob.OfItems(0, 2, computed.Enqueue, isOpen: true);
        var run = scheduler.ComputeAsync(job, CancellationToken.None);
        for (var i = 0; i < 100; i++)
        {
            scheduler.Update(job, items: i % 3);
        }

        var before = run.IsCompleted;
        scheduler.Close(job);
        await run.WaitAsync(Patience);

        Assert.False(before);
        Assert.Equal(Enumerable.Range(0, 99).Select(static index => (long)index), computed.Order());
    }

    [Fact]
    public async Task An_open_job_that_is_closed_while_its_last_items_run_ends_with_them()
    {
        var scheduler = Create();
        using var started = new ManualResetEventSlim();
        var job = ChunkJob.OfItems(0, 1, _ =>
        {
            started.Set();
            Gate.Wait(Patience);
        }, isOpen: true);
        var run = scheduler.ComputeAsync(job, CancellationToken.None);
        scheduler.Update(job, items: 2);
        Assert.True(started.Wait(Patience));
        scheduler.Close(job);
        var before = run.IsCompleted;
        Gate.Set();
        await run.WaitAsync(Patience);

        Assert.False(before);
    }

    [Fact]
    public async Task Items_that_are_added_after_a_cancellation_do_not_count_as_waiting()
    {
        var scheduler = Create(maxQueuedItems: 3);
        using var source = new CancellationTokenSource();
        await OccupyAsync(scheduler);
        var job = ChunkJob.OfItems(2, 1, static _ => { }, isOpen: true);
        var run = scheduler.ComputeAsync(job, source.Token);
        await source.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => run.WaitAsync(Patience));
        scheduler.Update(job, items: 100);
        scheduler.Close(job);
        _ = scheduler.ComputeAsync(new ChunkJob(2, 1, static _ => { }), CancellationToken.None);
        var room = Record.Exception(scheduler.EnsureRoom);
        _ = scheduler.ComputeAsync(static _ => 0, CancellationToken.None);

        Assert.Null(room);
        Assert.Throws<ProblemException>(scheduler.EnsureRoom);
    }

    [Fact]
    public async Task Items_that_are_added_after_a_failure_do_not_count_as_waiting()
    {
        var scheduler = Create(maxQueuedItems: 3);
        var job = ChunkJob.OfItems(2, 1, static _ => throw new InvalidDataException("broken"), isOpen: true);
        await Assert.ThrowsAsync<InvalidDataException>(() => scheduler.ComputeAsync(job, CancellationToken.None).WaitAsync(Patience));
        await OccupyAsync(scheduler);
        scheduler.Update(job, items: 100);
        _ = scheduler.ComputeAsync(new ChunkJob(2, 1, static _ => { }), CancellationToken.None);

        Assert.Null(Record.Exception(scheduler.EnsureRoom));
    }
}
