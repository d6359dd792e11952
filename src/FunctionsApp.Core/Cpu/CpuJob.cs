using FunctionsApp.Core.Requests;

namespace FunctionsApp.Core.Cpu;

/// <summary>
/// CPU work of one request: items that are computed in chunks. At each turn of the job, a thread of the <see cref="CpuScheduler"/>
/// takes a chunk and computes it as one of the job's workers. Members marked "Under the lock" are guarded by the scheduler's lock.
/// </summary>
/// <param name="items">The initial number of items.</param>
/// <param name="workers">How many chunks may be computed at once.</param>
/// <param name="isOpen">Whether items may be added later.</param>
internal abstract class CpuJob(int items, int workers, bool isOpen = false)
{
    // The request continues on another thread: a thread that is there to compute must not write its response.
    private readonly TaskCompletionSource _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly ExecutionContext? _context = ExecutionContext.Capture();
    private readonly bool[] _busy = new bool[workers];

    // The rests of chunks whose turn was cut: they precede items that have never been taken.
    private readonly PriorityQueue<int, long> _rests = new();
    private CpuBacklog? _backlog;
    private bool _isDropped;
    private Pace _pace;
    private long _next;
    private int _running;
    private Exception? _failure;

    /// <summary>How many chunks may be computed at once.</summary>
    public int Workers => _busy.Length;

    /// <summary>The share that the job belongs to. Without one of the request, each job gets a share of its own.</summary>
    public CpuShare Share { get; } = RequestContext.Get<CpuShare>() ?? new CpuShare();

    /// <summary>The pool whose threads compute the job; null until the job is admitted. Under the lock.</summary>
    public CpuPool? Pool { get; private set; }

    /// <summary>Whether items may still be added. Under the lock.</summary>
    public bool IsOpen { get; private set; } = isOpen;

    /// <summary>Items that no thread has taken yet. Under the lock.</summary>
    public int Waiting
    {
        get;
        private set
        {
            _backlog?.Waiting += value - field;
            field = value;
        }
    } = items;

    /// <summary>The recent time per item of this job, in seconds; 0 while none has been computed. Under the lock.</summary>
    public double SecondsPerItem => _pace.SecondsPerItem;

    /// <summary>Whether a thread could take a chunk now. Under the lock.</summary>
    public bool IsReady => Waiting > 0 && _running < _busy.Length && MayTake(NextItem);

    /// <summary>Whether no part of the job runs or will run. Under the lock.</summary>
    public bool IsOver => !IsOpen && Waiting == 0 && _running == 0;

    /// <summary>When the job was admitted; null once its first chunk was taken. Under the lock.</summary>
    public long? AdmittedAt { get; set; }

    /// <summary>Whether the job is in its share's queue. Under the lock.</summary>
    public bool IsQueued { get; set; }

    /// <summary>Ends when the job is over, with the exception of its first chunk that failed.</summary>
    public Task Completion => _completion.Task;

    private long NextItem => _rests.TryPeek(out _, out var from) ? from : _next;

    /// <summary>Admits the job to a pool. Under the lock.</summary>
    /// <param name="pool">The pool whose threads compute it.</param>
    /// <param name="backlog">Counts its waiting items from now on.</param>
    /// <param name="now">A timestamp.</param>
    public void Admit(CpuPool pool, CpuBacklog backlog, long now)
    {
        backlog.Add(this);
        (Pool, _backlog, AdmittedAt) = (pool, backlog, now);
    }

    /// <summary>Adds items at the end; none if the waiting items have been dropped. Under the lock, while the job is open.</summary>
    public void Add(int items) => Waiting += _isDropped ? 0 : items;

    /// <summary>Closes the job to more items. Under the lock.</summary>
    public void Close() => IsOpen = false;

    /// <summary>Takes the next chunk. Under the lock, if <see cref="IsReady"/>.</summary>
    public CpuChunk Take()
    {
        var from = NextItem;
        var most = _rests.TryDequeue(out var rest, out _) ? rest : Waiting;
        var count = Math.Clamp(NextChunkSize(from, Waiting), 1, most);
        if (from == _next)
        {
            _next += count;
        }
        else if (count < most)
        {
            _rests.Enqueue(most - count, from + count);
        }

        var worker = Array.IndexOf(_busy, false);
        _busy[worker] = true;
        _running++;
        Waiting -= count;
        return new CpuChunk(from, count, worker);
    }

    /// <summary>Frees the worker of a chunk that has ended. Its items that are not computed wait again. Under the lock.</summary>
    /// <param name="chunk">The chunk.</param>
    /// <param name="computed">How many of its items are computed; 0 if it failed.</param>
    /// <param name="took">How long the computation took.</param>
    public void Release(CpuChunk chunk, int computed, TimeSpan took)
    {
        _busy[chunk.Worker] = false;
        _running--;
        if (computed == 0)
        {
            DropWaiting();
            return;
        }

        _pace.Note(computed, took);
        _backlog?.NotePace(computed, took);
        if (computed < chunk.Count)
        {
            _rests.Enqueue(chunk.Count - computed, chunk.From + computed);
            Waiting += chunk.Count - computed;
            if (_isDropped)
            {
                DropWaiting();
            }
        }
    }

    /// <summary>Drops the waiting items, and any that wait or are added later. A job that still needs them fails. Under the lock.</summary>
    public void DropWaiting()
    {
        if (Waiting > 0 || IsOpen)
        {
            Fail(new OperationCanceledException("The computation was stopped."));
        }

        (Waiting, IsOpen, _isDropped) = (0, false, true);
        _rests.Clear();
    }

    /// <summary>Computes the chunk of a turn in the request's execution context, so that its trace continues.</summary>
    /// <returns>How many of its items are computed; 0 if it failed.</returns>
    public int Compute(CpuTurn turn)
    {
        var computed = 0;
        try
        {
            if (_context is null)
            {
                return ComputeItems(turn.Chunk, turn);
            }

            ExecutionContext.Run(_context, _ => computed = ComputeItems(turn.Chunk, turn), null);
        }
#pragma warning disable CA1031 // Any exception belongs to the request that awaits the job, not to this thread.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            Fail(exception);
        }

        return computed;
    }

    /// <summary>Records why the job fails; the first reason is kept.</summary>
    public void Fail(Exception exception) => Interlocked.CompareExchange(ref _failure, exception, null);

    /// <summary>
    /// Completes <see cref="Completion"/> if the job is over: <see cref="CpuScheduler.ComputeAsync(CpuJob, CancellationToken)"/>
    /// continues, on a thread of the request. Under the lock.
    /// </summary>
    public void EndIfOver()
    {
        if (IsOver)
        {
            _backlog?.Remove(this);
            _ = _failure is null ? _completion.TrySetResult() : _completion.TrySetException(_failure);
        }
    }

    /// <summary>Returns whether there is room for the results of a chunk that starts there. Under the lock, so it must be quick.</summary>
    protected virtual bool MayTake(long from) => true;

    /// <summary>Returns how many of the waiting items a chunk takes that starts there. Under the lock, so it must be quick.</summary>
    protected abstract int NextChunkSize(long from, int waiting);

    /// <summary>Computes a chunk on this thread, or as much of it as its turn allows: at least one item.</summary>
    /// <returns>How many of its items are computed.</returns>
    protected abstract int ComputeItems(CpuChunk chunk, CpuTurn turn);
}

/// <summary>Items of a job that one thread computes in one turn.</summary>
/// <param name="From">Index of the first item.</param>
/// <param name="Count">How many.</param>
/// <param name="Worker">The job's worker that computes it, from 0; no other chunk has the same one at the same time.</param>
internal readonly record struct CpuChunk(long From, int Count, int Worker);

/// <summary>A job of one computation.</summary>
internal sealed class CpuCall<T>(Func<CancellationToken, T> compute, CancellationToken cancellationToken) : CpuJob(items: 1, workers: 1)
{
    public T? Result { get; private set; }

    protected override int NextChunkSize(long from, int waiting) => 1;

    protected override int ComputeItems(CpuChunk chunk, CpuTurn turn)
    {
        Result = compute(cancellationToken);
        return 1;
    }
}
