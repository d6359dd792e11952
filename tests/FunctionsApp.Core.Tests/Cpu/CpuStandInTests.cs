using System.Collections.Concurrent;
using FunctionsApp.Core.Cpu;
using Microsoft.Extensions.Options;

namespace FunctionsApp.Core.Tests.Cpu;

/// <summary>Long computations of background shares, which cannot be cut, and who waits meanwhile.</summary>
public sealed class CpuStandInTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly ManualTimeProvider _time = new();
    private readonly ManualResetEventSlim _end = new();
    private readonly CpuScheduler _scheduler;

    public CpuStandInTests() => _scheduler = new CpuScheduler(Options.Create(new CpuOptions { Threads = 2 }), _time);

    public void Dispose()
    {
        _end.Set();
        _scheduler.Dispose();
    }

    [Fact]
    public async Task A_request_does_not_wait_for_long_computations_of_tasks()
    {
        var tasks = new[] { await OccupyAsync(weight: 0.25), await OccupyAsync(weight: 0.25) };

        for (var i = 0; i < 5; i++)
        {
            var call = RunAsync(weight: 1, static () => 42);
            await AdvanceUntilAsync(() => call.IsCompleted);
            Assert.Equal(42, await call);
        }

        Assert.All(tasks, static task => Assert.False(task.IsCompleted));
        _end.Set();
        await Task.WhenAll(tasks).WaitAsync(Patience);
    }

    [Fact]
    public async Task There_are_as_many_additional_threads_as_blocked_ones()
    {
        var tasks = new[] { await OccupyAsync(weight: 0.25), await OccupyAsync(weight: 0.25) };
        var calls = new List<Task>();
        var running = 0;
        using var seen = new BlockingCollection<int>();
        for (var i = 0; i < 6; i++)
        {
            calls.Add(RunAsync(weight: 1, () =>
            {
                seen.Add(Interlocked.Increment(ref running));
                _end.Wait(Patience);
                return Interlocked.Decrement(ref running);
            }));
        }

        await AdvanceUntilAsync(() => seen.Count == 2);

        // However much time passes.
        for (var i = 0; i < 20; i++)
        {
            _time.Advance(TimeSpan.FromMilliseconds(20));
            await Task.Yield();
        }

        Assert.Equal(2, Volatile.Read(ref running));
        _end.Set();
        await Task.WhenAll(calls.Concat(tasks)).WaitAsync(Patience);
        Assert.True(seen.Max() <= 4, "Two threads are the scheduler's, and two stood in for them.");
    }

    [Fact]
    public async Task There_are_no_additional_threads_for_requests_or_other_tasks()
    {
        var taken = new[] { await OccupyAsync(weight: 1), await OccupyAsync(weight: 0.25) };
        var (background, first) = (RunAsync(weight: 0.25, static () => 1), RunAsync(weight: 1, static () => 2));
        await AdvanceUntilAsync(() => first.IsCompleted);

        // Of the background one alone there is one to be had.
        var foreground = await OccupyAsync(weight: 1, advance: true);
        var second = RunAsync(weight: 1, static () => 3);
        for (var i = 0; i < 20; i++)
        {
            _time.Advance(TimeSpan.FromMilliseconds(20));
            await Task.Yield();
        }

        Assert.False(background.IsCompleted);
        Assert.False(second.IsCompleted);
        _end.Set();
        await Task.WhenAll([.. taken, foreground, background, second]).WaitAsync(Patience);
    }

    /// <summary>Takes a thread until the test ends it.</summary>
    private async Task<Task<int>> OccupyAsync(double weight, bool advance = false)
    {
        var started = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var running = RunAsync(weight, () =>
        {
            started.SetResult();
            _end.Wait(Patience);
            return 0;
        });
        if (advance)
        {
            await AdvanceUntilAsync(() => started.Task.IsCompleted);
        }

        await started.Task.WaitAsync(Patience);
        return running;
    }

    private async Task<int> RunAsync(double weight, Func<int> compute)
    {
        CpuShare.Current = new CpuShare(weight);
        return await _scheduler.RunAsync(_ => compute(), CancellationToken.None);
    }

    private async Task AdvanceUntilAsync(Func<bool> happened)
    {
        using var patience = new CancellationTokenSource(Patience);
        while (!happened())
        {
            patience.Token.ThrowIfCancellationRequested();
            _time.Advance(TimeSpan.FromMilliseconds(5));
            await Task.Yield();
        }
    }
}
