using System.Globalization;
using FunctionsApp.Core.Problems;

namespace FunctionsApp.Core.Limits;

/// <summary>The memory that one request holds. Thread-safe.</summary>
public sealed class RequestMemory : IDisposable
{
    /// <summary>Bytes that each request may hold outside the budget, so that small requests never wait for large ones.</summary>
    public const int FreeBytes = 64 * 1024;

    private static readonly AsyncLocal<RequestMemory?> Ambient = new();

    private readonly MemoryBudget? _budget;
    private readonly int _maxResultBytes;
    private readonly long _age;
    private readonly Lock _gate = new();
    private long _held;
    private long _results;
    private TimeSpan _waited;

    /// <summary>Bytes that were taken from the budget and not released.</summary>
    private long _taken;

    internal RequestMemory(MemoryBudget? budget, int maxResultBytes, long age) => (_budget, _maxResultBytes, _age) = (budget, maxResultBytes, age);

    /// <summary>The account of the current request; null if none was opened.</summary>
    public static RequestMemory? Current
    {
        get => Ambient.Value;
        set => Ambient.Value = value;
    }

    /// <summary>Takes memory for the request's body, and for what is built from it.</summary>
    /// <param name="bytes">How much more.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="ProblemException"><c>saturated</c> if no memory becomes free for some seconds.</exception>
    public ValueTask HoldAsync(long bytes, CancellationToken cancellationToken) => AddAsync(bytes, results: 0, isGrowing: _taken > 0, cancellationToken);

    /// <summary>
    /// As <see cref="HoldAsync"/>, for work that no client waits for and that holds nothing yet: it keeps its place in the queue until
    /// memory is free.
    /// </summary>
    internal ValueTask HoldWhenThereIsRoomAsync(long bytes, CancellationToken cancellationToken) =>
        AddAsync(bytes, results: 0, isGrowing: false, cancellationToken, isPatient: true);

    /// <summary>As <see cref="HoldAsync"/>, for callers that cannot wait.</summary>
    /// <exception cref="ProblemException"><c>saturated</c> if no memory is free now.</exception>
    internal void Hold(long bytes) => AddNow(bytes, results: 0);

    /// <summary>Takes memory for results, and for what becomes one.</summary>
    /// <param name="bytes">How much more.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="ProblemException"><c>too-large</c> past <c>Limits:MaxResultBytes</c>; <c>saturated</c> if no memory becomes free for some seconds.</exception>
    public ValueTask HoldResultAsync(long bytes, CancellationToken cancellationToken) => AddAsync(bytes, results: bytes, isGrowing: true, cancellationToken);

    /// <summary>As <see cref="HoldResultAsync"/>, for callers that cannot wait.</summary>
    /// <exception cref="ProblemException"><c>too-large</c>; <c>saturated</c> if no memory is free now.</exception>
    internal void HoldResult(long bytes) => AddNow(bytes, results: bytes);

    /// <summary>Releases memory that <see cref="HoldAsync"/> took.</summary>
    /// <param name="bytes">How much less.</param>
    public void Release(long bytes) => Remove(bytes, results: 0);

    /// <summary>Releases memory that <see cref="HoldResultAsync"/> took.</summary>
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

    private ValueTask AddAsync(long bytes, long results, bool isGrowing, CancellationToken cancellationToken, bool isPatient = false)
    {
        var needed = Add(bytes, results);
        return needed > 0 ? TakeAsync(needed, bytes, results, isGrowing, isPatient, cancellationToken) : ValueTask.CompletedTask;
    }

    /// <param name="needed">What <see cref="Add"/> returned for the other values.</param>
    /// <param name="bytes">How much more is held.</param>
    /// <param name="results">The part of it that is results.</param>
    /// <param name="isGrowing">Whether the request waits before those that hold nothing.</param>
    /// <param name="isPatient">Whether it waits as long as it takes. That does not shorten its later waits.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    private async ValueTask TakeAsync(
        long needed, long bytes, long results, bool isGrowing, bool isPatient, CancellationToken cancellationToken)
    {
        var started = _budget!.GetTimestamp();
        try
        {
            await _budget.TakeAsync(needed, isGrowing ? _age : null, isPatient ? null : _waited, cancellationToken);
        }
        catch
        {
            Remove(bytes, results, refused: needed);
            throw;
        }
        finally
        {
            _waited += isPatient ? TimeSpan.Zero : _budget.Since(started);
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
                throw new ProblemException(Problem.TooLarge(string.Create(CultureInfo.InvariantCulture,
                    $"The request needs more than the memory for all requests, {_budget.Limit} bytes (Limits:MaxBytesInFlight).")));
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
