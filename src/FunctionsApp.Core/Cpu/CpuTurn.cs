namespace FunctionsApp.Core.Cpu;

/// <summary>One thread's present turn with a job.</summary>
internal sealed class CpuTurn(TimeProvider time)
{
    /// <summary>
    /// How long a turn lasts while other requests wait, in seconds: long enough for its overhead not to count, short enough to
    /// share the cores fairly.
    /// </summary>
    public const double Seconds = 0.005;

    private volatile bool _isCut;
    private volatile bool _isContended;

    /// <summary>
    /// Whether another request is to have the thread: a portion of many items ends with the item it is at, and the rest of it
    /// waits for the next turn.
    /// </summary>
    public bool IsOver => _isCut || (_isContended && time.GetElapsedTime(Started).TotalSeconds >= Seconds);

    /// <summary>Whether it has been asked to end at once, and somebody waits for that still. Under the scheduler's lock.</summary>
    public bool IsCut => _isCut;

    /// <summary>Whether another request waits for a thread; a turn that was cut for one that has found another goes on. Under the scheduler's lock.</summary>
    public bool IsContended
    {
        set
        {
            // Unless it changes, the thread that looks at it is left alone.
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

    /// <summary>Whose turn it is; null while the thread is idle. Under the scheduler's lock.</summary>
    public CpuShare? Share { get; private set; }

    /// <summary>When it began; changed by its own thread only.</summary>
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

    /// <summary>Asks the thread to end its turn at once.</summary>
    public void Cut() => _isCut = true;
}
