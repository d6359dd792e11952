using FunctionsApp.Core.Tests;

namespace FunctionsApp.Operations.Tests;

public class GreetOperationTests
{
    private readonly ManualTimeProvider _time = new();

    [Fact]
    public async Task Says_hello_at_once_and_goodbye_after_the_pause()
    {
        await using var greetings = new GreetOperation(_time).StreamAsync(new GreetInput(), default).GetAsyncEnumerator();
        Assert.True(await greetings.MoveNextAsync());
        Assert.Equal("Hello, World!", greetings.Current);

        var next = greetings.MoveNextAsync().AsTask();
        Assert.False(next.IsCompleted);
        _time.Advance(TimeSpan.FromSeconds(1));

        Assert.True(await next);
        Assert.Equal("Goodbye, World!", greetings.Current);
        Assert.False(await greetings.MoveNextAsync());
    }

    [Fact]
    public async Task Greets_the_name_of_the_input()
    {
        Assert.Equal(
            ["Hello, Ada!", "Goodbye, Ada!"],
            await new GreetOperation(_time).StreamAsync(new GreetInput("Ada", PauseSeconds: 0), default).ToListAsync());
    }

    [Fact]
    public async Task Stops_when_cancelled_in_the_pause()
    {
        using var source = new CancellationTokenSource();
        await using var greetings = new GreetOperation(_time).StreamAsync(new GreetInput(), source.Token).GetAsyncEnumerator(source.Token);
        await greetings.MoveNextAsync();
        var next = greetings.MoveNextAsync().AsTask();

        await source.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => next);
    }
}
