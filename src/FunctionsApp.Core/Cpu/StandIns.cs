namespace FunctionsApp.Core.Cpu;

/// <summary>
/// Extra threads for foreground shares. A long computation cannot be interrupted. While a background share's computation keeps
/// foreground shares waiting, an extra thread replaces the occupied one, and the operating system divides the cores between
/// them. The members are guarded by the scheduler's lock.
/// </summary>
/// <param name="gate">The scheduler's lock.</param>
/// <param name="queue">The shares that wait.</param>
/// <param name="turns">The turn of each thread.</param>
/// <param name="start">Starts an extra thread.</param>
/// <param name="time">The clock.</param>
internal sealed class StandIns(object gate, FairQueue queue, List<CpuTurn> turns, Action start, TimeProvider time) : IDisposable
{
    /// <summary>How long a background share's turn may run while foreground shares wait, before an extra thread replaces its own.</summary>
    private static readonly TimeSpan Overrun = TimeSpan.FromMilliseconds(20);

    private int _count;
    private ITimer? _timer;
    private bool _isTimerSet;
    private bool _isDisposed;

    /// <summary>Starts missing extra threads, and checks again later while foreground shares wait.</summary>
    public void Start()
    {
        if (queue.BackgroundTurns <= _count || queue.ForegroundCount is var waiting && waiting == 0)
        {
            return;
        }

        for (var more = Math.Min(Overrunning(time.GetTimestamp()) - _count, waiting); more > 0; more--)
        {
            _count++;
            start();
        }

        if (!_isTimerSet)
        {
            _isTimerSet = true;
            _timer ??= time.CreateTimer(static standIns => ((StandIns)standIns!).LookAgain(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
            _timer.Change(Overrun, Timeout.InfiniteTimeSpan);
        }
    }

    /// <summary>Returns whether there are more extra threads than background turns that overrun.</summary>
    public bool IsOneTooMany(long now) => _count > Overrunning(now);

    /// <summary>Records that an extra thread ends.</summary>
    public void Leave(CpuTurn turn)
    {
        _count--;
        turns.Remove(turn);
    }

    /// <summary>Stops starting threads.</summary>
    public void Dispose()
    {
        _isDisposed = true;
        _timer?.Dispose();
    }

    /// <summary>Counts the background turns that overrun.</summary>
    private int Overrunning(long now) => queue.BackgroundTurns == 0
        ? 0
        : turns.Count(turn => turn.Share is { IsBackground: true } && time.GetElapsedTime(turn.Started, now) >= Overrun);

    private void LookAgain()
    {
        lock (gate)
        {
            _isTimerSet = false;
            if (!_isDisposed)
            {
                Start();
            }
        }
    }
}
