namespace FunctionsApp.Core.Cpu;

/// <summary>One thread's current turn with a job.</summary>
internal sealed class CpuTurn(TimeProvider time)
{
    /// <summary>
    /// How long a turn lasts while other requests wait, in seconds: long enough to make its overhead negligible, short enough
    /// to share the cores fairly.
    /// </summary>
    public const double Seconds = 0.005;

    private volatile bool _isCut;
    private volatile bool _isContended;

    /// <summary>
    /// Whether another request must get the thread. A portion of many items then ends with its current item, and the rest
    /// waits for the next turn.
    /// </summary>
    public bool IsOver => _isCut || (_isContended && time.GetElapsedTime(Started).TotalSeconds >= Seconds);

    /// <summary>Whether the turn must end at once because another request still waits. Under the scheduler's lock.</summary>
    public bool IsCut => _isCut;

    /// <summary>Whether another request waits for a thread. If none waits any more, a turn that was cut goes on. Under the scheduler's lock.</summary>
    public bool IsContended
    {
        set
        {
            // An unchanged value is not written, so as not to disturb the thread that reads it.
            if (_isContended != value)
            {
                _isContended = value;
            }

            if (!value && _isCut)
            {
                _isCut = false;
            }
        }
    }

    /// <summary>The share whose turn it is; null while the thread is idle. Under the scheduler's lock.</summary>
    public CpuShare? Share { get; private set; }

    /// <summary>When the turn began; written by its own thread only.</summary>
    public long Started { get; private set; }

    /// <summary>Begins a turn. Under the scheduler's lock.</summary>
    public void Begin(CpuShare share, long now)
    {
        (Share, Started, _isCut) = (share, now, false);
        share.Begin(now);
    }

    /// <summary>Ends the turn. Under the scheduler's lock.</summary>
    public void End(long now)
    {
        Share!.End(Started, now);
        Share = null;
    }

    /// <summary>Requests that the thread end its turn at once.</summary>
    public void Cut() => _isCut = true;
}
