using FunctionsApp.Core.Problems;
using FunctionsApp.Core.Tasks;

namespace FunctionsApp.Core.Tests.Tasks;

public sealed class RetryPolicyTests
{
    [Fact]
    public void Each_pause_is_longer_up_to_the_longest()
    {
        var policy = new RetryPolicy { MaxAttempts = 9, InitialDelaySeconds = 0.5, Backoff = 3, MaxDelaySeconds = 10 };

        Assert.Equal([0.5, 1.5, 4.5, 10, 10], Enumerable.Range(1, 5).Select(attempts => policy.Pause(attempts).TotalSeconds));
    }

    [Fact]
    public void By_default_pauses_double_from_a_second_to_five_minutes()
    {
        var policy = new RetryPolicy { MaxAttempts = 100 };

        Assert.Equal([1, 2, 4, 256, 300, 300], new[] { 1, 2, 3, 9, 10, 99 }.Select(attempts => policy.Pause(attempts).TotalSeconds));
    }

    [Theory]
    [InlineData(0, 1)]
    [InlineData(86_400, 100)]
    public void The_ends_of_the_ranges_are_pauses_too(double initial, double backoff)
    {
        var policy = new RetryPolicy { MaxAttempts = 100, InitialDelaySeconds = initial, Backoff = backoff, MaxDelaySeconds = 86_400 };

        Assert.All(Enumerable.Range(1, 100), attempts => Assert.InRange(policy.Pause(attempts).TotalSeconds, initial, 86_400));
    }

    [Fact]
    public void A_transient_problem_is_retried()
    {
        Assert.All([Problem.OperationFailed("x"), Problem.UpstreamFailed("x"), Problem.Timeout("x"), Problem.InternalError(), Problem.Saturated("x", 1)],
            static problem => Assert.True(RetryPolicy.IsWorthwhile(problem)));
        Assert.All([Problem.InvalidRequest("", "x"), Problem.WrongKind("x"), Problem.TooLarge("x"), Problem.DestinationNotAllowed("x"), Problem.UnknownOperation("x", [])],
            static problem => Assert.False(RetryPolicy.IsWorthwhile(problem)));
    }
}
