using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using FunctionsApp.Core.Problems;
using FunctionsApp.Core.Requests;

namespace FunctionsApp.Core.Limits;

/// <summary>The memory that one request holds. Thread-safe.</summary>
public sealed class RequestMemory : IDisposable
{
    /// <summary>
    /// Bytes that each request may hold outside the budget, so that small requests never wait for large ones: each attack of the suite
    /// expects responses to health checks and small echoes meanwhile.
    /// </summary>
    public const int FreeBytes = 64 * 1024;

    private readonly MemoryBudget? _budget;
    private readonly int _maxResultBytes;
    private readonly Lock _gate = new();
    private long _held;
    private long _results;

    /// <summary>Bytes that were taken from the budget and not released.</summary>
    private long _taken;
    private bool _isDisposed;

    internal RequestMemory(MemoryBudget? budget, int maxResultBytes) => (_budget, _maxResultBytes) = (budget, maxResultBytes);

    /// <summary>The account of the current request; null if none was opened.</summary>
    [DisallowNull]
    public static RequestMemory? Current
    {
        get => RequestContext.Get<RequestMemory>();
        set => RequestContext.Set(value);
    }

    /// <summary>Takes memory for the request's body, and for what is built from it. Waits if the request holds none yet.</summary>
    /// <param name="bytes">How much more.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="ProblemException"><c>saturated</c> if no memory becomes free for some seconds.</exception>
    public ValueTask HoldAsync(long bytes, CancellationToken cancellationToken) => AddAsync(bytes, MemoryBudget.MaxWait, cancellationToken);

    /// <summary>As <see cref="HoldAsync"/>, for work that no client waits for: it waits in its place until memory is free.</summary>
    public ValueTask HoldWhenThereIsRoomAsync(long bytes, CancellationToken cancellationToken) =>
        AddAsync(bytes, Timeout.InfiniteTimeSpan, cancellationToken);

    /// <summary>Takes more memory at once.</summary>
    /// <param name="bytes">How much more.</param>
    /// <exception cref="ProblemException"><c>saturated</c> if it is not free now.</exception>
    internal void Hold(long bytes) => AddNow(bytes, results: 0);

    /// <summary>Takes memory for results, and for what becomes one, at once.</summary>
    /// <param name="bytes">How much more.</param>
    /// <exception cref="ProblemException">
    /// <c>too-large</c> past <c>Limits:MaxResultBytes</c>; <c>saturated</c> if the memory is not free now.
    /// </exception>
    public void HoldResult(long bytes) => AddNow(bytes, results: bytes);

    /// <summary>Releases memory that <see cref="HoldAsync"/> took.</summary>
    /// <param name="bytes">How much less.</param>
    public void Release(long bytes) => Remove(bytes, results: 0);

    /// <summary>Releases memory that <see cref="HoldResult"/> took.</summary>
    /// <param name="bytes">How much less.</param>
    public void ReleaseResult(long bytes) => Remove(bytes, results: bytes);

    /// <summary>Releases all memory.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _isDisposed = true;
            ReleaseUnneeded();
        }
    }

    private void Remove(long bytes, long results)
    {
        lock (_gate)
        {
            (_held, _results) = (_held - bytes, _results - results);
            ReleaseUnneeded();
        }
    }

    private async ValueTask AddAsync(long bytes, TimeSpan maxWait, CancellationToken cancellationToken)
    {
        var needed = Volatile.Read(ref _taken) > 0 ? 0 : Needed(bytes);
        if (needed == 0)
        {
            Hold(bytes);
            return;
        }

        await _budget!.TakeAsync(needed, maxWait, cancellationToken);
        lock (_gate)
        {
            (_held, _taken) = (_held + bytes, _taken + needed);
            ReleaseUnneeded();
        }
    }

    private void AddNow(long bytes, long results)
    {
        lock (_gate)
        {
            if (_results + results > _maxResultBytes)
            {
                throw new ProblemException(Problem.TooLarge(string.Create(CultureInfo.InvariantCulture,
                    $"The results of the request exceed {_maxResultBytes} bytes (Limits:MaxResultBytes).")));
            }

            if (_taken > 0 && bytes > _budget!.Limit - _held)
            {
                throw new ProblemException(Problem.TooLarge(string.Create(CultureInfo.InvariantCulture,
                    $"The request needs more than the memory for all requests, {_budget.Limit} bytes (Limits:MaxBytesInFlight).")));
            }

            var needed = Needed(bytes) - _taken;
            if (needed > 0 && !_budget!.TryTake(needed))
            {
                throw _budget.NoRoom();
            }

            (_held, _results, _taken) = (_held + bytes, _results + results, _taken + needed);
        }
    }

    /// <summary>Returns what the budget must have given for what is held and so much more.</summary>
    private long Needed(long more = 0) => _budget is null || _isDisposed ? 0 : Math.Max(_held + more - FreeBytes, 0);

    /// <summary>Returns to the budget what is taken and not needed.</summary>
    private void ReleaseUnneeded()
    {
        var unneeded = _taken - Needed();
        _taken -= unneeded;
        if (unneeded != 0)
        {
            _budget?.Give(unneeded);
        }
    }
}
