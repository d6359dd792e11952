using System.Globalization;
using FunctionsApp.Core.Problems;
using FunctionsApp.Core.Requests;

namespace FunctionsApp.Core.Limits;

/// <summary>The memory that one request holds. Thread-safe.</summary>
public sealed class RequestMemory : IDisposable
{
    /// <summary>Bytes that each request may hold outside the budget, so that small requests never wait for large ones.</summary>
    public const int FreeBytes = 64 * 1024;

    private readonly MemoryBudget? _budget;
    private readonly int _maxResultBytes;
    private readonly Lock _gate = new();
    private long _held;
    private long _results;

    /// <summary>Bytes that were taken from the budget and not released.</summary>
    private long _taken;

    internal RequestMemory(MemoryBudget? budget, int maxResultBytes) => (_budget, _maxResultBytes) = (budget, maxResultBytes);

    /// <summary>The account of the current request; null if none was opened.</summary>
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
        long taken;
        lock (_gate)
        {
            (taken, _taken, _held) = (_taken, 0, 0);
        }

        if (taken != 0)
        {
            _budget?.Give(taken);
        }
    }

    /// <param name="bytes">How much less is held.</param>
    /// <param name="results">The part of it that is results.</param>
    /// <param name="refused">The bytes that the budget refused.</param>
    private void Remove(long bytes, long results, long refused = 0)
    {
        long unneeded;
        lock (_gate)
        {
            _held -= bytes;
            _results -= results;
            _taken -= refused;

            // Negative if the refused bytes were already released during the wait.
            unneeded = _taken - Needed();
            _taken -= unneeded;
        }

        if (unneeded != 0)
        {
            _budget?.Give(unneeded);
        }
    }

    private async ValueTask AddAsync(long bytes, TimeSpan maxWait, CancellationToken cancellationToken)
    {
        if (_taken > 0)
        {
            Hold(bytes);
            return;
        }

        var needed = Add(bytes, results: 0);
        if (needed == 0)
        {
            return;
        }

        try
        {
            await _budget!.TakeAsync(needed, maxWait, cancellationToken);
        }
        catch
        {
            Remove(bytes, results: 0, refused: needed);
            throw;
        }
    }

    private void AddNow(long bytes, long results)
    {
        var needed = Add(bytes, results);
        if (needed > 0 && !_budget!.TryTake(needed))
        {
            Remove(bytes, results, refused: needed);
            throw _budget.NoRoom();
        }
    }

    /// <returns>How much more must be taken from the budget.</returns>
    private long Add(long bytes, long results)
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
                var detail = string.Create(CultureInfo.InvariantCulture,
                    $"The request needs more than the memory for all requests, {_budget.Limit} bytes (Limits:MaxBytesInFlight).");
                throw new ProblemException(Problem.TooLarge(detail));
            }

            _held += bytes;
            _results += results;
            var needed = Needed() - _taken;
            _taken += needed;
            return needed;
        }
    }

    private long Needed() => _budget is null ? 0 : Math.Max(_held - FreeBytes, 0);
}
