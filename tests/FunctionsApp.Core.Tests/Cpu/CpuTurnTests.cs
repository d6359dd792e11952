using FunctionsApp.Core.Cpu;

namespace FunctionsApp.Core.Tests.Cpu;

public sealed class CpuTurnTests
{
    private readonly ManualTimeProvider _time = new();
    private readonly CpuTurn _turn;

    public CpuTurnTests()
    {
        _turn = new CpuTurn(_time);
        Begin();
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
        _turn.IsContended = true;
        _time.Advance(TimeSpan.FromMilliseconds(milliseconds));

        Assert.Equal(isOver, _turn.IsOver);
    }

    [Fact]
    public void A_turn_continues_when_nothing_waits_any_more()
    {
        _turn.IsContended = true;
        _turn.Cut();
        _time.Advance(TimeSpan.FromMilliseconds(10));
        _turn.IsContended = false;

        Assert.Equal((false, false), (_turn.IsOver, _turn.IsCut));
    }

    [Fact]
    public void A_cut_turn_ends_at_once()
    {
        _turn.Cut();

        Assert.Equal((true, true), (_turn.IsOver, _turn.IsCut));
    }

    [Fact]
    public void A_turn_that_was_cut_stays_cut_while_others_wait()
    {
        _turn.Cut();
        _turn.IsContended = true;

        Assert.True(_turn.IsOver);
    }

    [Fact]
    public void The_next_turn_is_not_cut_and_has_its_own_time()
    {
        _turn.IsContended = true;
        _turn.Cut();
        _time.Advance(TimeSpan.FromMilliseconds(10));
        _turn.End(_time.GetTimestamp());
        Begin();

        Assert.Equal((false, false), (_turn.IsOver, _turn.IsCut));
    }

    [Fact]
    public void Its_time_is_its_share_s()
    {
        var share = _turn.Share!;
        _time.Advance(TimeSpan.FromMilliseconds(10));
        _turn.End(_time.GetTimestamp());

        Assert.Equal((TimeSpan.FromMilliseconds(10).Ticks, true, null), (share.Used(0), share.IsIdle, _turn.Share));
    }

    private void Begin() => _turn.Begin(new CpuShare(), _time.GetTimestamp());
}
