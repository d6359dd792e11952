using System.Globalization;

namespace FunctionsApp.Core.Cpu;

/// <summary>
/// The threads that compute. Each takes the next portion from the queue, computes it, and waits while no job is ready. The
/// members are guarded by the scheduler's lock, except for the computation itself.
/// </summary>
internal sealed class CpuThreads : IDisposable
{
    private readonly object _gate;
    private readonly FairQueue _queue;
    private readonly CpuBacklog _backlog;
    private readonly CpuMetrics _metrics;
    private readonly TimeProvider _time;
    private readonly int _count;
    private readonly List<CpuTurn> _turns = [];
    private readonly StandIns _standIns;
    private int _idle;

    /// <summary>Creates the threads; they run from <see cref="Start"/> on.</summary>
    /// <param name="gate">The scheduler's lock. A monitor, not a Lock: idle threads wait on it.</param>
    /// <param name="queue">Decides whose turn it is.</param>
    /// <param name="backlog">The jobs.</param>
    /// <param name="metrics">Records how long jobs waited.</param>
    /// <param name="count">How many threads compute.</param>
    /// <param name="time">The clock.</param>
    public CpuThreads(object gate, FairQueue queue, CpuBacklog backlog, CpuMetrics metrics, int count, TimeProvider time)
    {
        (_gate, _queue, _backlog, _metrics, _count, _time) = (gate, queue, backlog, metrics, count, time);
        _standIns = new StandIns(gate, queue, _turns, () => StartThread("cpu-stand-in", standsIn: true), time);
    }

    /// <summary>Whether the threads have been stopped.</summary>
    public bool IsStopped { get; private set; }

    /// <summary>Starts the threads that do not run yet.</summary>
    public void Start()
    {
        while (_turns.Count < _count)
        {
            StartThread(string.Create(CultureInfo.InvariantCulture, $"cpu-{_turns.Count}"), standsIn: false);
        }
    }

    /// <summary>Gives a ready job its turn: on an idle thread, or on the thread of a share that has used more.</summary>
    public void Serve(CpuJob job)
    {
        var now = _queue.Advance();
        var arrives = job.Share.IsIdle;
        if (!_queue.TryEnqueue(job, now) || TryWake())
        {
            // As many as the job can use: a thread that is woken by a computing thread may have to wait for that one's core.
            for (var more = Math.Min(job.Workers, job.Waiting) - 1; job.IsQueued && more > 0 && TryWake(); more--)
            {
            }

            return;
        }

        UpdateContention();
        if (arrives)
        {
            CutFor(job.Share, now);
        }

        _standIns.Start();
    }

    /// <summary>Stops the threads; each ends after its current portion.</summary>
    public void Dispose()
    {
        IsStopped = true;
        _standIns.Dispose();
        Monitor.PulseAll(_gate);
    }

    private void StartThread(string name, bool standsIn)
    {
        var turn = new CpuTurn(_time);
        _turns.Add(turn);

        // Background: a computation that ignores its token must not keep the process alive.
        new Thread(() => Run(turn, standsIn)) { IsBackground = true, Name = name }.UnsafeStart();
    }

    private void Run(CpuTurn turn, bool standsIn)
    {
        while (TryBegin(turn, standsIn, out var job, out var portion))
        {
            End(turn, job, portion, job.Compute(portion, turn));
        }
    }

    private bool TryBegin(CpuTurn turn, bool standsIn, out CpuJob job, out Portion portion)
    {
        lock (_gate)
        {
            while (!IsStopped)
            {
                var now = _queue.Advance();
                if (standsIn && _standIns.IsOneTooMany(now))
                {
                    break;
                }

                if (_queue.TryDequeue(now, foregroundOnly: standsIn, out job!))
                {
                    portion = _backlog.Take(job);
                    _metrics.NoteWait(job, now);
                    _queue.Begin(turn, job, now);

                    // For the next thread: behind the other shares that have used as much.
                    if (_queue.TryEnqueue(job, now))
                    {
                        TryWake();
                    }

                    UpdateContention();
                    _standIns.Start();
                    return true;
                }

                if (standsIn)
                {
                    break;
                }

                // TryWake subtracts this thread again.
                _idle++;
                UpdateContention();
                Monitor.Wait(_gate);
            }

            if (standsIn)
            {
                _standIns.Leave(turn);
            }

            (job, portion) = (null!, default);
            return false;
        }
    }

    private void End(CpuTurn turn, CpuJob job, Portion portion, int computed)
    {
        bool over;
        lock (_gate)
        {
            var now = _queue.Advance();
            _backlog.Release(job, portion, computed, _time.GetElapsedTime(turn.Started, now));
            if (IsStopped)
            {
                _backlog.Abandon(job);
            }

            // Wakes no thread, because this one takes the next portion. Precedes the turn's end, so that the share is never idle between.
            _queue.TryEnqueue(job, now);
            _queue.End(turn, now);
            over = _backlog.RemoveIfOver(job);
        }

        if (over)
        {
            job.Complete();
        }
    }

    private bool TryWake()
    {
        if (_idle == 0)
        {
            return false;
        }

        _idle--;
        Monitor.Pulse(_gate);
        return true;
    }

    /// <summary>Records for each turn whether another share waits for its thread.</summary>
    private void UpdateContention()
    {
        foreach (var turn in _turns)
        {
            turn.IsContended = _idle == 0 && _queue.Count > (turn.Share is { IsReady: true } ? 1 : 0);
        }
    }

    /// <summary>Cuts a turn for a share that has just arrived: the turn of the share that has used the most, if it has used more.</summary>
    private void CutFor(CpuShare share, long now)
    {
        var used = share.Used(now);
        CpuTurn? longest = null;
        foreach (var turn in _turns)
        {
            if (!turn.IsCut && turn.Share?.Used(now) is { } other && other > used)
            {
                (longest, used) = (turn, other);
            }
        }

        longest?.Cut();
    }
}
