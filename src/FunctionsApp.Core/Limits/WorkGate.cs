using System.Runtime.CompilerServices;
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
    /// Takes the calling method behind the gate if its work is large: <c>await gate.EnterAsync(bytes)</c>. What the method and its
    /// callers do from then until they next wait, such as reading the inputs of 10,000 calls, runs there.
    /// </summary>
    /// <param name="bytes">How much the work reads or writes.</param>
    public Entry EnterAsync(long bytes) => new(bytes <= LargeBytes ? null : _factory);

    /// <summary>Continues the method that awaits it behind the gate.</summary>
    /// <param name="factory">Starts what is behind the gate; null to continue at once.</param>
    public readonly struct Entry(TaskFactory? factory) : ICriticalNotifyCompletion
    {
        /// <summary>Whether the method continues at once.</summary>
        public bool IsCompleted => factory is null;

        /// <summary>Returns this. Required by the compiler.</summary>
        public Entry GetAwaiter() => this;

        /// <summary>Returns nothing. Required by the compiler.</summary>
        public void GetResult()
        {
        }

        /// <inheritdoc/>
        public void OnCompleted(Action continuation) => UnsafeOnCompleted(continuation);

        /// <inheritdoc/>
        public void UnsafeOnCompleted(Action continuation) => _ = factory!.StartNew(continuation);
    }
}
