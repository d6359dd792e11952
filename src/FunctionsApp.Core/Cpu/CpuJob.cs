namespace FunctionsApp.Core.Cpu;

/// <summary>
/// CPU work of one request: items that are computed in portions. At each turn of the job, a thread of the
/// <see cref="CpuScheduler"/> takes a portion and computes it as one of the job's workers. Members marked "Under the lock"
/// are guarded by the scheduler's lock.
/// </summary>
/// <param name="items">The initial number of items.</param>
/// <param name="workers">How many portions may be computed at once.</param>
/// <param name="isOpen">Whether items may be added later.</param>
internal abstract class CpuJob(int items, int workers, bool isOpen = false)
{
    // The request continues on another thread: a thread that is there to compute must not write its response.
    private readonly TaskCompletionSource _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly ExecutionContext? _context = ExecutionContext.Capture();
    private readonly bool[] _busy = new bool[workers];

    // Parts of portions whose turn was cut: they precede items that have never been taken.
    private readonly PriorityQueue<int, long> _left = new();
    private bool _isDropped;
    private Pace _pace;
    private long _next;
    private int _running;
    private Exception? _failure;

    /// <summary>How many portions may be computed at once.</summary>
    public int Workers => _busy.Length;

    /// <summary>The share that the job belongs to.</summary>
    public CpuShare Share { get; } = CpuShare.Current ?? new CpuShare();

    /// <summary>Whether items may still be added. Under the lock.</summary>
    public bool IsOpen { get; private set; } = isOpen;

    /// <summary>Items that no thread has taken yet. Under the lock.</summary>
    public int Waiting { get; private set; } = items;

    /// <summary>The recent time per item of this job, in seconds; 0 while none has been computed. Under the lock.</summary>
    public double SecondsPerItem => _pace.SecondsPerItem;

    /// <summary>Whether a thread could take a portion now. Under the lock.</summary>
    public bool IsReady => Waiting > 0 && _running < _busy.Length && MayTake(NextItem);

    /// <summary>Whether no part of the job runs or will run. Under the lock.</summary>
    public bool IsOver => !IsOpen && Waiting == 0 && _running == 0;

    /// <summary>When the job was admitted; null once its first portion was taken. Under the lock.</summary>
    public long? AdmittedAt { get; set; }

    /// <summary>Whether the job is in its share's queue. Under the lock.</summary>
    public bool IsQueued { get; set; }

    /// <summary>Ends when the job is over, with the exception of its first portion that failed.</summary>
    public Task Completion => _completion.Task;

    private long NextItem => _left.TryPeek(out _, out var from) ? from : _next;

    /// <summary>Adds items at the end; none if the waiting items have been dropped. Under the lock, while the job is open.</summary>
    /// <returns>How many items were added.</returns>
    public int Add(int items)
    {
        var added = _isDropped ? 0 : items;
        Waiting += added;
        return added;
    }

    /// <summary>Closes the job to more items. Under the lock.</summary>
    public void Close() => IsOpen = false;

    /// <summary>Takes the next portion. Under the lock, if <see cref="IsReady"/>.</summary>
    public Portion Take()
    {
        var from = NextItem;
        var most = _left.TryDequeue(out var left, out _) ? left : Waiting;
        var count = Math.Clamp(NextPortion(from, Waiting), 1, most);
        if (from == _next)
        {
            _next += count;
        }
        else if (count < most)
        {
            _left.Enqueue(most - count, from + count);
        }

        var worker = Array.IndexOf(_busy, false);
        _busy[worker] = true;
        _running++;
        Waiting -= count;
        return new Portion(from, count, worker);
    }

    /// <summary>Frees the worker of a portion that has ended. Under the lock.</summary>
    /// <param name="portion">The portion.</param>
    /// <param name="computed">How many of its items are computed; the others wait again.</param>
    /// <param name="took">How long the computation took.</param>
    /// <returns>How many items wait again.</returns>
    public int Release(Portion portion, int computed, TimeSpan took)
    {
        _busy[portion.Worker] = false;
        _running--;
        if (computed > 0)
        {
            _pace.Note(computed, took);
        }

        var left = _isDropped ? 0 : portion.Count - computed;
        if (left > 0)
        {
            _left.Enqueue(left, portion.From + computed);
            Waiting += left;
        }

        return left;
    }

    /// <summary>Drops the waiting items, and any that are added later; returns how many waited. Under the lock.</summary>
    public int DropWaiting()
    {
        var dropped = Waiting;
        Waiting = 0;
        (IsOpen, _isDropped) = (false, true);
        _left.Clear();
        return dropped;
    }

    /// <summary>Computes a portion in the request's execution context, so that its trace continues.</summary>
    /// <returns>How many of its items are computed; 0 if it failed, and the rest of the job is to be dropped.</returns>
    public int Compute(Portion portion, CpuTurn turn)
    {
        try
        {
            if (_context is null)
            {
                return ComputeItems(portion, turn);
            }

            var run = new Run(this, portion, turn);
            ExecutionContext.Run(_context, static state => ((Run)state!).Compute(), run);
            return run.Computed;
        }
#pragma warning disable CA1031 // Any exception belongs to the request that awaits the job, not to this thread.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            Fail(exception);
            return 0;
        }
    }

    /// <summary>Records why the job fails; the first reason is kept.</summary>
    public void Fail(Exception exception) => Interlocked.CompareExchange(ref _failure, exception, null);

    /// <summary>Completes <see cref="Completion"/>. Outside the lock, if <see cref="IsOver"/>.</summary>
    public void Complete()
    {
        if (_failure is null)
        {
            _completion.TrySetResult();
        }
        else
        {
            _completion.TrySetException(_failure);
        }
    }

    /// <summary>Returns whether there is room for the results of a portion that starts there. Under the lock, so it must be quick.</summary>
    protected virtual bool MayTake(long from) => true;

    /// <summary>Returns how many items the next portion takes. Under the lock, so it must be quick.</summary>
    /// <param name="from">Index of its first item.</param>
    /// <param name="waiting">How many items wait in all.</param>
    protected abstract int NextPortion(long from, int waiting);

    /// <summary>Computes a portion on this thread, or as much of it as its turn allows: at least one item.</summary>
    /// <returns>How many of its items are computed.</returns>
    protected abstract int ComputeItems(Portion portion, CpuTurn turn);

    private sealed class Run(CpuJob job, Portion portion, CpuTurn turn)
    {
        public int Computed { get; private set; }

        public void Compute() => Computed = job.ComputeItems(portion, turn);
    }
}

/// <summary>Items of a job that one thread computes in one turn.</summary>
/// <param name="From">Index of the first item.</param>
/// <param name="Count">How many.</param>
/// <param name="Worker">The job's worker that computes it, from 0; no other portion has the same one at the same time.</param>
internal readonly record struct Portion(long From, int Count, int Worker);

/// <summary>A job of one computation.</summary>
internal sealed class CpuCall<T>(Func<CancellationToken, T> compute, CancellationToken cancellationToken) : CpuJob(items: 1, workers: 1)
{
    public T? Result { get; private set; }

    protected override int NextPortion(long from, int waiting) => 1;

    protected override int ComputeItems(Portion portion, CpuTurn turn)
    {
        Result = compute(cancellationToken);
        return 1;
    }
}
