using FunctionsApp.Core.Problems;
using Microsoft.Extensions.Options;

namespace FunctionsApp.Core.Cpu;

/// <summary>
/// Runs CPU work on its own threads, one per core by default, so that the threads that serve requests never compute. It divides the
/// cores' time fairly between requests. A large job alone gets all of it. A small one that arrives meanwhile starts at once, because the
/// turn of a request that has used more ends early, between two items.
/// </summary>
/// <remarks>
/// <para>
/// Work that no client waits for has a <see cref="CpuPool"/> of its own, of threads with a lower priority. A long computation cannot be
/// interrupted, and two tasks that compute for seconds do not delay a request on two cores: <c>TaskHostTests</c>.
/// </para>
/// <para>
/// The life of a job: <see cref="TryAdmit"/> counts it in the <see cref="CpuBacklog"/>, and gives it to a pool. <see cref="CpuPool.Serve"/>
/// puts it into the pool's <see cref="FairQueue"/>, and wakes a thread. The thread begins a turn: it takes the next job from the queue, and
/// a chunk from that job. It computes the chunk, without the lock that guards everything else here, and ends the turn. After the job's last
/// chunk, <see cref="CpuJob.EndIfOver"/> completes the job.
/// </para>
/// </remarks>
public sealed class CpuScheduler : IDisposable
{
    /// <summary>The maximum pause of a background share before its next attempt: the work that fills the queue may be cancelled.</summary>
    private const int MaxPauseSeconds = 5;

    private readonly object _gate = new();
    private readonly CpuBacklog _backlog;
    private readonly CpuMetrics _metrics;
    private readonly CpuPool _foreground;
    private readonly CpuPool _background;
    private readonly TimeProvider _time;
    private bool _isStopped;

    /// <summary>Creates the scheduler; the threads of a pool start with its first job.</summary>
    public CpuScheduler(IOptions<CpuOptions> options, TimeProvider time)
    {
        (Threads, _time) = (options.Value.Threads, time);
        _backlog = new CpuBacklog(options.Value);
        _metrics = new CpuMetrics(_gate, _backlog, Threads, time);
        _foreground = new CpuPool(_gate, _metrics, Threads, isBackground: false, time);
        _background = new CpuPool(_gate, _metrics, Threads, isBackground: true, time);
    }

    /// <summary>The number of threads that compute one request.</summary>
    public int Threads { get; }

    /// <summary>Returns if one more computation would be admitted now.</summary>
    /// <exception cref="ProblemException"><c>saturated</c> if it would not.</exception>
    public void EnsureRoom()
    {
        lock (_gate)
        {
            if (_backlog.Refusal(items: 1) is { } refusal)
            {
                throw new ProblemException(refusal);
            }
        }
    }

    /// <summary>Computes one result.</summary>
    /// <param name="compute">Runs on a thread of the scheduler; must check its token in long loops.</param>
    /// <param name="cancellationToken">Cancels the computation, or its wait for a thread.</param>
    /// <exception cref="ProblemException"><c>saturated</c> if too many items wait; a background share waits for room instead.</exception>
    public async Task<T> ComputeAsync<T>(Func<CancellationToken, T> compute, CancellationToken cancellationToken)
    {
        var call = new CpuCall<T>(compute, cancellationToken);
        await ComputeAsync(call, cancellationToken);
        return call.Result!;
    }

    /// <summary>Runs a job to its end. When this returns, no part of the job runs any more.</summary>
    /// <param name="job">What to compute.</param>
    /// <param name="cancellationToken">Drops the items that wait; a running chunk must check the token itself.</param>
    /// <exception cref="ProblemException"><c>saturated</c> if too many items wait; a background share waits for room instead.</exception>
    internal async Task ComputeAsync(CpuJob job, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (job.IsOver)
        {
            return;
        }

        while (TryAdmit(job) is { } refusal)
        {
            if (!job.Share.IsBackground)
            {
                throw new ProblemException(refusal);
            }

            // No client waits for a task's response, so the task waits here and does not repeat its work before this job.
            await Task.Delay(TimeSpan.FromSeconds(Math.Min(refusal.RetryAfterSeconds!.Value, MaxPauseSeconds)), _time, cancellationToken);
        }

        await using (cancellationToken.UnsafeRegister(_ => Drop(job), null))
        {
            await job.Completion;
        }

        cancellationToken.ThrowIfCancellationRequested();
    }

    /// <summary>Checks again whether a job is ready, or over.</summary>
    /// <param name="job">The job.</param>
    /// <param name="items">How many items to add to it.</param>
    internal void Update(CpuJob job, int items = 0)
    {
        lock (_gate)
        {
            job.Add(items);
            job.Pool?.Serve(job);
        }
    }

    /// <summary>Closes a job: it is over when all its items are computed.</summary>
    internal void Close(CpuJob job)
    {
        lock (_gate)
        {
            job.Close();
            job.Pool?.Serve(job);
        }
    }

    /// <summary>Stops the threads. Running chunks end; jobs with waiting parts are cancelled.</summary>
    public void Dispose()
    {
        _metrics.Dispose();
        lock (_gate)
        {
            _isStopped = true;
            _foreground.Dispose();
            _background.Dispose();
            _backlog.DropAll();
        }
    }

    /// <summary>Admits a job, and gives it to the pool of its share.</summary>
    /// <returns>Why the job is not admitted; null when it is.</returns>
    private Problem? TryAdmit(CpuJob job)
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_isStopped, this);
            if (_backlog.Refusal(Math.Max(job.Waiting, 1)) is { } refusal)
            {
                return refusal;
            }

            var pool = job.Share.IsBackground ? _background : _foreground;
            job.Admit(pool, _backlog, _time.GetTimestamp());
            pool.Serve(job);
            return null;
        }
    }

    private void Drop(CpuJob job)
    {
        lock (_gate)
        {
            job.DropWaiting();
            job.EndIfOver();
        }
    }
}
