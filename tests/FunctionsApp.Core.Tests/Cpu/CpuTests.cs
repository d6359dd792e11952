using FunctionsApp.Core.Cpu;
using Microsoft.Extensions.Options;

namespace FunctionsApp.Core.Tests.Cpu;

/// <summary>What the tests of the scheduler need: schedulers that end with the test, and a gate that holds a thread.</summary>
public abstract class CpuTests : IDisposable
{
    private readonly List<CpuScheduler> _schedulers = [];

    protected static TimeSpan Patience { get; } = TimeSpan.FromSeconds(30);

    protected ManualTimeProvider Time { get; } = new();

    protected ManualResetEventSlim Gate { get; } = new();

    public void Dispose()
    {
        Gate.Set();
        _schedulers.ForEach(static scheduler => scheduler.Dispose());
        GC.SuppressFinalize(this);
    }

    private protected CpuScheduler Create(int threads = 1, int maxQueuedItems = 2_000_000)
    {
        var scheduler = new CpuScheduler(Options.Create(new CpuOptions { Threads = threads, MaxQueuedItems = maxQueuedItems }), Time);
        _schedulers.Add(scheduler);
        return scheduler;
    }

    protected int Hold(CancellationToken cancellationToken) => Gate.Wait(Patience, CancellationToken.None) ? 1 : 0;

    /// <summary>Keeps one thread busy until the gate opens.</summary>
    private protected async Task<(Task<int> Call, bool Started)> OccupyAsync(CpuScheduler scheduler)
    {
        var started = new TaskCompletionSource<bool>(TaskCreationOptions.RunContinuationsAsynchronously);
        var call = scheduler.ComputeAsync(
            token =>
            {
                started.SetResult(true);
                return Hold(token);
            },
            CancellationToken.None);
        return (call, await started.Task.WaitAsync(Patience));
    }
}
