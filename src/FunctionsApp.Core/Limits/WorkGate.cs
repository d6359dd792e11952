using Microsoft.Extensions.Options;

namespace FunctionsApp.Core.Limits;

/// <summary>
/// Limits how many requests parse or format large JSON at once: at most one per core, less one, so that a thread of the pool stays
/// free for small requests: the attack suite's <c>Fairness</c>. It also bounds the working memory.
/// </summary>
public sealed class WorkGate
{
    /// <summary>Bytes that a request may read or write without the gate: at most some milliseconds of work.</summary>
    public const int LargeBytes = 8 * 1024;

    /// <summary>About how much working memory a body takes for a moment, in bytes per byte.</summary>
    private const int WorkingBytes = 3;

    private readonly TaskFactory _factory;

    /// <summary>Creates the gate of a process.</summary>
    public WorkGate(MemoryBudget memory, IOptions<LimitsOptions> limits)
    {
        var bodies = memory.Limit / (WorkingBytes * (long)limits.Value.MaxRequestBytes);
        var permits = Math.Clamp(bodies, 1, Math.Max(Environment.ProcessorCount - 1, 1));

        // One piece of work at a time: small requests in the pool's queue run between two large ones.
        var scheduler = new ConcurrentExclusiveSchedulerPair(TaskScheduler.Default, (int)permits, maxItemsPerTask: 1).ConcurrentScheduler;
        _factory = new TaskFactory(
            default, TaskCreationOptions.HideScheduler | TaskCreationOptions.DenyChildAttach, TaskContinuationOptions.None, scheduler);
    }

    /// <summary>
    /// Runs work, behind the gate if it is large. The caller continues on the same thread, so what it does before it next waits, such
    /// as reading the inputs of 10,000 calls, is behind the gate too.
    /// </summary>
    /// <param name="bytes">How much the work reads or writes.</param>
    /// <param name="work">The work; synchronous.</param>
    public ValueTask<T> RunAsync<T>(long bytes, Func<T> work) => bytes <= LargeBytes ? new(work()) : new(_factory.StartNew(work));
}
