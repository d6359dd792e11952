using FunctionsApp.Core.Cpu;

namespace FunctionsApp.Core.Tests.Cpu;

public sealed class CpuShareTests
{
    [Fact]
    public void A_run_counts_while_it_runs_and_afterwards()
    {
        var share = new CpuShare();
        share.Begin(100);
        share.Begin(130);
        var during = share.Used(140);
        share.End(100, 150);
        var between = share.Used(150);
        share.End(130, 160);

        Assert.Equal((50, 70, 80, 80), (during, between, share.Used(160), share.Used(1_000)));
    }

    [Fact]
    public void A_clock_that_has_run_for_ever_does_not_overflow()
    {
        const long Late = long.MaxValue - 1_000;
        var share = new CpuShare();
        for (var i = 0; i < 1_000; i++)
        {
            share.Begin(Late + (i % 2));
        }

        Assert.Equal(99_500, share.Used(Late + 100));
    }

    [Theory]
    [InlineData(50, 80)]
    [InlineData(90, 90)]
    public void Catching_up_never_goes_back(long to, long used)
    {
        var share = new CpuShare();
        share.Begin(0);
        share.End(0, 80);
        share.CatchUp(to, now: 0);

        Assert.Equal(used, share.Used(100));
    }

    [Theory]
    [InlineData(40, 100)]
    [InlineData(150, 150)]
    public void A_run_counts_when_catching_up(long to, long used)
    {
        var share = new CpuShare();
        share.Begin(0);
        share.CatchUp(to, now: 100);

        Assert.Equal(used, share.Used(100));
    }

    [Fact]
    public void A_share_is_idle_when_nothing_runs_and_nothing_is_ready()
    {
        var share = new CpuShare();
        var fresh = share.IsIdle;
        share.Enqueue(Job());
        var ready = share.IsIdle;
        share.Dequeue();
        share.Begin(0);
        var running = share.IsIdle;
        share.End(0, 1);

        Assert.Equal((true, false, false, true), (fresh, ready, running, share.IsIdle));
    }

    [Fact]
    public void Its_jobs_take_turns()
    {
        var share = new CpuShare();
        var (first, second) = (Job(), Job());
        share.Enqueue(first);
        share.Enqueue(second);

        Assert.Equal([first, second, null], [share.Dequeue(), share.Dequeue(), share.Dequeue()]);
    }

    [Fact]
    public void A_job_without_waiting_items_is_skipped()
    {
        var share = new CpuShare();
        var (dropped, next) = (Job(), Job());
        share.Enqueue(dropped);
        share.Enqueue(next);
        dropped.DropWaiting();

        Assert.Equal((next, false, false), (share.Dequeue(), share.IsReady, dropped.IsQueued));
    }

    [Fact]
    public async Task Jobs_of_one_request_have_one_share_and_others_one_each()
    {
        var (first, second) = await OfOneRequestAsync();
        var (third, fourth) = (Job(), Job());

        Assert.Same(first.Share, second.Share);
        Assert.Equal(3, new[] { first.Share, third.Share, fourth.Share }.Distinct().Count());

        static async Task<(CpuJob, CpuJob)> OfOneRequestAsync()
        {
            CurrentShare.Value = new CpuShare();
            var job = Job();
            await Task.Yield();
            return (job, Job());
        }
    }

    private static ChunkJob Job() => new(1, 1, static _ => { });
}
