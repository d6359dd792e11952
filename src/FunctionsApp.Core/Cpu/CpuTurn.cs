namespace FunctionsApp.Core.Cpu;

/// <summary>The current turn of a thread of a pool. The scheduler's lock guards the members, except <see cref="IsOver"/>.</summary>
internal sealed class CpuTurn(FairQueue queue, TimeProvider time)
{
    /// <summary>The seconds of a turn while other requests wait: its overhead is negligible, and the cores are shared fairly.</summary>
    public const double Seconds = 0.005;

    private volatile bool _isCut;

    /// <summary>
    /// Whether another request must get the thread. A chunk of many items then ends with its current item, and the rest waits for the
    /// next turn. Only the turn's own thread asks, so it reads without the lock.
    /// </summary>
    public bool IsOver => queue.HasOthersThan(Share!) && (_isCut || time.GetElapsedTime(Started).TotalSeconds >= Seconds);

    /// <summary>Whether the turn must end at once if another request still waits.</summary>
    public bool IsCut
    {
        get => _isCut;
        set => _isCut = value;
    }

    /// <summary>The share whose turn it is; null while the thread is idle.</summary>
    public CpuShare? Share { get; private set; }

    public long Started { get; private set; }

    public void Begin(CpuShare share, long now)
    {
        share.Begin(now);
        (Share, Started, _isCut) = (share, now, false);
    }

    /// <returns>The share whose turn it was.</returns>
    public CpuShare End(long now)
    {
        var share = Share!;
        share.End(Started, now);
        Share = null;
        return share;
    }
}
