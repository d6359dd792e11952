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
    public async Task At_most_one_request_per_core_works_at_once(int bodies)
    {
        var gate = Gate(bodies);
        var (running, most) = (0, 0);

        await Task.WhenAll(Enumerable.Range(0, 200).Select(i => i % 2 == 0 ? gate.RunAsync(() => Task.FromResult(Work())) : gate.RunAsync(1_000_000, Work).AsTask()))
            .WaitAsync(Patience);

        Assert.InRange(most, 1, Math.Min(bodies, Environment.ProcessorCount));

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
    public async Task Small_work_runs_at_once_also_when_the_gate_is_full()
    {
        var gate = Gate(1);
        using var end = new ManualResetEventSlim();
        var large = gate.RunAsync(WorkGate.LargeBytes + 1, () => end.Wait(Patience)).AsTask();

        var small = gate.RunAsync(WorkGate.LargeBytes, static () => Environment.CurrentManagedThreadId).AsTask();

        Assert.True(small.IsCompletedSuccessfully);
        Assert.Equal(Environment.CurrentManagedThreadId, await small);
        end.Set();
        Assert.True(await large.WaitAsync(Patience));
    }

    [Fact]
    public async Task Awaiting_leaves_the_gate_and_enters_it_again()
    {
        var gate = Gate(1);
        var response = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var first = gate.RunAsync(async () =>
        {
            var before = TaskScheduler.Current;
            await response.Task;
            return (before, after: TaskScheduler.Current);
        });

        // The first waits for this one, which could not run if the first were still within.
        await gate.RunAsync(() => Task.FromResult(response.TrySetResult())).WaitAsync(Patience);

        var (before, after) = await first.WaitAsync(Patience);
        Assert.NotSame(TaskScheduler.Default, before);
        Assert.Same(before, after);
    }

    [Fact]
    public async Task A_nested_entry_passes_at_once()
    {
        var gate = Gate(1);

        var isAtOnce = await gate.RunAsync(() =>
        {
            var thread = Environment.CurrentManagedThreadId;
            var (first, second) = (gate.RunAsync(1_000_000, static () => Environment.CurrentManagedThreadId).AsTask(), gate.RunAsync(static () => Task.FromResult(Environment.CurrentManagedThreadId)));
            return Task.FromResult(first.IsCompletedSuccessfully && first.Result == thread && second.IsCompletedSuccessfully && second.Result == thread);
        }).WaitAsync(Patience);

        Assert.True(isAtOnce);
    }

    [Fact]
    public async Task An_exception_is_raised_and_leaves_the_gate()
    {
        var gate = Gate(1);

        await Assert.ThrowsAsync<InvalidDataException>(() => gate.RunAsync<int>(static () => throw new InvalidDataException()).WaitAsync(Patience));
        await Assert.ThrowsAsync<InvalidDataException>(() => gate.RunAsync<int>(1_000_000, static () => throw new InvalidDataException()).AsTask().WaitAsync(Patience));

        Assert.Equal(1, await gate.RunAsync(static () => Task.FromResult(1)).WaitAsync(Patience));
    }

    /// <summary>A gate where the memory is enough to work on so many bodies at once.</summary>
    private static WorkGate Gate(int bodies)
    {
        var limits = Options.Create(new LimitsOptions { MaxRequestBytes = BodyBytes, MaxBytesInFlight = 3L * BodyBytes * bodies });
        return new WorkGate(new MemoryBudget(limits, TimeProvider.System), limits);
    }
}
