using System.Globalization;
using FunctionsApp.Core.Problems;
using Microsoft.Extensions.Options;

namespace FunctionsApp.Core.Cpu;

/// <summary>
/// Spends the cores. It owns as many threads as the process may use cores, and gives the jobs of all requests their
/// portions in turn (round robin): a small job that arrives during a huge one gets its share at once, and a huge one alone
/// gets everything. The threads that serve requests never compute.
/// </summary>
public sealed class CpuScheduler : IDisposable
{
    private const int LongestRetryAfterSeconds = 60;

    // A monitor, not a Lock: idle threads wait on it.
    private readonly object _gate = new();
    private readonly HashSet<CpuJob> _jobs = [];
    private readonly Queue<CpuJob> _ready = new();
    private readonly CpuOptions _options;
    private readonly TimeProvider _time;
    private Thread[] _threads = [];
    private long _waitingItems;
    private double _secondsPerItem;
    private bool _stopped;

    /// <summary>Creates the scheduler; its threads start with the first job.</summary>
    public CpuScheduler(IOptions<CpuOptions> options, TimeProvider time) => (_options, _time) = (options.Value, time);

    /// <summary>How many threads compute.</summary>
    public int Threads => _options.Threads;

    /// <summary>Does nothing while a single computation more would be admitted.</summary>
    /// <exception cref="ProblemException"><c>saturated</c> when it would not.</exception>
    public void EnsureRoom()
    {
        lock (_gate)
        {
            EnsureRoom(items: 1);
        }
    }

    /// <summary>Computes one result.</summary>
    /// <param name="compute">Runs on a thread of the scheduler; is to look at its token in long loops.</param>
    /// <param name="cancellationToken">Cancels the computation, or its waiting for a thread.</param>
    /// <exception cref="ProblemException"><c>saturated</c> when too much waits already.</exception>
    public async Task<T> RunAsync<T>(Func<CancellationToken, T> compute, CancellationToken cancellationToken)
    {
        var call = new CpuCall<T>(compute, cancellationToken);
        await RunAsync(call, cancellationToken);
        return call.Result!;
    }

    /// <summary>Runs a job to its end. When this returns, nothing of it runs any more.</summary>
    /// <param name="job">What to compute.</param>
    /// <param name="cancellationToken">Drops what is not running yet; what runs is to look at it by itself.</param>
    /// <exception cref="ProblemException"><c>saturated</c> when too much waits already.</exception>
    internal async Task RunAsync(CpuJob job, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (job.Waiting == 0)
        {
            return;
        }

        Admit(job);
        await using (cancellationToken.UnsafeRegister(_ => Drop(job), null))
        {
            await job.Completion;
        }

        cancellationToken.ThrowIfCancellationRequested();
    }

    /// <summary>Stops the threads. Jobs that are not running yet are cancelled.</summary>
    public void Dispose()
    {
        List<CpuJob> over = [];
        lock (_gate)
        {
            _stopped = true;
            foreach (var job in _jobs.Where(static job => job.Waiting > 0))
            {
                job.Fail(new OperationCanceledException("The CPU scheduler has stopped."));
                _waitingItems -= job.DropWaiting();
                if (job.IsOver)
                {
                    over.Add(job);
                }
            }

            _ready.Clear();
            Monitor.PulseAll(_gate);
        }

        over.ForEach(static job => job.Complete());
    }

    private void Admit(CpuJob job)
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_stopped, this);
            EnsureRoom(job.Waiting);
            _waitingItems += job.Waiting;
            _jobs.Add(job);
            Enqueue(job);
            StartThreads();
            Monitor.PulseAll(_gate);
        }
    }

    /// <summary>Raises <c>saturated</c> when so many items more may not wait. One job is always let in when nothing waits.</summary>
    private void EnsureRoom(int items)
    {
        if (_waitingItems > 0 && _waitingItems + items > _options.MaxQueuedItems)
        {
            throw new ProblemException(Problem.Saturated(
                string.Create(CultureInfo.InvariantCulture,
                    $"{_waitingItems} items wait for the CPU; with {items} more there would be over {_options.MaxQueuedItems} (Cpu:MaxQueuedItems)."),
                RetryAfterSeconds()));
        }
    }

    /// <summary>When, at the present speed, what waits now will have been taken.</summary>
    private int RetryAfterSeconds() =>
        (int)Math.Clamp(Math.Ceiling(_waitingItems * _secondsPerItem / Threads), 1, LongestRetryAfterSeconds);

    private void StartThreads()
    {
        if (_threads.Length > 0)
        {
            return;
        }

        _threads = new Thread[Threads];
        for (var i = 0; i < _threads.Length; i++)
        {
            // Background: a computation that does not look at its token must not keep the process alive.
            _threads[i] = new Thread(Work) { IsBackground = true, Name = string.Create(CultureInfo.InvariantCulture, $"cpu-{i}") };
            _threads[i].UnsafeStart();
        }
    }

    private void Work()
    {
        while (TryTake(out var job, out var portion))
        {
            var started = _time.GetTimestamp();
            var succeeded = job.TryCompute(portion);
            End(job, portion, succeeded, _time.GetElapsedTime(started));
        }
    }

    private bool TryTake(out CpuJob job, out Portion portion)
    {
        lock (_gate)
        {
            while (true)
            {
                while (_ready.Count == 0)
                {
                    if (_stopped)
                    {
                        (job, portion) = (null!, default);
                        return false;
                    }

                    Monitor.Wait(_gate);
                }

                job = _ready.Dequeue();
                job.IsQueued = false;
                if (job.IsReady)
                {
                    portion = job.Take();
                    _waitingItems -= portion.Count;

                    // Behind all others, for the next thread: this is the round robin.
                    Enqueue(job);
                    return true;
                }
            }
        }
    }

    private void End(CpuJob job, Portion portion, bool succeeded, TimeSpan took)
    {
        bool over;
        lock (_gate)
        {
            job.Release(portion);
            if (succeeded)
            {
                _secondsPerItem = _secondsPerItem == 0
                    ? took.TotalSeconds / portion.Count
                    : (_secondsPerItem * 0.8) + (took.TotalSeconds / portion.Count * 0.2);
            }
            else
            {
                _waitingItems -= job.DropWaiting();
            }

            Enqueue(job);
            over = ForgetIfOver(job);
        }

        if (over)
        {
            job.Complete();
        }
    }

    private void Drop(CpuJob job)
    {
        bool over;
        lock (_gate)
        {
            _waitingItems -= job.DropWaiting();
            over = ForgetIfOver(job);
        }

        if (over)
        {
            job.Complete();
        }
    }

    private bool ForgetIfOver(CpuJob job)
    {
        if (job.IsOver)
        {
            _jobs.Remove(job);
        }

        return job.IsOver;
    }

    private void Enqueue(CpuJob job)
    {
        if (!_stopped && job.IsReady && !job.IsQueued)
        {
            job.IsQueued = true;
            _ready.Enqueue(job);
        }
    }
}
