using FunctionsApp.Core.Cpu;

namespace FunctionsApp.Core.Tests.Cpu;

public sealed class FairQueueTests
{
    private readonly ManualTimeProvider _time = new();
    private readonly FairQueue _queue;

    public FairQueueTests() => _queue = new FairQueue(_time);

    [Fact]
    public void The_next_turn_belongs_to_the_share_that_has_used_the_least()
    {
        var (first, second) = (Job(), Job());
        Enqueue(first, second);
        Run(Next()!, seconds: 2);
        Enqueue(first);

        Assert.Same(second, Next());
        Assert.Same(first, Next());
        Assert.Null(Next());
    }

    [Fact]
    public void A_share_of_twice_the_weight_gets_twice_the_time()
    {
        var (light, heavy) = (Job(weight: 1), Job(weight: 2));
        var turns = new List<CpuJob>();
        for (var i = 0; i < 30; i++)
        {
            Enqueue(light, heavy);
            turns.Add(Next()!);
            Run(turns[^1], seconds: 1);
        }

        Assert.InRange(turns.Count(job => job == heavy), 19, 21);
    }

    [Fact]
    public void A_late_share_does_not_catch_up()
    {
        var early = Job();
        Enqueue(early);
        for (var i = 0; i < 100; i++)
        {
            Run(Next()!, seconds: 1);
            Enqueue(early);
        }

        var late = Job();
        var turns = new List<CpuJob>();
        for (var i = 0; i < 10; i++)
        {
            Enqueue(early, late);
            turns.Add(Next()!);
            Run(turns[^1], seconds: 1);
        }

        Assert.InRange(turns.Count(job => job == late), 5, 6);
    }

    [Fact]
    public void A_background_share_is_skipped_for_the_foreground_and_keeps_its_place()
    {
        var (background, foreground) = (Job(weight: 0.5), Job());
        Enqueue(background, foreground);

        Assert.Equal((2, 1), (_queue.Count, _queue.ForegroundCount));
        Assert.Same(foreground, Next(foregroundOnly: true));
        Assert.Null(Next(foregroundOnly: true));
        Assert.Same(background, Next());
    }

    [Fact]
    public void Busy_time_counts_each_turn_that_runs()
    {
        Enqueue(Job(), Job());
        var turns = new[] { new CpuTurn(_time), new CpuTurn(_time) };
        foreach (var turn in turns)
        {
            _queue.Begin(turn, Next()!, _queue.Advance());
        }

        _time.Advance(TimeSpan.FromSeconds(3));
        _queue.End(turns[0], _queue.Advance());
        _time.Advance(TimeSpan.FromSeconds(1));
        _queue.End(turns[1], _queue.Advance());

        Assert.Equal(7, _queue.BusyTicks / _time.TimestampFrequency);
    }

    private static PortionJob Job(double weight = 1)
    {
        CpuShare.Current = new CpuShare(weight);
        try
        {
            return new PortionJob(items: 1_000, workers: 1, static _ => { });
        }
        finally
        {
            CpuShare.Current = null;
        }
    }

    private void Enqueue(params ReadOnlySpan<CpuJob> jobs)
    {
        var now = _queue.Advance();
        foreach (var job in jobs)
        {
            _queue.TryEnqueue(job, now);
        }
    }

    private CpuJob? Next(bool foregroundOnly = false) => _queue.TryDequeue(_queue.Advance(), foregroundOnly, out var job) ? job : null;

    private void Run(CpuJob job, double seconds)
    {
        var turn = new CpuTurn(_time);
        _queue.Begin(turn, job, _queue.Advance());
        _time.Advance(TimeSpan.FromSeconds(seconds));
        _queue.End(turn, _queue.Advance());
    }
}
