using FunctionsApp.Core.Limits;
using Microsoft.Extensions.Options;

namespace FunctionsApp.Core.Tests.Limits;

public sealed class WorkGateTests
{
    private const int BodyBytes = 1_000_000;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(1_000)]
    public async Task Large_work_runs_as_memory_allows_and_leaves_a_core_free(int bodies)
    {
        var gate = Gate(bodies);
        var (running, most) = (0, 0);

        await Task.WhenAll(Enumerable.Range(0, 200).Select(_ => RunAsync(gate, 1_000_000, Work))).WaitAsync(Patience);

        Assert.InRange(most, 1, Math.Clamp(Environment.ProcessorCount - 1, 1, bodies));

        int Work()
        {
            var now = Interlocked.Increment(ref running);
            for (var seen = Volatile.Read(ref most); now > seen; seen = Volatile.Read(ref most))
            {
                Interlocked.CompareExchange(ref most, now, seen);
            }

            Thread.SpinWait(10_000);
            return Interlocked.Decrement(ref running);
        }
    }

    [Fact]
    public async Task Small_work_runs_at_once_when_the_gate_is_full()
    {
        var gate = Gate(1);
        using var end = new ManualResetEventSlim();
        var large = RunAsync(gate, WorkGate.LargeBytes + 1, () => end.Wait(Patience));

        var small = RunAsync(gate, WorkGate.LargeBytes, static () => Environment.CurrentManagedThreadId);

        Assert.True(small.IsCompletedSuccessfully);
        Assert.Equal(Environment.CurrentManagedThreadId, await small);
        end.Set();
        Assert.True(await large.WaitAsync(Patience));
    }

    [Fact]
    public async Task A_caller_is_behind_the_gate_until_it_waits()
    {
        var gate = Gate(1);
        var (isWithin, second) = (new TaskCompletionSource(), new TaskCompletionSource());
        using var end = new ManualResetEventSlim();
        var first = CallAsync();
        await isWithin.Task.WaitAsync(Patience);
        var next = RunAsync(gate, 1_000_000, second.TrySetResult);
        Assert.False(next.IsCompleted);
        end.Set();

        // The first waits for the second, which could not run if the first were still behind the gate.
        Assert.True(await next.WaitAsync(Patience));
        await first.WaitAsync(Patience);

        async Task CallAsync()
        {
            await gate.EnterAsync(1_000_000);
            isWithin.SetResult();
            end.Wait(Patience);
            await second.Task;
        }
    }

    [Fact]
    public async Task An_exception_is_raised_and_leaves_the_gate()
    {
        var gate = Gate(1);

        await Assert.ThrowsAsync<InvalidDataException>(() => RunAsync<int>(gate, 1_000_000, static () => throw new InvalidDataException()).WaitAsync(Patience));

        Assert.Equal(1, await RunAsync(gate, 1_000_000, static () => 1).WaitAsync(Patience));
    }

    private static async Task<T> RunAsync<T>(WorkGate gate, long bytes, Func<T> work)
    {
        await gate.EnterAsync(bytes);
        return work();
    }

    /// <summary>A gate where the memory is enough to work on so many bodies at once.</summary>
    private static WorkGate Gate(int bodies)
    {
        var limits = Options.Create(new LimitsOptions { MaxRequestBytes = BodyBytes, MaxBytesInFlight = 3L * BodyBytes * bodies });
        return new WorkGate(new MemoryBudget(limits, TimeProvider.System), limits);
    }
}
