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
    public void A_portion_has_at_least_one_item_and_no_more_than_wait(int wanted, int count) =>
        Assert.Equal(new Portion(0, count, 0), Job(items: 10, lanes: 1, wanted).Take());

    [Fact]
    public void Portions_follow_each_other_without_a_gap()
    {
        var job = Job(items: 10, lanes: 3, portion: 4);

        Assert.Equal([new Portion(0, 4, 0), new Portion(4, 4, 1), new Portion(8, 2, 2)], [job.Take(), job.Take(), job.Take()]);
    }

    [Fact]
    public void A_job_whose_lanes_are_all_busy_is_not_ready()
    {
        var job = Job(items: 10, lanes: 1);
        job.Take();

        Assert.Equal((false, 9), (job.IsReady, job.Waiting));
    }

    [Fact]
    public void A_lane_that_is_given_back_is_taken_again()
    {
        var job = Job(items: 10, lanes: 3);
        job.Take();
        var second = job.Take();
        job.Take();
        job.Release(second, second.Count, TimeSpan.Zero);

        Assert.Equal(new Portion(3, 1, 1), job.Take());
    }

    [Fact]
    public void A_job_is_over_when_nothing_waits_and_nothing_runs()
    {
        var job = Job(items: 2, lanes: 2);
        var (first, second) = (job.Take(), job.Take());
        job.Release(second, second.Count, TimeSpan.Zero);
        var before = job.IsOver;
        job.Release(first, first.Count, TimeSpan.Zero);

        Assert.Equal((false, true), (before, job.IsOver));
    }

    [Fact]
    public void Dropping_tells_how_many_items_nobody_had_taken()
    {
        var job = Job(items: 10, lanes: 2, portion: 3);
        job.Take();

        Assert.Equal((7, 0, false, false), (job.DropWaiting(), job.DropWaiting(), job.IsReady, job.IsOver));
    }

    [Fact]
    public void A_portion_that_throws_fails_the_job_and_not_the_thread()
    {
        var job = new PortionJob(1, 1, static _ => throw new InvalidDataException("broken"));

        Assert.Equal(0, job.Compute(job.Take(), new CpuTurn(TimeProvider.System)));
    }

    [Fact]
    public async Task Of_several_failures_the_first_stands()
    {
        var job = Job(items: 1, lanes: 1);
        job.Fail(new InvalidDataException("first"));
        job.Fail(new InvalidDataException("second"));
        job.Complete();

        Assert.Equal("first", (await Assert.ThrowsAsync<InvalidDataException>(() => job.Completion)).Message);
    }

    [Fact]
    public void Completing_twice_does_no_harm()
    {
        var job = Job(items: 1, lanes: 1);
        job.Complete();
        job.Fail(new InvalidDataException("late"));
        job.Complete();

        Assert.True(job.Completion.IsCompletedSuccessfully);
    }

    [Fact]
    public void A_job_that_was_made_without_a_flow_of_context_computes_too()
    {
        var computed = 0;
        PortionJob job;
        using (ExecutionContext.SuppressFlow())
        {
            job = new PortionJob(1, 1, _ => computed++);
        }

        Assert.Equal((1, 1), (job.Compute(job.Take(), new CpuTurn(TimeProvider.System)), computed));
    }

    private static PortionJob Job(int items, int lanes, int portion = 1) => new(items, lanes, static _ => { }, portion);
}
