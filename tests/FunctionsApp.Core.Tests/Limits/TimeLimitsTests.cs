using FunctionsApp.Core.Limits;
using FunctionsApp.Core.Problems;
using Microsoft.Extensions.Options;

namespace FunctionsApp.Core.Tests.Limits;

public sealed class TimeLimitsTests
{
    private readonly ManualTimeProvider _time = new();
    private readonly TimeLimits _limits;

    public TimeLimitsTests() => _limits = new TimeLimits(_time, Options.Create(new LimitsOptions { MaxTimeoutSeconds = 100 }));

    [Theory]
    [InlineData(0.0)]
    [InlineData(-1.0)]
    [InlineData(100.001)]
    [InlineData(1e300)]
    [InlineData(double.NaN)]
    [InlineData(double.PositiveInfinity)]
    [InlineData(double.NegativeInfinity)]
    public void A_timeout_out_of_range_is_an_error(double seconds) =>
        Assert.Equal("must be more than 0 and at most 100 (Limits:MaxTimeoutSeconds)", _limits.FindError(seconds));

    [Theory]
    [InlineData(null)]
    [InlineData(double.Epsilon)]
    [InlineData(0.001)]
    [InlineData(100.0)]
    public void A_timeout_within_range_is_valid(double? seconds) => Assert.Null(_limits.FindError(seconds));

    [Fact]
    public void A_timeout_out_of_range_is_reported_at_its_pointer() =>
        Assert.Equal(["/calls/1/timeoutSeconds"],
            Assert.Throws<ProblemException>(() => _limits.Start(101, "/calls/1/timeoutSeconds", CancellationToken.None)).Problem.Errors!.Keys);

    [Fact]
    public void A_timeout_cancels_the_work()
    {
        using var limit = _limits.Start(2.5, "", CancellationToken.None);

        _time.Advance(TimeSpan.FromSeconds(2.5));

        Assert.Equal((true, true), (limit.RanOut, limit.Token.IsCancellationRequested));
    }

    [Fact]
    public void A_timeout_does_not_cancel_too_early()
    {
        using var limit = _limits.Start(2.5, "", CancellationToken.None);

        _time.Advance(TimeSpan.FromSeconds(2.499));

        Assert.Equal((false, false), (limit.RanOut, limit.Token.IsCancellationRequested));
    }

    [Theory]
    [InlineData(99.9, false)]
    [InlineData(100.0, true)]
    public void Without_a_timeout_the_maximum_applies(double seconds, bool ranOut)
    {
        using var limit = _limits.Start(null, "", CancellationToken.None);

        _time.Advance(TimeSpan.FromSeconds(seconds));

        Assert.Equal(ranOut, limit.RanOut);
    }

    [Fact]
    public void The_callers_cancellation_is_not_a_timeout()
    {
        using var caller = new CancellationTokenSource();
        using var limit = _limits.Start(10, "", caller.Token);

        caller.Cancel();

        Assert.Equal((false, true), (limit.RanOut, limit.Token.IsCancellationRequested));
    }

    [Fact]
    public void An_earlier_cancellation_of_the_caller_cancels_at_once()
    {
        using var limit = _limits.Start(10, "", new CancellationToken(canceled: true));

        Assert.Equal((false, true), (limit.RanOut, limit.Token.IsCancellationRequested));
    }

    [Fact]
    public void A_timeout_shorter_than_a_tick_expires_at_once()
    {
        using var limit = _limits.Start(double.Epsilon, "", CancellationToken.None);
        _time.Advance(TimeSpan.Zero);

        Assert.True(limit.RanOut);
    }

    [Fact]
    public void A_disposed_timeout_leaves_no_timer()
    {
        _limits.Start(10, "", CancellationToken.None).Dispose();

        Assert.Equal(0, _time.Timers);
    }

    [Fact]
    public void A_cancellation_of_the_caller_after_the_end_does_no_harm()
    {
        using var caller = new CancellationTokenSource();
        _limits.Start(10, "", caller.Token).Dispose();

        Assert.Null(Record.Exception(caller.Cancel));
    }

    [Fact]
    public void The_problem_names_the_work_and_its_timeout()
    {
        using var limit = _limits.Start(0.25, "", CancellationToken.None);

        var problem = limit.TimedOut("The map").Problem;

        Assert.Equal(
            ("/problems/timeout", 504, "The map timed out after 0.25 s (timeoutSeconds)."), (problem.Type, problem.Status, problem.Detail));
    }

    [Theory]
    [InlineData(1, 5, true, false)]
    [InlineData(5, 1, false, true)]
    public void Of_two_timeouts_only_the_one_that_expired_first_has_run_out(double inner, double outer, bool innerRanOut, bool outerRanOut)
    {
        using var around = _limits.Start(outer, "", CancellationToken.None);
        using var within = _limits.Start(inner, "", around.Token);

        _time.Advance(TimeSpan.FromSeconds(1));

        Assert.Equal((innerRanOut, outerRanOut), (within.RanOut, around.RanOut));
    }
}
