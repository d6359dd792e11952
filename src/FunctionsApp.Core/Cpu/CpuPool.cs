using System.Globalization;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace FunctionsApp.Core.Cpu;

/// <summary>
/// Threads that compute, and the queue of the shares that wait for them. Each thread takes the next chunk from the queue, computes it,
/// and sleeps while no job is ready. The members are guarded by the scheduler's lock, except for the computation itself.
/// </summary>
internal sealed class CpuPool : IDisposable
{
    /// <summary>
    /// Linux gives a thread of this niceness a quarter of the time of another while both want a core: <c>CpuFairnessTests</c>.
    /// </summary>
    private const int BackgroundNiceness = 6;

    private readonly object _gate;
    private readonly CpuMetrics _metrics;
    private readonly TimeProvider _time;
    private readonly FairQueue _queue;

    /// <summary>The turns that run now.</summary>
    private readonly List<CpuTurn> _turns = [];
    private readonly int _threads;
    private readonly bool _isBackground;
    private readonly Semaphore _wake = new(0, int.MaxValue);
    private int _idle;
    private int _started;
    private volatile bool _isStopped;

    public CpuPool(object gate, CpuMetrics metrics, int threads, bool isBackground, TimeProvider time)
    {
        (_gate, _metrics, _threads, _isBackground, _time) = (gate, metrics, threads, isBackground, time);
        _queue = new FairQueue(time);
    }

    /// <summary>
    /// Looks at a job that has changed. If it is ready, it waits in the queue for its turn: on an idle thread, or on the thread of a share
    /// that has used more. If it is over, it ends.
    /// </summary>
    public void Serve(CpuJob job)
    {
        var now = _queue.Advance(_turns.Count);
        var arrives = job.Share.IsIdle;
        if (_queue.TryEnqueue(job, now))
        {
            StartThreads();
            if (!TryWake() && arrives)
            {
                CutFor(job.Share, now);
            }
        }

        job.EndIfOver();
    }

    /// <summary>Stops the threads; each ends after its current chunk.</summary>
    public void Dispose()
    {
        _isStopped = true;
        _wake.Release(_threads);
    }

    /// <summary>Starts the threads, if this is the first job. Each executes <see cref="Run"/>.</summary>
    private void StartThreads()
    {
        while (_started < _threads)
        {
            var name = string.Create(CultureInfo.InvariantCulture, $"{(_isBackground ? "cpu-background" : "cpu")}-{_started++}");

            // Of the process's background: a computation that ignores its token must not keep the process alive.
            new Thread(Run) { IsBackground = true, Name = name }.UnsafeStart();
        }
    }

    /// <summary>One turn after the other, on a thread of the pool.</summary>
    private void Run()
    {
        // .NET knows no priority of threads on Linux. Elsewhere both pools have the same: Windows could starve a lower one.
        if (_isBackground && OperatingSystem.IsLinux())
        {
            _ = AddNiceness(BackgroundNiceness);
        }

        while (!_isStopped)
        {
            if (!TryTakeTurn())
            {
                _wake.WaitOne();
            }
        }
    }

    /// <summary>
    /// Computes the next turn, if a job is ready. In a frame of its own: a thread that sleeps in the frame of a turn would keep the job,
    /// with all its results, in memory until its next turn (<c>CpuSchedulerTests</c>).
    /// </summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private bool TryTakeTurn()
    {
        if (TryBegin() is not { } turn)
        {
            return false;
        }

        End(turn, turn.Job.Compute(turn));
        return true;
    }

    /// <summary>Begins the next turn: takes a chunk of the next job. Null if no job is ready, so that the thread is to sleep.</summary>
    private CpuTurn? TryBegin()
    {
        lock (_gate)
        {
            var now = _queue.Advance(_turns.Count);
            if (_queue.Dequeue(now) is not { } job)
            {
                // TryWake subtracts this thread again.
                _idle++;
                return null;
            }

            var turn = new CpuTurn(_queue, job, job.Take(), now, _time);
            _turns.Add(turn);
            job.Share.Begin(now);
            _metrics.Begin(job, now);

            // For the next thread: behind the other shares that have used as much.
            if (_queue.TryEnqueue(job, now))
            {
                TryWake();
            }

            return turn;
        }
    }

    /// <summary>Ends a turn. The job waits for its next one, or ends with its last chunk.</summary>
    /// <param name="turn">The turn.</param>
    /// <param name="computed">How many items of its chunk are computed; 0 if it failed.</param>
    private void End(CpuTurn turn, int computed)
    {
        lock (_gate)
        {
            var (job, now) = (turn.Job, _queue.Advance(_turns.Count));
            job.Release(turn.Chunk, computed, _time.GetElapsedTime(turn.Started, now));

            // Wakes no thread, because this one takes the next chunk. Precedes the turn's end, so that the share is never idle between.
            _queue.TryEnqueue(job, now);
            _turns.Remove(turn);
            job.Share.End(turn.Started, now);
            _queue.LeaveIfIdle(job.Share);
            _metrics.End(now);
            job.EndIfOver();
        }
    }

    /// <summary>Cuts a turn for a share that has just arrived: the turn of the share that has used the most, if it has used more.</summary>
    /// <remarks>
    /// A map that arrives during a chunk of a million items begins within ten of them, not within milliseconds: <c>MapFairnessTests</c>.
    /// </remarks>
    private void CutFor(CpuShare share, long now)
    {
        var longest = _turns.Where(static turn => !turn.IsCut).MaxBy(turn => turn.Job.Share.Used(now));
        if (longest?.Job.Share.Used(now) > share.Used(now))
        {
            longest.IsCut = true;
        }
    }

    /// <summary>Wakes a thread that sleeps; returns whether there was one.</summary>
    private bool TryWake()
    {
        if (_idle == 0)
        {
            return false;
        }

        _idle--;
        _wake.Release();
        return true;
    }

    /// <summary>Changes the niceness of this thread: on Linux it is not that of the process.</summary>
    [DllImport("libc", EntryPoint = "nice"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int AddNiceness(int increment);
}
