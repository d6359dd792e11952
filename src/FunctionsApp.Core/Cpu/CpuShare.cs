namespace FunctionsApp.Core.Cpu;

/// <summary>
/// One request's claim on the cores. The scheduler gives the next turn to the share that has used the least time of a core,
/// by its weight, so a request gets as much as any other, however many jobs it has. The members are guarded by the
/// scheduler's lock.
/// </summary>
/// <param name="weight">How much it gets beside a share of weight 1; more than 0.</param>
internal sealed class CpuShare(double weight = 1)
{
    private static readonly AsyncLocal<CpuShare?> Ambient = new();

    private readonly Queue<CpuJob> _ready = new();
    private double _used;
    private int _running;
    private long _startedSum;

    /// <summary>The share of the request that is served here; jobs started without one have a share each.</summary>
    public static CpuShare? Current
    {
        get => Ambient.Value;
        set => Ambient.Value = value;
    }

    /// <summary>How much it gets beside a share of weight 1.</summary>
    public double Weight => weight;

    /// <summary>Whether no client waits for its answer, as with a task: it waits for room where a foreground share is refused.</summary>
    public bool IsBackground => weight < 1;

    /// <summary>Whether it has a job of which something could be taken.</summary>
    public bool IsReady => _ready.Count > 0;

    /// <summary>Whether nothing of it runs, nor could.</summary>
    public bool IsIdle => _running == 0 && !IsReady;

    /// <summary>The time of cores that it has used, divided by its weight, what runs now included.</summary>
    /// <param name="now">A timestamp. Product and sum may go past 64 bits: their difference is right all the same.</param>
    public double Used(long now) => _used + (unchecked((_running * now) - _startedSum) / weight);

    /// <summary>Comes back after having wanted nothing, or less than it could have had: what it did not use then is not saved up.</summary>
    /// <param name="used">What it has used at the least from now on.</param>
    /// <param name="now">A timestamp: what runs now counts.</param>
    public void CatchUp(double used, long now) => _used += Math.Max(used - Used(now), 0);

    /// <summary>Puts a job at the end of those that wait for a turn.</summary>
    public void Enqueue(CpuJob job)
    {
        if (job.IsReady && !job.IsQueued)
        {
            job.IsQueued = true;
            _ready.Enqueue(job);
        }
    }

    /// <summary>The job whose turn it is; null when none is ready any more.</summary>
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

    /// <summary>A turn begins.</summary>
    public void Begin(long now)
    {
        _running++;
        _startedSum += now;
    }

    /// <summary>A turn that began at <paramref name="started"/> is over.</summary>
    public void End(long started, long now)
    {
        _running--;
        _startedSum -= started;
        _used += (now - started) / weight;
    }
}
