namespace FunctionsApp.Core.Cpu;

/// <summary>
/// One request's share of the cores: its jobs, and the core time that they have used. The next turn belongs to the share that has
/// used the least, so each request gets as much as any other, however many jobs it has. The members are guarded by the scheduler's lock.
/// </summary>
/// <param name="isBackground">Whether no client waits for the result.</param>
internal sealed class CpuShare(bool isBackground = false)
{
    private readonly Queue<CpuJob> _ready = new();
    private long _used;
    private int _running;
    private long _startedSum;

    /// <summary>
    /// Whether no client waits for the result, such as that of a task. Its jobs run on the background pool, and wait for room where
    /// others are refused.
    /// </summary>
    public bool IsBackground => isBackground;

    /// <summary>Whether it has a job with a chunk to take.</summary>
    public bool IsReady => _ready.Count > 0;

    /// <summary>Whether it has no running and no ready job.</summary>
    public bool IsIdle => _running == 0 && !IsReady;

    /// <summary>Returns the core time that it has used, including turns that run now.</summary>
    /// <param name="now">A timestamp. Product and sum may overflow 64 bits: their difference is still right.</param>
    public long Used(long now) => _used + unchecked((_running * now) - _startedSum);

    /// <summary>Raises the used time to a minimum after a time of low use: time that it did not use then is not saved up.</summary>
    /// <param name="used">The minimum of the used time.</param>
    /// <param name="now">A timestamp; turns that run now count.</param>
    public void CatchUp(long used, long now) => _used += Math.Max(used - Used(now), 0);

    /// <summary>Adds a job to the end of the queue.</summary>
    public void Enqueue(CpuJob job)
    {
        job.IsQueued = true;
        _ready.Enqueue(job);
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

    /// <summary>A turn begins: its time is used from now on.</summary>
    public void Begin(long now)
    {
        _running++;
        _startedSum += now;
    }

    /// <summary>A turn ends.</summary>
    /// <param name="started">When it began.</param>
    /// <param name="now">A timestamp.</param>
    public void End(long started, long now)
    {
        _running--;
        _startedSum -= started;
        _used += now - started;
    }
}
