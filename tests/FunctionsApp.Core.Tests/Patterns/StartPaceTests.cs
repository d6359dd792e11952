using FsCheck;
using FsCheck.Fluent;
using FunctionsApp.Core.Patterns;

namespace FunctionsApp.Core.Tests.Patterns;

/// <summary>When calls start that have a maximum rate.</summary>
public sealed class StartPaceTests
{
    private readonly ManualTimeProvider _time = new();

    [Fact]
    public void There_are_never_more_starts_in_a_second_than_the_rate_and_one()
    {
        var plans =
            from rate in Gen.Elements(0.5, 1, 3, 50, 333.3, 1_000)
            from pausesMs in Gen.Frequency((5, Gen.Choose(0, 3)), (1, Gen.Choose(0, 2_500))).ListOf(200)
            select (Rate: rate, PausesMs: pausesMs);

        Prop.ForAll(plans.ToArbitrary(), plan =>
        {
            var starts = Run(plan.Rate, seconds: 30, plan.PausesMs.ToList());

            // A window is open at its end.
            Assert.All(starts, first => Assert.InRange(
                starts.Count(start => start >= first && start < first + 1_000), 1, (int)Math.Ceiling(plan.Rate) + 1));
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(100));
    }

    [Theory]
    [InlineData(50, 10, 500)]
    [InlineData(0.25, 40, 10)]
    public void The_rate_is_reached(double rate, int seconds, int starts) => Assert.InRange(Run(rate, seconds, []).Count, starts, starts + 1);

    [Fact]
    public void A_late_start_is_made_up_for_by_half_an_interval_at_most() =>
        Assert.Equal([0, 1_200, 2_000, 10_000, 10_500, 11_500], Run(1, seconds: 12, [1_200, 0, 8_000]));

    [Fact]
    public async Task Waiting_ends_by_cancellation_and_the_next_caller_gets_its_turn()
    {
        using var pace = new StartPace(1, _time);
        using var stop = new CancellationTokenSource();
        await pace.WaitAsync(default);
        var (cancelled, next) = (pace.WaitAsync(stop.Token).AsTask(), pace.WaitAsync(default).AsTask());

        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => cancelled);
        Assert.True(SpinWait.SpinUntil(() => _time.Timers == 1, TimeSpan.FromSeconds(30)));
        _time.Advance(TimeSpan.FromSeconds(1));
        await next.WaitAsync(TimeSpan.FromSeconds(30));
    }

    /// <summary>Starts calls one after the other, each as soon as it may; returns when each started, in milliseconds.</summary>
    /// <param name="rate">The maximum number of starts a second.</param>
    /// <param name="seconds">How long.</param>
    /// <param name="pausesMs">How long the caller waits after each of the first starts.</param>
    private List<double> Run(double rate, int seconds, List<int> pausesMs)
    {
        var time = new ManualTimeProvider();
        var starts = new List<double>();
        using var pace = new StartPace(rate, time);
        using var stop = new CancellationTokenSource();
        var running = StartAsync();
        time.Advance(TimeSpan.FromSeconds(seconds));
        stop.Cancel();
        Assert.True(SpinWait.SpinUntil(() => running.IsCompleted, TimeSpan.FromSeconds(30)));
        return starts;

        async Task StartAsync()
        {
            var begin = time.GetTimestamp();
            while (!stop.IsCancellationRequested)
            {
                await pace.WaitAsync(stop.Token);
                starts.Add(time.GetElapsedTime(begin).TotalMilliseconds);
                if (starts.Count <= pausesMs.Count && pausesMs[starts.Count - 1] is > 0 and var pause)
                {
                    await Task.Delay(TimeSpan.FromMilliseconds(pause), time, stop.Token);
                }
            }
        }
    }
}
