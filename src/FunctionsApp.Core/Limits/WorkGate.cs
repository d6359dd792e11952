using Microsoft.Extensions.Options;

namespace FunctionsApp.Core.Limits;

/// <summary>
/// Limits how many requests read, check or write large data at once: at most one per core. So the threads that serve small
/// requests stay free, and the working memory is bounded.
/// </summary>
/// <remarks>An await leaves the gate, and its continuation enters it again: a request that waits for a network blocks no other.</remarks>
public sealed class WorkGate
{
    /// <summary>Bytes that a request may read or write without the gate: at most some milliseconds of work.</summary>
    public const int LargeBytes = 8 * 1024;

    /// <summary>Minimum pool threads per core while work runs behind the gate: enough for it and for other requests.</summary>
    private const int ThreadsPerCore = 4;

    /// <summary>About how much working memory a body takes for a moment, in bytes per byte.</summary>
    private const int WorkingBytes = 3;

    private readonly TaskScheduler _scheduler;
    private readonly Lock _gate = new();
    private readonly int _minThreads;
    private int _running;

    /// <summary>Creates the gate of a process.</summary>
    public WorkGate(MemoryBudget memory, IOptions<LimitsOptions> limits)
    {
        var cores = Environment.ProcessorCount;
        var permits = (int)Math.Clamp(memory.Limit / (WorkingBytes * (long)limits.Value.MaxRequestBytes), 1, cores);
        _scheduler = new ConcurrentExclusiveSchedulerPair(TaskScheduler.Default, permits).ConcurrentScheduler;
        ThreadPool.GetMinThreads(out _minThreads, out _);
    }

    /// <summary>Runs work behind the gate.</summary>
    /// <param name="work">The work; its continuations pass the gate again.</param>
    public Task<T> RunAsync<T>(Func<Task<T>> work) => TaskScheduler.Current == _scheduler
        ? work()
        : PassAsync(() => Task.Factory.StartNew(work, CancellationToken.None, TaskCreationOptions.DenyChildAttach, _scheduler).Unwrap());

    /// <summary>Runs work behind the gate if it is large.</summary>
    /// <param name="bytes">How much it reads or writes.</param>
    /// <param name="work">The work; synchronous.</param>
    public ValueTask<T> RunAsync<T>(long bytes, Func<T> work) => bytes <= LargeBytes || TaskScheduler.Current == _scheduler
        ? new(work())
        : new(PassAsync(() => Task.Factory.StartNew(work, CancellationToken.None, TaskCreationOptions.DenyChildAttach, _scheduler)));

    /// <summary>
    /// Runs work now, on this thread, whose continuations do not enter the gate again. For thousands of short continuations the
    /// gate costs more than what they do.
    /// </summary>
    /// <param name="work">The work; its large parts run behind the gate if they ask for it.</param>
    public static Task LeaveAsync(Func<Task> work)
    {
        if (TaskScheduler.Current == TaskScheduler.Default)
        {
            return work();
        }

        var outside = new Task<Task>(work);
        outside.RunSynchronously(TaskScheduler.Default);
        return outside.Unwrap();
    }

    private async Task<T> PassAsync<T>(Func<Task<T>> start)
    {
        Count(1);
        try
        {
            return await start();
        }
        finally
        {
            Count(-1);
        }
    }

    /// <summary>
    /// Raises the pool's minimum while work runs: by itself the pool would add the missing threads only after half a second. At
    /// other times more threads than cores only take small requests from each other.
    /// </summary>
    private void Count(int change)
    {
        lock (_gate)
        {
            var was = _running;
            _running += change;
            if (was == 0 || _running == 0)
            {
                ThreadPool.GetMinThreads(out _, out var completions);
                ThreadPool.SetMinThreads(_running > 0 ? Math.Max(_minThreads, ThreadsPerCore * Environment.ProcessorCount) : _minThreads, completions);
            }
        }
    }
}
