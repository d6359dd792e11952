using FunctionsApp.Core.Operations;
using FunctionsApp.Core.Patterns.Gather;
using Microsoft.Extensions.DependencyInjection;

namespace FunctionsApp.Core.Tests.Patterns.Gather;

/// <summary>The order of the times when several threads run the calls.</summary>
public sealed class GatherOrderTests
{
    [Fact]
    public async Task Calls_start_in_order_on_any_thread()
    {
        var response = await RunAsync();

        var starts = response.Results.Select(static result => result.StartedMs).ToList();
        Assert.Equal(starts.Order(), starts);
    }

    [Fact]
    public async Task Completion_order_is_the_order_of_the_ends_on_any_thread()
    {
        var response = await RunAsync();

        var ends = response.CompletionOrder.Select(index => response.Results[index].FinishedMs).ToList();
        Assert.Equal(ends.Order(), ends);
    }

    private static async Task<GatherResponse> RunAsync()
    {
        using var services = TestServices.Create(new YieldingClock(), static services => services.AddOperation<YieldOperation>());
        var request = new GatherRequest
        {
            Calls = [.. Enumerable.Repeat(new GatherCall { Operation = "yield" }, 10_000)],
            MaxConcurrency = 8,
        };

        return await services.GetRequiredService<GatherService>().RunAsync(request, CancellationToken.None);
    }

    private sealed record Nothing;

    /// <summary>Goes on on a thread of the pool.</summary>
    [Operation("yield", "Lets other work go first.")]
    private sealed class YieldOperation : IOperation<Nothing, bool>
    {
        public async ValueTask<bool> RunAsync(Nothing input, CancellationToken cancellationToken)
        {
            await Task.Yield();
            return true;
        }
    }

    /// <summary>A clock that advances by a millisecond when it is read, and lets other threads read it first.</summary>
    private sealed class YieldingClock : TimeProvider
    {
        private long _milliseconds;

        public override long TimestampFrequency => 1_000;

        public override long GetTimestamp()
        {
            Thread.Yield();
            return Interlocked.Increment(ref _milliseconds);
        }
    }
}
