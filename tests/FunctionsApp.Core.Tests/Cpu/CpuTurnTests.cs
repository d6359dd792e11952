using FunctionsApp.Core.Cpu;

namespace FunctionsApp.Core.Tests.Cpu;

public sealed class CpuTurnTests
{
    private readonly ManualTimeProvider _time = new();
    private readonly FairQueue _queue;
    private CpuTurn _turn;
    private int _turns;

    public CpuTurnTests()
    {
        _queue = new FairQueue(_time);
        _turn = Begin();
    }

    [Fact]
    public void A_turn_lasts_while_nothing_else_waits()
    {
        _time.Advance(TimeSpan.FromHours(1));

        Assert.False(_turn.IsOver);
    }

    [Theory]
    [InlineData(0, false)]
    [InlineData(4.999, false)]
    [InlineData(5, true)]
    [InlineData(5_000, true)]
    public void While_others_wait_a_turn_lasts_five_milliseconds(double milliseconds, bool isOver)
    {
        AnotherWaits();
        _time.Advance(TimeSpan.FromMilliseconds(milliseconds));

        Assert.Equal(isOver, _turn.IsOver);
    }

    [Fact]
    public void A_turn_continues_when_nothing_waits_any_more()
    {
        AnotherWaits();
        _turn.IsCut = true;
        _time.Advance(TimeSpan.FromMilliseconds(10));
        NobodyWaits();

        Assert.False(_turn.IsOver);
    }

    [Fact]
    public void A_cut_turn_ends_at_once_when_another_waits()
    {
        AnotherWaits();
        _turn.IsCut = true;

        Assert.Equal((true, true), (_turn.IsOver, _turn.IsCut));
    }

    [Fact]
    public void It_lasts_while_another_job_of_its_own_share_waits()
    {
        CurrentShare.Value = _turn.Job.Share;
        AnotherWaits();
        _turn.IsCut = true;
        _time.Advance(TimeSpan.FromMilliseconds(10));

        Assert.False(_turn.IsOver);
    }

    [Fact]
    public void The_next_turn_is_not_cut_and_has_its_own_time()
    {
        AnotherWaits();
        _turn.IsCut = true;
        _time.Advance(TimeSpan.FromMilliseconds(10));
        End();
        _turn = Begin();

        Assert.Equal((false, false), (_turn.IsOver, _turn.IsCut));
    }

    [Fact]
    public void Its_time_is_its_share_s()
    {
        var share = _turn.Job.Share;
        _time.Advance(TimeSpan.FromMilliseconds(10));
        End();

        Assert.Equal((TimeSpan.FromMilliseconds(10).Ticks, true), (share.Used(0), share.IsIdle));
    }

    private void AnotherWaits() => _queue.TryEnqueue(new ChunkJob(1, 1, static _ => { }), _queue.Advance(_turns));

    private void NobodyWaits() => _queue.Dequeue(_queue.Advance(_turns));

    private CpuTurn Begin()
    {
        CurrentShare.Value = null;
        var job = new ChunkJob(1, 1, static _ => { });
        _queue.TryEnqueue(job, _queue.Advance(_turns));
        var now = _queue.Advance(_turns);
        var next = _queue.Dequeue(now)!;
        next.Share.Begin(now);
        _turns++;
        return new CpuTurn(_queue, next, next.Take(), now, _time);
    }

    private void End()
    {
        _turn.Job.Share.End(_turn.Started, _queue.Advance(_turns));
        _turns--;
        _queue.LeaveIfIdle(_turn.Job.Share);
    }
}
