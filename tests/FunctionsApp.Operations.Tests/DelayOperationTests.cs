using FunctionsApp.Core.Tests;
using FunctionsApp.Core.Tests.Json;

namespace FunctionsApp.Operations.Tests;

public class DelayOperationTests
{
    private readonly ManualTimeProvider _time = new();

    [Fact]
    public async Task Returns_the_result_after_the_time()
    {
        var running = new DelayOperation(_time).RunAsync(new DelayInput(5, Samples.Raw("[1]")), default).AsTask();

        _time.Advance(TimeSpan.FromSeconds(5));

        Assert.Equal("[1]", (await running).ToString());
    }

    [Fact]
    public async Task Returns_null_without_a_result()
    {
        Assert.Equal("null", (await new DelayOperation(_time).RunAsync(new DelayInput(0), default)).ToString());
    }

    [Fact]
    public void Waits_the_full_time()
    {
        var running = new DelayOperation(_time).RunAsync(new DelayInput(5), default);

        _time.Advance(TimeSpan.FromSeconds(4.999));

        Assert.False(running.IsCompleted);
    }

    [Fact]
    public async Task Stops_when_cancelled_while_it_waits()
    {
        using var source = new CancellationTokenSource();
        var running = new DelayOperation(_time).RunAsync(new DelayInput(86_400), source.Token).AsTask();

        await source.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);
    }
}
