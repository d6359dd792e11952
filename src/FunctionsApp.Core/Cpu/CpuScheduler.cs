using FunctionsApp.Core.Problems;
using Microsoft.Extensions.Options;

namespace FunctionsApp.Core.Cpu;

/// <summary>
/// Runs CPU work on its own threads, one per core by default, so that the threads that serve requests never
/// compute. It divides the cores' time fairly between requests. A large job alone gets all of it. A small one that arrives
/// meanwhile starts at once, because the turn of a request that has used more ends early, between two items.
/// </summary>
/// <remarks>
/// One lock guards the parts: <see cref="CpuBacklog"/> admits jobs, <see cref="FairQueue"/> decides whose turn it is,
/// <see cref="CpuThreads"/> compute, <see cref="StandIns"/> add threads while a task occupies one for long.
/// </remarks>
public sealed class CpuScheduler : IDisposable
{
    /// <summary>The maximum pause of a background share before its next attempt: the work that fills the queue may be cancelled.</summary>
    private const int MaxPauseSeconds = 5;

    private readonly object _gate = new();
    private readonly CpuBacklog _backlog;
    private readonly CpuMetrics _metrics;
    private readonly CpuThreads _threads;
    private readonly TimeProvider _time;

    /// <summary>Creates the scheduler; its threads start with the first job.</summary>
    public CpuScheduler(IOptions<CpuOptions> options, TimeProvider time)
    {
        (Threads, _time) = (options.Value.Threads, time);
        var queue = new FairQueue(time);
        _backlog = new CpuBacklog(options.Value);
        _metrics = new CpuMetrics(_gate, queue, _backlog, Threads, time);
        _threads = new CpuThreads(_gate, queue, _backlog, _metrics, Threads, time);
    }

    /// <summary>The number of threads that compute.</summary>
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
    public async Task<T> RunAsync<T>(Func<CancellationToken, T> compute, CancellationToken cancellationToken)
    {
        var call = new CpuCall<T>(compute, cancellationToken);
        await RunAsync(call, cancellationToken);
        return call.Result!;
    }

    /// <summary>Runs a job to its end. When this returns, no part of the job runs any more.</summary>
    /// <param name="job">What to compute.</param>
    /// <param name="cancellationToken">Drops the items that wait; a running portion must check the token itself.</param>
    /// <exception cref="ProblemException"><c>saturated</c> if too many items wait; a background share waits for room instead.</exception>
    internal async Task RunAsync(CpuJob job, CancellationToken cancellationToken)
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
    internal void Update(CpuJob job, int items = 0) => Change(job, () => _backlog.Add(job, items));

    /// <summary>Closes a job: it is over when all its items are computed.</summary>
    internal void Close(CpuJob job) => Change(job, job.Close);

    /// <summary>Stops the threads. Running portions end; jobs with waiting parts are cancelled.</summary>
    public void Dispose()
    {
        _metrics.Dispose();
        List<CpuJob> over;
        lock (_gate)
        {
            _threads.Dispose();
            over = _backlog.AbandonAll();
        }

        over.ForEach(static job => job.Complete());
    }

    /// <returns>Why the job is not admitted; null when it is.</returns>
    private Problem? TryAdmit(CpuJob job)
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_threads.IsStopped, this);
            if (_backlog.Refusal(Math.Max(job.Waiting, 1)) is { } refusal)
            {
                return refusal;
            }

            _backlog.Admit(job, _time.GetTimestamp());
            _threads.Start();
            _threads.Serve(job);
            return null;
        }
    }

    private void Drop(CpuJob job) => Change(job, () => _backlog.Drop(job));

    private void Change(CpuJob job, Action change)
    {
        bool over;
        lock (_gate)
        {
            change();
            _threads.Serve(job);
            over = _backlog.RemoveIfOver(job);
        }

        if (over)
        {
            job.Complete();
        }
    }
}
