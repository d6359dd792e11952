using FunctionsApp.Core.Problems;
using FunctionsApp.Core.Tests;

namespace FunctionsApp.Operations.Tests;

public class FailOperationTests
{
    private readonly ManualTimeProvider _time = new();

    [Fact]
    public async Task Raises_the_message()
    {
        var exception = await Assert.ThrowsAsync<OperationException>(async () =>
            await new FailOperation(_time).RunAsync(new FailInput("out of paper"), default));

        Assert.Equal("out of paper", exception.Message);
    }

    [Fact]
    public async Task Raises_the_error_only_after_the_requested_time()
    {
        var running = new FailOperation(_time).RunAsync(new FailInput("late", AfterSeconds: 2), default).AsTask();
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.False(running.IsCompleted);

        _time.Advance(TimeSpan.FromSeconds(1));

        await Assert.ThrowsAsync<OperationException>(() => running);
    }

    [Fact]
    public async Task Is_cancelled_rather_than_failed_while_it_waits()
    {
        using var source = new CancellationTokenSource();
        var running = new FailOperation(_time).RunAsync(new FailInput("never", AfterSeconds: 2), source.Token).AsTask();

        await source.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);
    }
}
