using System.Globalization;
using FunctionsApp.Core.Problems;
using Microsoft.Extensions.Options;

namespace FunctionsApp.Core.Limits;

/// <summary>
/// The memory that all requests together may hold. A request that needs memory waits for it in a queue, without a thread, and
/// is refused if none becomes free for some seconds. Requests that already hold memory come first, the oldest before all
/// others, because they release it when they end.
/// </summary>
public sealed class MemoryBudget
{
    /// <summary>How long a request waits for memory.</summary>
    internal static readonly TimeSpan MaxWait = TimeSpan.FromSeconds(5);

    /// <summary>The divisor of the process's memory that gives the default limit: working memory and the runtime need the rest.</summary>
    private const int DefaultShare = 4;

    /// <summary>How much longer an older request that holds memory waits when a younger one is refused.</summary>
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(250);

    /// <summary>How long requests must hold no memory before the process collects garbage.</summary>
    private static readonly TimeSpan IdleTime = TimeSpan.FromSeconds(10);

    /// <summary>Bytes that requests must have held at once for that collection: less leaves little behind.</summary>
    private const long BusyBytes = 16 * 1024 * 1024;

    private readonly TimeProvider _time;
    private readonly ITimer _idle;
    private readonly IOptions<LimitsOptions> _limits;
    private readonly Lazy<long> _limit;
    private readonly Lock _gate = new();
    private readonly LinkedList<Waiter> _growing = new();
    private readonly LinkedList<Waiter> _entering = new();
    private long _taken;
    private long _waitingToGrow;
    private long _opened;
    private bool _wasBusy;

    /// <summary>Creates an empty budget. The limits are read at the first use, when all settings have been checked.</summary>
    public MemoryBudget(IOptions<LimitsOptions> limits, TimeProvider time)
    {
        _time = time;
        _idle = time.CreateTimer(static budget => ((MemoryBudget)budget!).Trim(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        _limits = limits;
        _limit = new Lazy<long>(() => limits.Value.MaxBytesInFlight
            ?? Math.Max(GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / DefaultShare, LimitsOptions.MinBytesInFlight));
    }

    /// <summary>Bytes that all requests together may hold: the value of <see cref="LimitsOptions.MaxBytesInFlight"/>.</summary>
    public long Limit => _limit.Value;

    /// <summary>Bytes that all requests hold now.</summary>
    public long Taken
    {
        get
        {
            lock (_gate)
            {
                return _taken;
            }
        }
    }

    /// <summary>Opens the account of one request. Disposing the account releases what the request holds.</summary>
    public RequestMemory Open() => new(this, _limits.Value.MaxResultBytes, Interlocked.Increment(ref _opened));

    /// <summary>The account of the current request. If no host has opened one, only the request's own limit holds.</summary>
    internal RequestMemory ForRequest() => RequestMemory.Current ?? new RequestMemory(budget: null, _limits.Value.MaxResultBytes, age: 0);

    /// <summary>Takes memory, and waits until it is free.</summary>
    /// <param name="bytes">How much. A request that is alone may take more than the limit.</param>
    /// <param name="age">The request's place among all, if it already holds memory; otherwise null.</param>
    /// <param name="waited">How long the request has waited for memory before; null if it waits as long as it takes, in its place.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="ProblemException"><c>saturated</c> after <see cref="MaxWait"/> in all; sooner for the youngest, if older requests wait for much memory.</exception>
    internal ValueTask TakeAsync(long bytes, long? age, TimeSpan? waited, CancellationToken cancellationToken)
    {
        LinkedListNode<Waiter> waiter;
        lock (_gate)
        {
            if (MayTake(bytes, isGrowing: age is not null))
            {
                Take(bytes);
                return ValueTask.CompletedTask;
            }

            waiter = age is { } place ? Enqueue(bytes, place) : _entering.AddLast(new Waiter(bytes, Age: 0));
        }

        return new ValueTask(WaitAsync(waiter, waited, cancellationToken));
    }

    /// <summary>Returns a timestamp, to measure waits by.</summary>
    internal long GetTimestamp() => _time.GetTimestamp();

    /// <summary>Returns the time since a timestamp.</summary>
    internal TimeSpan Since(long timestamp) => _time.GetElapsedTime(timestamp);

    /// <summary>Takes memory if it is free now.</summary>
    internal bool TryTake(long bytes)
    {
        lock (_gate)
        {
            if (!MayTake(bytes, isGrowing: true))
            {
                return false;
            }

            Take(bytes);
            return true;
        }
    }

    /// <summary>Releases memory.</summary>
    internal void Give(long bytes)
    {
        lock (_gate)
        {
            _taken -= bytes;
            Admit();
            if (_wasBusy && _taken == 0)
            {
                _idle.Change(IdleTime, Timeout.InfiniteTimeSpan);
            }
        }
    }

    /// <summary>Returns the problem for a request that gets no memory.</summary>
    internal ProblemException NoRoom() => new(Problem.Saturated(string.Create(CultureInfo.InvariantCulture,
        $"Other requests hold the memory for all requests, {Limit} bytes (Limits:MaxBytesInFlight)."), retryAfterSeconds: 2));

    /// <summary>Queues a request that holds memory, by age. The bytes that the queue waits for are bounded: the youngest are refused.</summary>
    private LinkedListNode<Waiter> Enqueue(long bytes, long age)
    {
        while (_growing.Last is { } youngest && youngest.Value.Age > age && _waitingToGrow + bytes > Limit / 2)
        {
            Leave(_growing, youngest);
            youngest.Value.Room.TrySetException(NoRoom());
        }

        if (_growing.Count > 0 && _waitingToGrow + bytes > Limit / 2)
        {
            throw NoRoom();
        }

        var waiter = new LinkedListNode<Waiter>(new Waiter(bytes, age));
        var before = _growing.Last;
        while (before?.Value.Age > age)
        {
            before = before.Previous;
        }

        if (before is null)
        {
            _growing.AddFirst(waiter);
        }
        else
        {
            _growing.AddAfter(before, waiter);
        }

        _waitingToGrow += bytes;
        return waiter;
    }

    private async Task WaitAsync(LinkedListNode<Waiter> waiter, TimeSpan? waited, CancellationToken cancellationToken)
    {
        var first = waited is not { } before ? Timeout.InfiniteTimeSpan : before < MaxWait - Pause ? MaxWait - before : Pause;
        for (var wait = first; ; wait = Pause)
        {
            try
            {
                await waiter.Value.Room.Task.WaitAsync(wait, _time, cancellationToken);
                return;
            }
            catch (Exception exception) when (exception is TimeoutException or OperationCanceledException)
            {
                if (TryLeave(waiter, isForSure: exception is OperationCanceledException))
                {
                    cancellationToken.ThrowIfCancellationRequested();
                    throw NoRoom();
                }
            }
        }
    }

    /// <summary>
    /// Ends a wait. Requests that began to wait together would also be refused together, each because of the others' memory.
    /// So the younger half of those that hold memory is refused first, and half of the rest only if that was not enough.
    /// </summary>
    private bool TryLeave(LinkedListNode<Waiter> waiter, bool isForSure)
    {
        lock (_gate)
        {
            if (waiter.List is not { } list)
            {
                if (waiter.Value.Room.Task.IsCompletedSuccessfully)
                {
                    if (!isForSure)
                    {
                        return false;
                    }

                    // The request got the memory at the same moment, and does not use it.
                    _taken -= waiter.Value.Bytes;
                }
            }
            else if (isForSure || list == _entering || IsOfTheYounger(waiter))
            {
                Leave(list, waiter);
            }
            else
            {
                return false;
            }

            Admit();
            return true;
        }
    }

    private void Take(long bytes)
    {
        _taken += bytes;
        _wasBusy |= _taken > BusyBytes;
    }

    /// <summary>Collects garbage: the collector runs only on allocation, so an idle process would keep what a load has left behind.</summary>
    private void Trim()
    {
        lock (_gate)
        {
            if (!_wasBusy || _taken > 0)
            {
                return;
            }

            _wasBusy = false;
        }

        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
    }

    private bool IsOfTheYounger(LinkedListNode<Waiter> waiter)
    {
        var younger = 0;
        for (var next = waiter.Next; next is not null; next = next.Next)
        {
            younger++;
        }

        return younger < (_growing.Count + 1) / 2;
    }

    private bool MayTake(long bytes, bool isGrowing) => _growing.Count == 0 && (isGrowing || _entering.Count == 0) && Fits(bytes);

    /// <summary>A request that needs more than the limit gets it when it is alone: only its own limits bound it then.</summary>
    private bool Fits(long bytes) => bytes <= Limit - _taken || _taken <= 0;

    private void Admit()
    {
        while ((_growing.First ?? _entering.First) is { } next && Fits(next.Value.Bytes))
        {
            Take(next.Value.Bytes);
            Leave(next.List!, next);
            next.Value.Room.TrySetResult();
        }
    }

    private void Leave(LinkedList<Waiter> list, LinkedListNode<Waiter> waiter)
    {
        list.Remove(waiter);
        _waitingToGrow -= list == _growing ? waiter.Value.Bytes : 0;
    }

    /// <param name="Bytes">How many bytes the request needs.</param>
    /// <param name="Age">The request's place among all.</param>
    private sealed record Waiter(long Bytes, long Age)
    {
        public TaskCompletionSource Room { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
