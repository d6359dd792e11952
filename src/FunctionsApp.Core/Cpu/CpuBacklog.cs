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

    /// <summary>Items that wait for a thread.</summary>
    public long Waiting { get; private set; }

    /// <summary>
    /// Returns <c>saturated</c> if so many more items may not wait; null if they may. If no item waits, one job is always
    /// admitted.
    /// </summary>
    public Problem? Refusal(int items) => Waiting == 0 || Waiting + items <= options.MaxQueuedItems
        ? null
        : Problem.Saturated(
            string.Create(CultureInfo.InvariantCulture,
                $"The CPU queue has {Waiting} items and no room for {items} more: its limit is {options.MaxQueuedItems} (Cpu:MaxQueuedItems)."),
            RetryAfterSeconds(items));

    /// <summary>Admits a job.</summary>
    public void Admit(CpuJob job, long now)
    {
        Waiting += job.Waiting;
        job.AdmittedAt = now;
        _jobs.Add(job);
    }

    /// <summary>Adds items to a job.</summary>
    public void Add(CpuJob job, int items) => Waiting += job.Add(items);

    /// <summary>Takes the next portion of a job that is ready.</summary>
    public Portion Take(CpuJob job)
    {
        var portion = job.Take();
        Waiting -= portion.Count;
        return portion;
    }

    /// <summary>Ends a portion. Its items that are not computed wait again. If it has failed, its job drops all items that wait.</summary>
    /// <param name="job">The job.</param>
    /// <param name="portion">The portion.</param>
    /// <param name="computed">How many of its items are computed; 0 if it has failed.</param>
    /// <param name="took">How long the computation took.</param>
    public void Release(CpuJob job, Portion portion, int computed, TimeSpan took)
    {
        Waiting += job.Release(portion, computed, took);
        if (computed > 0)
        {
            _pace.Note(computed, took);
        }
        else
        {
            Drop(job);
        }
    }

    /// <summary>Drops the waiting items of a job.</summary>
    public void Drop(CpuJob job) => Waiting -= job.DropWaiting();

    /// <summary>Fails a job because the threads have stopped, if it still needs them.</summary>
    public void Abandon(CpuJob job)
    {
        if (job.Waiting > 0 || job.IsOpen)
        {
            job.Fail(new OperationCanceledException("The CPU scheduler has stopped."));
            Drop(job);
        }
    }

    /// <summary>Abandons every job.</summary>
    /// <returns>The jobs that this has ended.</returns>
    public List<CpuJob> AbandonAll()
    {
        foreach (var job in _jobs)
        {
            Abandon(job);
        }

        return [.. _jobs.Where(RemoveIfOver)];
    }

    /// <summary>Removes a job if it has ended.</summary>
    /// <returns>Whether it has.</returns>
    public bool RemoveIfOver(CpuJob job)
    {
        if (job.IsOver)
        {
            _jobs.Remove(job);
        }

        return job.IsOver;
    }

    /// <summary>Estimates, at the pace of each waiting job, when there is room for so many more items.</summary>
    private int RetryAfterSeconds(int items)
    {
        var all = _jobs.Sum(job => job.Waiting * (job.SecondsPerItem > 0 ? job.SecondsPerItem : _pace.SecondsPerItem));
        var part = Math.Min((double)(Waiting + items - options.MaxQueuedItems) / Waiting, 1);
        return (int)Math.Clamp(Math.Ceiling(all * part / options.Threads), 1, MaxRetryAfterSeconds);
    }
}
