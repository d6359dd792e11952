namespace FunctionsApp.Core.Cpu;

/// <summary>
/// One request's CPU work: items that are computed in portions. Whenever it is this job's turn, a thread of the
/// <see cref="CpuScheduler"/> takes a portion and computes it on one of the job's lanes. The members that say so are
/// guarded by the scheduler's lock.
/// </summary>
/// <param name="items">How many items there are in all.</param>
/// <param name="lanes">How many portions may be computed at once.</param>
internal abstract class CpuJob(int items, int lanes)
{
    // The request goes on elsewhere: its answer must not be written by a thread that is there to compute.
    private readonly TaskCompletionSource _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly ExecutionContext? _context = ExecutionContext.Capture();
    private readonly bool[] _busy = new bool[lanes];
    private int _taken;
    private int _running;
    private Exception? _failure;

    /// <summary>Items that no thread has taken yet. Under the lock.</summary>
    public int Waiting { get; private set; } = items;

    /// <summary>Whether a thread could take a portion now. Under the lock.</summary>
    public bool IsReady => Waiting > 0 && _running < _busy.Length;

    /// <summary>Whether nothing runs and nothing will. Under the lock.</summary>
    public bool IsOver => Waiting == 0 && _running == 0;

    /// <summary>Whether the job stands in the scheduler's queue. Under the lock.</summary>
    public bool IsQueued { get; set; }

    /// <summary>Ends when the job is over; with the exception of its first portion that failed.</summary>
    public Task Completion => _completion.Task;

    /// <summary>Takes the next portion. Under the lock, when <see cref="IsReady"/>.</summary>
    public Portion Take()
    {
        var lane = Array.IndexOf(_busy, false);
        var portion = new Portion(_taken, Math.Clamp(NextPortion(Waiting), 1, Waiting), lane);
        _busy[lane] = true;
        _running++;
        _taken += portion.Count;
        Waiting -= portion.Count;
        return portion;
    }

    /// <summary>Gives back the lane of a portion that has ended. Under the lock.</summary>
    public void Release(Portion portion)
    {
        _busy[portion.Lane] = false;
        _running--;
    }

    /// <summary>Drops what no thread has taken, and returns how many items that were. Under the lock.</summary>
    public int DropWaiting()
    {
        var dropped = Waiting;
        Waiting = 0;
        return dropped;
    }

    /// <summary>Computes a portion in the request's execution context, so that its trace goes on here.</summary>
    /// <returns>False when it failed, and the rest of the job is not wanted any more.</returns>
    public bool TryCompute(Portion portion)
    {
        try
        {
            if (_context is null)
            {
                Compute(portion);
            }
            else
            {
                ExecutionContext.Run(_context, static state =>
                {
                    var (job, portion) = ((CpuJob, Portion))state!;
                    job.Compute(portion);
                }, (this, portion));
            }

            return true;
        }
#pragma warning disable CA1031 // Whatever it is, it belongs to the request that awaits the job, not to this thread.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            Fail(exception);
            return false;
        }
    }

    /// <summary>Notes why the job fails; the first reason stands.</summary>
    public void Fail(Exception exception) => Interlocked.CompareExchange(ref _failure, exception, null);

    /// <summary>Wakes whoever awaits the job. Outside the lock, when <see cref="IsOver"/>.</summary>
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

    /// <summary>How many of the waiting items the next portion takes. Under the lock, so it must be quick.</summary>
    protected abstract int NextPortion(int waiting);

    /// <summary>Computes a portion on this thread.</summary>
    protected abstract void Compute(Portion portion);
}

/// <summary>Items of a job that one thread computes in one go.</summary>
/// <param name="From">Index of the first item.</param>
/// <param name="Count">How many.</param>
/// <param name="Lane">Which of the job's lanes computes it, from 0; no other portion has it at the same time.</param>
internal readonly record struct Portion(int From, int Count, int Lane);

/// <summary>A job of one computation.</summary>
internal sealed class CpuCall<T>(Func<CancellationToken, T> compute, CancellationToken cancellationToken) : CpuJob(items: 1, lanes: 1)
{
    public T? Result { get; private set; }

    protected override int NextPortion(int waiting) => 1;

    protected override void Compute(Portion portion) => Result = compute(cancellationToken);
}
