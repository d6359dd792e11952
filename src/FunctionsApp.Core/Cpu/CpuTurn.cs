namespace FunctionsApp.Core.Cpu;

/// <summary>One turn of a share: a thread computes a chunk of one of its jobs.</summary>
internal sealed class CpuTurn(FairQueue queue, CpuJob job, CpuChunk chunk, long started, TimeProvider time)
{
    /// <summary>The seconds of a turn while other requests wait: its overhead is negligible, and the cores are shared fairly.</summary>
    public const double Seconds = 0.005;

    private volatile bool _isCut;

    /// <summary>The job whose turn it is.</summary>
    public CpuJob Job => job;

    public CpuChunk Chunk => chunk;

    public long Started => started;

    /// <summary>
    /// Whether another request must get the thread. A chunk of many items then ends with its current item, and the rest waits for the
    /// next turn. Only the turn's own thread asks, so it reads without the lock.
    /// </summary>
    public bool IsOver => queue.HasOthersThan(job.Share) && (_isCut || time.GetElapsedTime(started).TotalSeconds >= Seconds);

    /// <summary>Whether the turn must end at once if another request still waits. Set under the scheduler's lock.</summary>
    public bool IsCut
    {
        get => _isCut;
        set => _isCut = value;
    }
}
