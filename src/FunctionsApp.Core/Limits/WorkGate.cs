using Microsoft.Extensions.Options;

namespace FunctionsApp.Core.Limits;

/// <summary>
/// Where requests work that have much to read, check or write. As many of them work at once as there are cores, so the threads
/// that serve small requests stay free, and what such work needs of memory for a moment is bounded.
/// </summary>
/// <remarks>Awaiting leaves the gate, and what follows enters it again: a request that waits for a network holds up nobody.</remarks>
public sealed class WorkGate
{
    /// <summary>What a request may bring or make without passing the gate, in bytes: some milliseconds of work, at most.</summary>
    public const int LargeBytes = 8 * 1024;

    /// <summary>Threads of the pool a core: enough for those that pass the gate and as many again.</summary>
    private const int ThreadsPerCore = 4;

    /// <summary>About what the work on a body takes for a moment, in bytes a byte.</summary>
    private const int WorkingBytes = 3;

    private readonly TaskScheduler _scheduler;

    /// <summary>Makes the gate of a process.</summary>
    public WorkGate(MemoryBudget memory, IOptions<LimitsOptions> limits)
    {
        var cores = Environment.ProcessorCount;
        var permits = (int)Math.Clamp(memory.Limit / (WorkingBytes * (long)limits.Value.MaxRequestBytes), 1, cores);
        _scheduler = new ConcurrentExclusiveSchedulerPair(TaskScheduler.Default, permits).ConcurrentScheduler;

        // The pool would add those that are missing only after half a second.
        ThreadPool.GetMinThreads(out var workers, out var completions);
        ThreadPool.SetMinThreads(Math.Max(workers, ThreadsPerCore * cores), completions);
    }

    /// <summary>Runs work behind the gate.</summary>
    /// <param name="work">The work; what follows an await in it passes the gate again.</param>
    public Task<T> RunAsync<T>(Func<Task<T>> work) => TaskScheduler.Current == _scheduler
        ? work()
        : Task.Factory.StartNew(work, CancellationToken.None, TaskCreationOptions.DenyChildAttach, _scheduler).Unwrap();

    /// <summary>Runs work behind the gate if it is large.</summary>
    /// <param name="bytes">How much it reads or writes.</param>
    /// <param name="work">The work; it waits for nothing.</param>
    public ValueTask<T> RunAsync<T>(long bytes, Func<T> work) => bytes <= LargeBytes || TaskScheduler.Current == _scheduler
        ? new(work())
        : new(Task.Factory.StartNew(work, CancellationToken.None, TaskCreationOptions.DenyChildAttach, _scheduler));
}
