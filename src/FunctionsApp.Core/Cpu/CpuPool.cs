using System.Globalization;
using System.Runtime.InteropServices;

namespace FunctionsApp.Core.Cpu;

/// <summary>
/// Threads that compute, and the queue of the shares that wait for them. Each thread takes the next chunk from the queue, computes it,
/// and sleeps while no job is ready. The members are guarded by the scheduler's lock, except for the computation itself.
/// </summary>
internal sealed class CpuPool : IDisposable
{
    /// <summary>Linux gives a thread that is so much nicer a quarter of the time of another while both want a core.</summary>
    private const int BackgroundNiceness = 6;

    private readonly object _gate;
    private readonly CpuMetrics _metrics;
    private readonly CpuBacklog _backlog;
    private readonly TimeProvider _time;
    private readonly FairQueue _queue;
    private readonly int _threads;
    private readonly bool _isBackground;
    private readonly Semaphore _wake = new(0, int.MaxValue);
    private int _idle;
    private int _started;
    private volatile bool _isStopped;

    public CpuPool(object gate, CpuBacklog backlog, CpuMetrics metrics, int threads, bool isBackground, TimeProvider time)
    {
        (_gate, _backlog, _metrics, _threads, _isBackground, _time) = (gate, backlog, metrics, threads, isBackground, time);
        _queue = new FairQueue(time);
    }

    /// <summary>Gives a ready job its turn: on an idle thread, or on the thread of a share that has used more.</summary>
    public void Serve(CpuJob job)
    {
        var now = _queue.Advance();
        var arrives = job.Share.IsIdle;
        if (!_queue.TryEnqueue(job, now))
        {
            return;
        }

        Start();
        if (!TryWake() && arrives)
        {
            _queue.CutFor(job.Share, now);
        }
    }

    /// <summary>Stops the threads; each ends after its current chunk.</summary>
    public void Dispose()
    {
        _isStopped = true;
        _wake.Release(_threads);
    }

    private void Start()
    {
        while (_started < _threads)
        {
            var name = string.Create(CultureInfo.InvariantCulture, $"{(_isBackground ? "cpu-background" : "cpu")}-{_started++}");

            // Of the process's background: a computation that ignores its token must not keep the process alive.
            new Thread(Run) { IsBackground = true, Name = name }.UnsafeStart();
        }
    }

    private void Run()
    {
        // .NET knows no priority of threads on Linux. Elsewhere both pools have the same: Windows could starve a lower one.
        if (_isBackground && OperatingSystem.IsLinux())
        {
            _ = AddNiceness(BackgroundNiceness);
        }

        while (!_isStopped)
        {
            if (TryBegin() is { } turn)
            {
                End(turn, turn.Job.Compute(turn));
            }
            else
            {
                _wake.WaitOne();
            }
        }
    }

    /// <summary>Begins the next turn; null if no job is ready, so that the thread is to sleep.</summary>
    private CpuTurn? TryBegin()
    {
        lock (_gate)
        {
            var now = _queue.Advance();
            if (_queue.Dequeue(now) is not { } job)
            {
                // TryWake subtracts this thread again.
                _idle++;
                return null;
            }

            _metrics.Begin(job, now);
            var turn = _queue.Begin(job, now);

            // For the next thread: behind the other shares that have used as much.
            if (_queue.TryEnqueue(job, now))
            {
                TryWake();
            }

            return turn;
        }
    }

    private void End(CpuTurn turn, int computed)
    {
        lock (_gate)
        {
            var now = _queue.Advance();
            turn.Job.Release(turn.Chunk, computed, _time.GetElapsedTime(turn.Started, now));

            // Wakes no thread, because this one takes the next chunk. Precedes the turn's end, so that the share is never idle between.
            _queue.TryEnqueue(turn.Job, now);
            _queue.End(turn, now);
            _metrics.End(now);
            _backlog.EndIfOver(turn.Job);
        }
    }

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
