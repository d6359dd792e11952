using FunctionsApp.Core.Requests;

namespace FunctionsApp.Core.Cpu;

/// <summary>
/// One request's share of the cores. The scheduler gives the next turn to the share that has used the least core time,
/// by its weight, so each request gets as much as any other, however many jobs it has. The members are guarded by the
/// scheduler's lock.
/// </summary>
/// <param name="weight">How much it gets relative to a share of weight 1; more than 0.</param>
internal sealed class CpuShare(double weight = 1)
{
    private readonly Queue<CpuJob> _ready = new();
    private double _used;
    private int _running;
    private long _startedSum;

    /// <summary>The share of the current request; without one, each job gets a share of its own.</summary>
    public static CpuShare? Current
    {
        get => RequestContext.Get<CpuShare>();
        set => RequestContext.Set(value);
    }

    /// <summary>How much it gets relative to a share of weight 1.</summary>
    public double Weight => weight;

    /// <summary>Whether no client waits for its response, such as for a task: it waits where a foreground share is refused.</summary>
    public bool IsBackground => weight < 1;

    /// <summary>Whether it has a job with a portion to take.</summary>
    public bool IsReady => _ready.Count > 0;

    /// <summary>Whether it has no running and no ready job.</summary>
    public bool IsIdle => _running == 0 && !IsReady;

    /// <summary>Returns the core time that it has used, divided by its weight, including turns that run now.</summary>
    /// <param name="now">A timestamp. Product and sum may overflow 64 bits: their difference is still right.</param>
    public double Used(long now) => _used + (unchecked((_running * now) - _startedSum) / weight);

    /// <summary>Raises the used time to a minimum after a time of low use: time that it did not use then is not saved up.</summary>
    /// <param name="used">The minimum of the used time.</param>
    /// <param name="now">A timestamp; turns that run now count.</param>
    public void CatchUp(double used, long now) => _used += Math.Max(used - Used(now), 0);

    /// <summary>Adds a job to the end of the queue.</summary>
    public void Enqueue(CpuJob job)
    {
        if (job.IsReady && !job.IsQueued)
        {
            job.IsQueued = true;
            _ready.Enqueue(job);
        }
    }

    /// <summary>Takes the job whose turn it is; null if none is ready any more.</summary>
    public CpuJob? Dequeue()
    {
        while (_ready.TryDequeue(out var job))
        {
            job.IsQueued = false;
            if (job.IsReady)
            {
                return job;
            }
        }

        return null;
    }

    /// <summary>Records that a turn begins.</summary>
    public void Begin(long now)
    {
        _running++;
        _startedSum += now;
    }

    /// <summary>Records the end of a turn that began at <paramref name="started"/>.</summary>
    public void End(long started, long now)
    {
        _running--;
        _startedSum -= started;
        _used += (now - started) / weight;
    }
}
