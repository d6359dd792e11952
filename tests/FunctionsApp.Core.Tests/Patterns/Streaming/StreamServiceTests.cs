using FunctionsApp.Core.Patterns.Streaming;
using FunctionsApp.Core.Problems;

namespace FunctionsApp.Core.Tests.Patterns.Streaming;

public sealed class StreamServiceTests : PatternTests
{
    [Fact]
    public async Task Values_are_sent_when_they_are_yielded_and_then_the_end()
    {
        await using var stream = Stream("count", """{"count":2,"intervalSeconds":3}""");
        Assert.Equal("0", (await NextAsync(stream, 3)).Value.ToString());
        Assert.Equal("1", (await NextAsync(stream, 3)).Value.ToString());

        Assert.Equal(new StreamEnd(2, 6_000), (await NextAsync(stream, 0)).End);
        Assert.False(await stream.MoveNextAsync());
    }

    [Fact]
    public async Task The_next_value_is_not_computed_before_it_is_requested()
    {
        await using var stream = Stream("greet", """{"pauseSeconds":5}""");
        Assert.True(await stream.MoveNextAsync());
        var timers = Time.Timers;
        var next = stream.MoveNextAsync();

        Assert.Equal(timers + 1, Time.Timers);
        Time.Advance(TimeSpan.FromSeconds(5));
        Assert.True(await next);
    }

    [Fact]
    public async Task A_timeout_ends_the_stream_with_a_problem()
    {
        await using var stream = Stream("count", """{"count":9,"intervalSeconds":2}""", timeoutSeconds: 5);
        await NextAsync(stream, 2);
        await NextAsync(stream, 2);
        var next = stream.MoveNextAsync();
        Time.Advance(TimeSpan.FromSeconds(1));

        var exception = await Assert.ThrowsAsync<ProblemException>(async () => await next);
        Assert.Equal("/problems/timeout", exception.Problem.Type);
    }

    [Fact]
    public async Task The_callers_cancellation_ends_the_stream()
    {
        using var caller = new CancellationTokenSource();
        await using var stream = Stream("count", """{"count":9,"intervalSeconds":2}""", cancellationToken: caller.Token);
        var next = stream.MoveNextAsync();
        await caller.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await next);
    }

    [Fact]
    public async Task A_stream_that_is_left_early_leaves_no_timer_behind()
    {
        await using (var stream = Stream("count", """{"count":9,"intervalSeconds":2}"""))
        {
            await NextAsync(stream, 2);
        }

        Assert.Equal(0, Time.Timers);
    }

    [Fact]
    public void Errors_are_reported_before_anything_is_yielded()
    {
        var exception = Assert.Throws<ProblemException>(() => Stream("count", """{"count":-1}"""));

        Assert.Equal(["/count"], exception.Problem.Errors!.Keys);
        Assert.Equal(0, Time.Timers);
    }

    private IAsyncEnumerator<StreamEvent> Stream(string operation, string input, double? timeoutSeconds = null, CancellationToken cancellationToken = default) =>
        Get<StreamService>().Run(operation, Raw(input), timeoutSeconds, cancellationToken).GetAsyncEnumerator(cancellationToken);

    private async Task<StreamEvent> NextAsync(IAsyncEnumerator<StreamEvent> stream, double seconds)
    {
        var next = stream.MoveNextAsync();
        Time.Advance(TimeSpan.FromSeconds(seconds));
        Assert.True(await next.AsTask().WaitAsync(Limit));
        return stream.Current;
    }
}
