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
    private readonly CpuTurn[] _turns;
    private readonly bool _isBackground;
    private readonly Semaphore _wake = new(0, int.MaxValue);
    private int _idle;
    private int _started;
    private volatile bool _isStopped;

    public CpuPool(object gate, CpuBacklog backlog, CpuMetrics metrics, int threads, bool isBackground, TimeProvider time)
    {
        (_gate, _backlog, _metrics, _isBackground, _time) = (gate, backlog, metrics, isBackground, time);
        _queue = new FairQueue(time);
        _turns = [.. Enumerable.Range(0, threads).Select(_ => new CpuTurn(_queue, time))];
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
            CutFor(job.Share, now);
        }
    }

    /// <summary>Stops the threads; each ends after its current chunk.</summary>
    public void Dispose()
    {
        _isStopped = true;
        _wake.Release(_turns.Length);
    }

    private void Start()
    {
        while (_started < _turns.Length)
        {
            var turn = _turns[_started];
            var name = string.Create(CultureInfo.InvariantCulture, $"{(_isBackground ? "cpu-background" : "cpu")}-{_started++}");

            // Of the process's background: a computation that ignores its token must not keep the process alive.
            new Thread(() => Run(turn)) { IsBackground = true, Name = name }.UnsafeStart();
        }
    }

    private void Run(CpuTurn turn)
    {
        // .NET knows no priority of threads on Linux. Elsewhere both pools have the same: Windows could starve a lower one.
        if (_isBackground && OperatingSystem.IsLinux())
        {
            _ = AddNiceness(BackgroundNiceness);
        }

        while (!_isStopped)
        {
            if (TryBegin(turn) is var (job, chunk))
            {
                End(turn, job, chunk, job.Compute(chunk, turn));
            }
            else
            {
                _wake.WaitOne();
            }
        }
    }

    /// <summary>Begins the next turn; null if no job is ready, so that the thread is to sleep.</summary>
    private (CpuJob Job, CpuChunk Chunk)? TryBegin(CpuTurn turn)
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

            var chunk = job.Take();
            _metrics.Begin(job, now);
            _queue.Begin(turn, job, now);

            // For the next thread: behind the other shares that have used as much.
            if (_queue.TryEnqueue(job, now))
            {
                TryWake();
            }

            return (job, chunk);
        }
    }

    private void End(CpuTurn turn, CpuJob job, CpuChunk chunk, int computed)
    {
        lock (_gate)
        {
            var now = _queue.Advance();
            job.Release(chunk, computed, _time.GetElapsedTime(turn.Started, now));

            // Wakes no thread, because this one takes the next chunk. Precedes the turn's end, so that the share is never idle between.
            _queue.TryEnqueue(job, now);
            _queue.End(turn, now);
            _metrics.End(now);
            _backlog.EndIfOver(job);
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

    /// <summary>Cuts a turn for a share that has just arrived: the turn of the share that has used the most, if it has used more.</summary>
    /// <remarks>
    /// A map that arrives during a chunk of a million items begins within ten of them, not within milliseconds: <c>MapFairnessTests</c>.
    /// </remarks>
    private void CutFor(CpuShare share, long now)
    {
        var longest = _turns.Where(static turn => turn is { IsCut: false, Share: not null }).MaxBy(turn => turn.Share!.Used(now));
        if (longest?.Share!.Used(now) > share.Used(now))
        {
            longest.IsCut = true;
        }
    }

    /// <summary>Changes the niceness of this thread: on Linux it is not that of the process.</summary>
    [DllImport("libc", EntryPoint = "nice"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int AddNiceness(int increment);
}
