using System.Globalization;
using FunctionsApp.Core.Problems;

namespace FunctionsApp.Core.Cpu;

/// <summary>
/// Admission control: the jobs that have not ended, and how many of their items wait for a thread. Refuses a job when too
/// many items wait. The members are guarded by the scheduler's lock.
/// </summary>
internal sealed class CpuBacklog(CpuOptions options)
{
    private const int MaxRetryAfterSeconds = 3_600;

    private readonly HashSet<CpuJob> _jobs = [];
    private Pace _pace;

    /// <summary>Items that wait for a thread. Each admitted job keeps its own part up to date.</summary>
    public long Waiting { get; set; }

    /// <summary>
    /// Returns <c>saturated</c> if so many more items may not wait; null if they may. If no item waits, one job is always
    /// admitted.
    /// </summary>
    public Problem? Refusal(int items) => Waiting == 0 || Waiting + items <= options.MaxQueuedItems
        ? null
        : Problem.Saturated(
            string.Create(CultureInfo.InvariantCulture,
                $"The CPU queue has {Waiting} items and no room for {items} more: "
                + $"its limit is {options.MaxQueuedItems} (Cpu:MaxQueuedItems)."),
            RetryAfterSeconds(items));

    /// <summary>Counts a job, and its waiting items, from now on.</summary>
    public void Add(CpuJob job)
    {
        _jobs.Add(job);
        Waiting += job.Waiting;
    }

    /// <summary>Removes a job that has ended.</summary>
    public void Remove(CpuJob job) => _jobs.Remove(job);

    /// <summary>Records that items were computed, for the estimate of <c>Retry-After</c>.</summary>
    public void NotePace(int items, TimeSpan took) => _pace.Note(items, took);

    /// <summary>Drops what waits of all jobs.</summary>
    public void DropAll()
    {
        foreach (var job in _jobs.ToList())
        {
            job.DropWaiting();
            job.EndIfOver();
        }
    }

    /// <summary>Estimates, at the pace of each waiting job, when there is room for so many more items.</summary>
    private int RetryAfterSeconds(int items)
    {
        var all = _jobs.Sum(job => job.Waiting * (job.SecondsPerItem > 0 ? job.SecondsPerItem : _pace.SecondsPerItem));
        var part = Math.Min((double)(Waiting + items - options.MaxQueuedItems) / Waiting, 1);
        return (int)Math.Clamp(Math.Ceiling(all * part / options.Threads), 1, MaxRetryAfterSeconds);
    }
}
