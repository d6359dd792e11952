using System.Globalization;
using FunctionsApp.Core.Problems;
using Microsoft.Extensions.Options;

namespace FunctionsApp.Core.Limits;

/// <summary>
/// The memory that all requests together may hold. A request that holds none waits in a queue, first come, first served, without
/// a thread, and is refused if it gets none within some seconds. A request that needs more than it holds never waits: it would
/// wait for others that wait for it. It is refused if the memory is not free at once; a part of the memory is reserved for that.
/// </summary>
public sealed class MemoryBudget
{
    /// <summary>
    /// How long a request waits for memory. Of the 30 echoes of 9 MiB at once in the attack suite's <c>Bodies</c>, not only those succeed
    /// that fit at once.
    /// </summary>
    internal static readonly TimeSpan MaxWait = TimeSpan.FromSeconds(5);

    /// <summary>The divisor of the process's memory that gives the default limit: working memory and the runtime need the rest.</summary>
    private const int DefaultShare = 4;

    /// <summary>
    /// The divisor of the limit that gives the part for requests that need more. The result of an echo is a third of what its body
    /// holds, so a quarter of all is enough for the results of all: <c>Bodies</c> of the attack suite.
    /// </summary>
    private const int GrowthShare = 4;

    /// <summary>How long requests must hold no memory before the process collects garbage.</summary>
    private static readonly TimeSpan IdleTime = TimeSpan.FromSeconds(10);

    /// <summary>Bytes that requests must have held at once for that collection: less leaves little behind.</summary>
    private const long BusyBytes = 16 * 1024 * 1024;

    private readonly TimeProvider _time;
    private readonly ITimer _idle;
    private readonly IOptions<LimitsOptions> _limits;
    private readonly Lazy<long> _limit;
    private readonly Lock _gate = new();
    private readonly LinkedList<(long Bytes, TaskCompletionSource Room)> _queue = new();
    private long _taken;
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
    public long Taken => Volatile.Read(ref _taken);

    /// <summary>Opens the account of one request. Disposing the account releases what the request holds.</summary>
    public RequestMemory Open() => new(this, _limits.Value.MaxResultBytes);

    /// <summary>The account of the current request. If no host has opened one, only the request's own limit holds.</summary>
    internal RequestMemory ForRequest() => RequestMemory.Current ?? new RequestMemory(budget: null, _limits.Value.MaxResultBytes);

    /// <summary>Takes memory for a request that holds none, and waits until it is free.</summary>
    /// <param name="bytes">How much. A request that is alone may take more than the limit.</param>
    /// <param name="maxWait">How long the request waits; infinite if it keeps its place as long as it takes.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="ProblemException"><c>saturated</c> after <paramref name="maxWait"/>.</exception>
    internal ValueTask TakeAsync(long bytes, TimeSpan maxWait, CancellationToken cancellationToken)
    {
        LinkedListNode<(long Bytes, TaskCompletionSource Room)> waiter;
        lock (_gate)
        {
            if (_queue.Count == 0 && MayEnter(bytes))
            {
                Take(bytes);
                return ValueTask.CompletedTask;
            }

            waiter = _queue.AddLast((bytes, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)));
        }

        return new ValueTask(WaitAsync());

        async Task WaitAsync()
        {
            try
            {
                await waiter.Value.Room.Task.WaitAsync(maxWait, _time, cancellationToken);
            }
            catch (TimeoutException)
            {
                if (TryLeave(waiter))
                {
                    throw NoRoom();
                }
            }
            catch (OperationCanceledException)
            {
                if (!TryLeave(waiter))
                {
                    // The request got the memory at the same moment, and does not use it.
                    Give(bytes);
                }

                throw;
            }
        }
    }

    /// <summary>Takes more memory for a request, if it is free now.</summary>
    internal bool TryTake(long bytes)
    {
        lock (_gate)
        {
            if (!Fits(bytes, Limit))
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
    internal ProblemException NoRoom() => new(Problem.Saturated(
        string.Create(
            CultureInfo.InvariantCulture,
            $"Other requests hold the memory for all requests, {Limit} bytes (Limits:MaxBytesInFlight)."),
        retryAfterSeconds: 2));

    /// <summary>Leaves the queue; returns false if the request has just got its memory.</summary>
    private bool TryLeave(LinkedListNode<(long Bytes, TaskCompletionSource Room)> waiter)
    {
        lock (_gate)
        {
            if (waiter.List is null)
            {
                return false;
            }

            _queue.Remove(waiter);
            Admit();
            return true;
        }
    }

    private void Admit()
    {
        while (_queue.First is { } next && MayEnter(next.Value.Bytes))
        {
            Take(next.Value.Bytes);
            _queue.RemoveFirst();
            next.Value.Room.SetResult();
        }
    }

    /// <summary>New requests leave room for growth, but for one that is too large for the rest: it waits only until it fits.</summary>
    private bool MayEnter(long bytes)
    {
        var room = Limit - (Limit / GrowthShare);
        return Fits(bytes, bytes > room ? Limit : room);
    }

    /// <summary>A request that needs more than the limit gets it when it is alone: only its own limits bound it then.</summary>
    private bool Fits(long bytes, long limit) => bytes <= limit - _taken || _taken <= 0;

    private void Take(long bytes)
    {
        _taken += bytes;
        _wasBusy |= _taken > BusyBytes;
    }

    /// <summary>
    /// Collects garbage: the collector runs only on allocation, so an idle process would keep what a load has left behind. After the
    /// attack suite's outbound requests a host has over 300 MiB until then, and 180 MiB afterwards.
    /// </summary>
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
}
