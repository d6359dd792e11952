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

        var problem = limit.Problem("The map");

        Assert.Equal(
            ("/problems/timeout", 504, "The map timed out after 0.25 s (timeoutSeconds)."), (problem.Type, problem.Status, problem.Detail));
    }

    [Fact]
    public async Task Work_that_ends_in_time_returns_its_result() =>
        Assert.Equal(7, await _limits.RunAsync(static _ => ValueTask.FromResult(7), "It", 1, "", CancellationToken.None));

    [Fact]
    public async Task Work_that_stops_at_its_timeout_ends_with_the_problem()
    {
        var work = _limits.RunAsync(Endless, "It", 1, "", CancellationToken.None);

        _time.Advance(TimeSpan.FromSeconds(1));

        Assert.Equal("/problems/timeout", (await Assert.ThrowsAsync<ProblemException>(async () => await work)).Problem.Type);
    }

    [Fact]
    public async Task Work_that_stops_because_the_caller_cancels_is_cancelled()
    {
        using var caller = new CancellationTokenSource();
        var work = _limits.RunAsync(Endless, "It", 1, "", caller.Token);

        await caller.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await work);
    }

    [Fact]
    public async Task An_error_of_the_work_is_passed_on_even_after_the_timeout()
    {
        var failure = new TaskCompletionSource<int>();
        var work = _limits.RunAsync(_ => new ValueTask<int>(failure.Task), "It", 1, "", CancellationToken.None);

        _time.Advance(TimeSpan.FromSeconds(1));
        failure.SetException(new InvalidDataException("broken"));

        Assert.Equal("broken", (await Assert.ThrowsAsync<InvalidDataException>(async () => await work)).Message);
    }

    [Fact]
    public async Task A_cancellation_by_the_work_itself_is_not_a_timeout() =>
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await _limits.RunAsync<int>(
            static _ => throw new OperationCanceledException("of its own"), "It", 1, "", CancellationToken.None));

    [Theory]
    [InlineData(1, 5, "inner")]
    [InlineData(5, 1, "outer")]
    public async Task Of_two_timeouts_the_expired_one_is_reported(double inner, double outer, string expected)
    {
        var work = _limits.RunAsync(token => _limits.RunAsync(Endless, "inner", inner, "", token), "outer", outer, "", CancellationToken.None);

        _time.Advance(TimeSpan.FromSeconds(1));

        Assert.StartsWith(expected, (await Assert.ThrowsAsync<ProblemException>(async () => await work)).Problem.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_timer_ends_with_the_work()
    {
        await _limits.RunAsync(static _ => ValueTask.FromResult(7), "It", 1, "", CancellationToken.None);

        Assert.Equal(0, _time.Timers);
    }

    private static async ValueTask<int> Endless(CancellationToken cancellationToken)
    {
        var never = new TaskCompletionSource<int>();
        return await never.Task.WaitAsync(cancellationToken);
    }
}
