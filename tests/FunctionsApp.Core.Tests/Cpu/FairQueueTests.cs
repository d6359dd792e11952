using FunctionsApp.Core.Cpu;

namespace FunctionsApp.Core.Tests.Cpu;

public sealed class FairQueueTests
{
    private readonly ManualTimeProvider _time = new();
    private readonly FairQueue _queue;
    private int _turns;

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

    /// <summary>A share with one long call uses half of what a share with two workers uses; then it has many calls.</summary>
    [Fact]
    public void Time_that_a_share_could_not_use_for_lack_of_workers_is_saved_up_for_at_most_a_second()
    {
        var share = new CpuShare();
        var (held, two) = (Job(share), Job(workers: 2));
        Enqueue(held, two);
        var turns = Enumerable.Range(0, 3).Select(_ => Begin(Next()!)).ToList();
        _time.Advance(TimeSpan.FromSeconds(100));
        turns.ForEach(End);

        Enqueue(Job(share), two);
        var order = new List<CpuJob>();
        for (var i = 0; i < 600; i++)
        {
            order.Add(Next()!);
            Run(order[^1], seconds: 0.1);
            Enqueue(order[^1]);
        }

        // The other share has used 200 s. The first starts at most a second before the virtual time of 150 s, not at the 100 s that it used.
        Assert.InRange(order.IndexOf(two), 490, 530);
    }

    [Fact]
    public void A_job_waits_in_the_queue_once()
    {
        var (job, empty) = (Job(), new ChunkJob(0, 1, static _ => { }));
        Enqueue(job, job, empty);

        Assert.Equal([job, null], [Next(), Next()]);
    }

    private static ChunkJob Job(CpuShare? share = null, int workers = 1)
    {
        CurrentShare.Value = share;
        try
        {
            return new ChunkJob(items: 1_000, workers, static _ => { });
        }
        finally
        {
            CurrentShare.Value = null;
        }
    }

    private void Enqueue(params ReadOnlySpan<CpuJob> jobs)
    {
        var now = _queue.Advance(_turns);
        foreach (var job in jobs)
        {
            _queue.TryEnqueue(job, now);
        }
    }

    private CpuJob? Next() => _queue.Dequeue(_queue.Advance(_turns));

    private CpuTurn Begin(CpuJob job)
    {
        var turn = Start(job);
        _queue.TryEnqueue(job, _queue.Advance(_turns));
        return turn;
    }

    private CpuTurn Start(CpuJob job)
    {
        var now = _queue.Advance(_turns);
        job.Share.Begin(now);
        _turns++;
        return new CpuTurn(_queue, job, job.Take(), now, _time);
    }

    private void End(CpuTurn turn)
    {
        var now = _queue.Advance(_turns);
        turn.Job.Release(turn.Chunk, computed: 1, TimeSpan.Zero);
        _queue.TryEnqueue(turn.Job, now);
        turn.Job.Share.End(turn.Started, now);
        _turns--;
        _queue.LeaveIfIdle(turn.Job.Share);
    }

    private void Run(CpuJob job, double seconds)
    {
        var turn = Start(job);
        _time.Advance(TimeSpan.FromSeconds(seconds));
        End(turn);
    }
}
