using FunctionsApp.Core.Cpu;

namespace FunctionsApp.Core.Tests.Cpu;

public sealed class CpuJobTests
{
    [Theory]
    [InlineData(1, 1)]
    [InlineData(4, 4)]
    [InlineData(10, 10)]
    [InlineData(11, 10)]
    [InlineData(int.MaxValue, 10)]
    [InlineData(0, 1)]
    [InlineData(int.MinValue, 1)]
    public void A_chunk_has_at_least_one_item_and_at_most_the_waiting_ones(int wanted, int count) =>
        Assert.Equal(new CpuChunk(0, count, 0), Job(items: 10, workers: 1, wanted).Take());

    [Fact]
    public void Chunks_follow_each_other_without_a_gap()
    {
        var job = Job(items: 10, workers: 3, size: 4);

        Assert.Equal([new CpuChunk(0, 4, 0), new CpuChunk(4, 4, 1), new CpuChunk(8, 2, 2)], [job.Take(), job.Take(), job.Take()]);
    }

    [Fact]
    public void A_job_whose_workers_are_all_busy_is_not_ready()
    {
        var job = Job(items: 10, workers: 1);
        job.Take();

        Assert.Equal((false, 9), (job.IsReady, job.Waiting));
    }

    [Fact]
    public void A_worker_that_is_given_back_is_taken_again()
    {
        var job = Job(items: 10, workers: 3);
        job.Take();
        var second = job.Take();
        job.Take();
        job.Release(second, second.Count, TimeSpan.Zero);

        Assert.Equal(new CpuChunk(3, 1, 1), job.Take());
    }

    [Fact]
    public void A_job_is_over_when_nothing_waits_and_nothing_runs()
    {
        var job = Job(items: 2, workers: 2);
        var (first, second) = (job.Take(), job.Take());
        job.Release(second, second.Count, TimeSpan.Zero);
        var before = job.IsOver;
        job.Release(first, first.Count, TimeSpan.Zero);

        Assert.Equal((false, true), (before, job.IsOver));
    }

    [Fact]
    public void A_job_that_is_dropped_is_over_when_its_last_chunk_ends()
    {
        var job = Job(items: 10, workers: 2, size: 3);
        job.Take();

        job.DropWaiting();

        Assert.Equal((0, false, false), (job.Waiting, job.IsReady, job.IsOver));
    }

    [Fact]
    public void Left_items_of_a_chunk_come_before_new_ones()
    {
        var job = Job(items: 10, workers: 2, size: 4);
        var (first, second) = (job.Take(), job.Take());
        job.Release(second, computed: 1, TimeSpan.Zero);
        job.Release(first, computed: 3, TimeSpan.Zero);

        Assert.Equal(
            [(3, 1), (5, 3), (8, 2)],
            Enumerable.Range(0, 3).Select(_ =>
            {
                var chunk = job.Take();
                job.Release(chunk, chunk.Count, TimeSpan.Zero);
                return ((int)chunk.From, chunk.Count);
            }));
        Assert.True(job.IsOver);
    }

    [Fact]
    public void A_rest_that_is_larger_than_a_chunk_is_taken_in_chunks()
    {
        var wanted = 8;
        var job = new SizedJob(10, () => wanted);
        job.Release(job.Take(), computed: 1, TimeSpan.Zero);
        wanted = 3;
        List<(long, int)> taken = [];
        while (job.IsReady)
        {
            var chunk = job.Take();
            taken.Add((chunk.From, chunk.Count));
            job.Release(chunk, chunk.Count, TimeSpan.Zero);
        }

        Assert.Equal([(1, 3), (4, 3), (7, 1), (8, 2)], taken);
    }

    [Fact]
    public void Items_that_are_returned_after_a_drop_do_not_wait_again()
    {
        var job = Job(items: 10, workers: 1, size: 4);
        var chunk = job.Take();
        job.DropWaiting();
        var before = job.IsOver;

        job.Release(chunk, computed: 1, TimeSpan.Zero);

        Assert.Equal((false, true, 0), (before, job.IsOver, job.Waiting));
    }

    [Fact]
    public void Returned_items_wait_again_and_the_job_is_not_over()
    {
        var job = Job(items: 4, workers: 1, size: 4);

        job.Release(job.Take(), computed: 1, TimeSpan.Zero);

        Assert.Equal((3, false, true), (job.Waiting, job.IsOver, job.IsReady));
    }

    [Fact]
    public void An_open_job_is_not_over_until_it_is_closed()
    {
        var job = ChunkJob.OfItems(0, 1, static _ => { }, isOpen: true);
        var open = job.IsOver;
        job.Close();

        Assert.Equal((false, true), (open, job.IsOver));
    }

    [Fact]
    public void Items_are_added_at_the_end()
    {
        var job = ChunkJob.OfItems(2, 1, static _ => { }, isOpen: true);
        job.Release(job.Take(), 2, TimeSpan.Zero);

        job.Add(3);

        Assert.Equal((3, new CpuChunk(2, 3, 0)), (job.Waiting, job.Take()));
    }

    [Fact]
    public void Items_that_are_added_after_a_drop_are_ignored()
    {
        var job = ChunkJob.OfItems(2, 1, static _ => { }, isOpen: true);
        job.DropWaiting();

        job.Add(3);

        Assert.Equal((0, true), (job.Waiting, job.IsOver));
    }

    [Fact]
    public void The_time_of_an_item_follows_the_latest()
    {
        var job = Job(items: 100, workers: 1, size: 10);
        var before = job.SecondsPerItem;
        job.Release(job.Take(), 10, TimeSpan.FromSeconds(10));
        var first = job.SecondsPerItem;
        job.Release(job.Take(), 5, TimeSpan.FromSeconds(10));

        Assert.Equal((0, 1, 1.2), (before, first, Math.Round(job.SecondsPerItem, 9)));
    }

    [Fact]
    public void A_chunk_that_throws_fails_the_job_and_not_the_thread()
    {
        var job = new ChunkJob(1, 1, static _ => throw new InvalidDataException("broken"));

        Assert.Equal(0, job.Compute(TurnOf(job)));
    }

    [Fact]
    public async Task What_is_dropped_fails_its_job()
    {
        var job = Job(items: 10, workers: 1, size: 4);
        var chunk = job.Take();
        job.DropWaiting();
        job.Release(chunk, computed: 4, TimeSpan.Zero);
        job.EndIfOver();

        await Assert.ThrowsAsync<OperationCanceledException>(() => job.Completion);
    }

    [Fact]
    public async Task A_job_that_is_dropped_after_its_last_chunk_was_taken_fails_only_if_that_is_cut()
    {
        var (whole, cut) = (Job(items: 4, workers: 1, size: 4), Job(items: 4, workers: 1, size: 4));
        foreach (var (job, computed) in new[] { (whole, 4), (cut, 3) })
        {
            var chunk = job.Take();
            job.DropWaiting();
            job.Release(chunk, computed, TimeSpan.Zero);
            job.EndIfOver();
        }

        await whole.Completion;
        await Assert.ThrowsAsync<OperationCanceledException>(() => cut.Completion);
    }

    [Fact]
    public async Task The_first_of_several_failures_counts()
    {
        var job = Job(items: 1, workers: 1);
        job.Fail(new InvalidDataException("first"));
        job.Fail(new InvalidDataException("second"));
        Finish(job);

        Assert.Equal("first", (await Assert.ThrowsAsync<InvalidDataException>(() => job.Completion)).Message);
    }

    [Fact]
    public void Completing_twice_does_no_harm()
    {
        var job = Job(items: 1, workers: 1);
        Finish(job);
        job.Fail(new InvalidDataException("late"));
        job.EndIfOver();

        Assert.True(job.Completion.IsCompletedSuccessfully);
    }

    [Fact]
    public void A_job_that_was_made_without_a_flow_of_context_computes_too()
    {
        var computed = 0;
        ChunkJob job;
        using (ExecutionContext.SuppressFlow())
        {
            job = new ChunkJob(1, 1, _ => computed++);
        }

        Assert.Equal((1, 1), (job.Compute(TurnOf(job)), computed));
    }

    [Fact]
    public void A_job_that_is_not_over_does_not_end()
    {
        var job = Job(items: 2, workers: 1);
        Finish(job);

        Assert.False(job.Completion.IsCompleted);
    }

    private static void Finish(CpuJob job)
    {
        job.Release(job.Take(), computed: 1, TimeSpan.Zero);
        job.EndIfOver();
    }

    private static CpuTurn TurnOf(CpuJob job) =>
        new(new FairQueue(TimeProvider.System), job, job.Take(), started: 0, TimeProvider.System);

    private static ChunkJob Job(int items, int workers, int size = 1) => new(items, workers, static _ => { }, size);

    /// <summary>A job whose chunks have the size that the test wants at the time.</summary>
    private sealed class SizedJob(int items, Func<int> wanted) : CpuJob(items, workers: 1)
    {
        protected override int NextChunkSize(long from, int waiting) => wanted();

        protected override int ComputeItems(CpuChunk chunk, CpuTurn turn) => chunk.Count;
    }
}
