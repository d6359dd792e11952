using FunctionsApp.Core.Tests;

namespace FunctionsApp.Operations.Tests;

public class CountOperationTests
{
    private readonly ManualTimeProvider _time = new();

    [Theory]
    [InlineData(0, 0, 1, new long[0])]
    [InlineData(3, 0, 1, new long[] { 0, 1, 2 })]
    [InlineData(3, 10, -5, new long[] { 10, 5, 0 })]
    [InlineData(2, 7, 0, new long[] { 7, 7 })]
    [InlineData(3, long.MinValue, long.MaxValue, new[] { long.MinValue, -1, long.MaxValue - 1 })]
    public async Task Counts_from_the_start_by_the_step(long count, long start, long step, long[] expected)
    {
        var input = new CountInput(count, Start: start, Step: step);

        Assert.Empty(input.Check());
        Assert.Equal(expected, await new CountOperation(_time).StreamAsync(input, default).ToListAsync());
    }

    [Theory]
    [InlineData(2, long.MaxValue, 1)]
    [InlineData(2, long.MinValue, -1)]
    [InlineData(1_000_000_000, 0, long.MaxValue)]
    public void May_not_count_beyond_64_bits(long count, long start, long step)
    {
        Assert.Single(new CountInput(count, Start: start, Step: step).Check());
    }

    [Fact]
    public async Task Waits_before_each_integer()
    {
        await using var integers = new CountOperation(_time).StreamAsync(new CountInput(2, IntervalSeconds: 3), default).GetAsyncEnumerator();
        for (var expected = 0; expected < 2; expected++)
        {
            var next = integers.MoveNextAsync().AsTask();
            _time.Advance(TimeSpan.FromSeconds(2.999));
            Assert.False(next.IsCompleted);

            _time.Advance(TimeSpan.FromSeconds(0.001));

            Assert.True(await next);
            Assert.Equal(expected, integers.Current);
        }

        Assert.False(await integers.MoveNextAsync());
    }

    [Fact]
    public async Task Stops_when_cancelled_even_without_an_interval()
    {
        using var source = new CancellationTokenSource();
        var seen = 0L;

        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            await foreach (var integer in new CountOperation(_time).StreamAsync(new CountInput(1_000_000_000), source.Token))
            {
                seen = integer;
                if (integer == 1_000)
                {
                    await source.CancelAsync();
                }
            }
        });

        Assert.Equal(1_000, seen);
    }
}
