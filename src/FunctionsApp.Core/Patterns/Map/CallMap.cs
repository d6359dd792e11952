using FunctionsApp.Core.Json;
using FunctionsApp.Core.Problems;

namespace FunctionsApp.Core.Patterns.Map;

/// <summary>
/// One running map of an io operation: a call for each item, at most <see cref="MapOptions.MaxConcurrency"/> at once. Concurrency is
/// structured: when the map ends, none of its calls is still running. Calls start in the order of the items, each when there is room for
/// it and for its result, so the map holds a bounded amount of both, however many items there are.
/// </summary>
internal sealed class CallMap : IMapRun
{
    /// <summary>The maximum bytes of the results that the reader has not taken yet.</summary>
    private const int MaxUnsentBytes = 4 * 1024 * 1024;

    private readonly Lock _gate = new();
    private readonly ItemCalls _calls;
    private readonly ResultWriter _writer;
    private readonly ItemBuffer? _items;
    private readonly PatternRun _run;
    private readonly Action<ChunkResults> _take;
    private readonly bool _isStarmap;
    private readonly int _maxConcurrency;

    /// <summary>How far calls may be ahead of the oldest result that is not sent: one slow call does not stop the others.</summary>
    private readonly int _window;
    private readonly StartPace? _pace;
    private readonly CancellationTokenSource _stop;
    private readonly CancellationToken _stopped;
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private TaskCompletionSource? _room;
    private volatile bool _isClosed;
    private int _running;
    private long _sent;
    private long _unsentBytes;
    private ProblemException? _failure;
    private Task _stopping = Task.CompletedTask;

    /// <summary>Creates a map of the items of a JSON request, or of items to be added.</summary>
    /// <param name="calls">Makes the calls.</param>
    /// <param name="writer">Writes the results.</param>
    /// <param name="items">The items; null when they are added later.</param>
    /// <param name="run">The run of the pattern, whose limit stops the map.</param>
    /// <param name="take">Takes the results one at a time, and disposes of them. A problem that it throws ends the map.</param>
    public CallMap(ItemCalls calls, ResultWriter writer, ItemBuffer? items, PatternRun run, Action<ChunkResults> take)
    {
        (_calls, _writer, _items, _run, _take) = (calls, writer, items, run, take);
        var options = writer.Options;
        _isStarmap = options.Starmap == true;
        _maxConcurrency = options.MaxConcurrency ?? calls.DefaultConcurrency;
        _window = Math.Max(1_000, 10 * _maxConcurrency);
        _pace = options.MaxPerSecond is { } rate ? new StartPace(rate, run.Time) : null;
        _stop = CancellationTokenSource.CreateLinkedTokenSource(run.Limit.Token);
        _stopped = _stop.Token;
    }

    /// <inheritdoc/>
    public int? Workers => null;

    /// <inheritdoc/>
    public async Task RunAsync()
    {
        await using var stopping = _stopped.UnsafeRegister(static map => ((CallMap)map!).EndIfOver(), this);
        if (_items is not null)
        {
            await CallAllAsync(_items);
        }

        await _ended.Task;
        await _stopping;
        if (_failure is { } failure)
        {
            throw failure;
        }

        _stopped.ThrowIfCancellationRequested();
    }

    /// <inheritdoc/>
    public async ValueTask AddAsync(ItemBuffer items, CancellationToken cancellationToken)
    {
        try
        {
            var at = items.Find(items.First);
            for (var index = items.First; index < items.End; index++)
            {
                await StartAsync(index);
                var item = items.Next(items.Text.Span, ref at);
                _ = CallAsync(items, item, index);
            }
        }
        finally
        {
            items.Release();
        }
    }

    /// <inheritdoc/>
    public void Close()
    {
        _isClosed = true;
        EndIfOver();
    }

    /// <inheritdoc/>
    public void NoteSent(ChunkResults chunk)
    {
        _run.Memory.ReleaseResult(chunk.HeldBytes);
        lock (_gate)
        {
            _sent++;
            _unsentBytes -= chunk.Size;
            _room?.TrySetResult();
        }
    }

    public void Dispose()
    {
        _stop.Dispose();
        _pace?.Dispose();
    }

    private async Task CallAllAsync(ItemBuffer items)
    {
        try
        {
            await AddAsync(items, _stopped);
        }
        catch (OperationCanceledException) when (_stopped.IsCancellationRequested)
        {
            // RunAsync throws the reason, when the calls have ended.
        }
        finally
        {
            Close();
        }
    }

    /// <summary>Waits until the call of an item may start, and counts it.</summary>
    private async ValueTask StartAsync(long index)
    {
        while (!HasRoom(index, out var room))
        {
            await room.WaitAsync(_stopped);
        }

        if (_pace is not null)
        {
            await _pace.WaitAsync(_stopped);
        }

        lock (_gate)
        {
            _stopped.ThrowIfCancellationRequested();
            _running++;
        }
    }

    /// <summary>Returns whether the call of an item may start; otherwise also what to wait for.</summary>
    private bool HasRoom(long index, out Task room)
    {
        lock (_gate)
        {
            var isFree = _running < _maxConcurrency
                && (!_writer.AsLines || index == _sent || (index - _sent < _window && _unsentBytes < MaxUnsentBytes));
            _room = isFree ? null : new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            room = _room?.Task ?? Task.CompletedTask;
            return isFree;
        }
    }

    private async Task CallAsync(ItemBuffer items, Range range, long index)
    {
        var place = items.Locate(index, range.Start.Value);
        var chunk = new ChunkResults(_writer.AsLines)
        {
            From = index,
            Count = 1,
            IsCall = true,
            StartedMs = _run.Clock.ElapsedMs,
            Reduced = _writer.Options.Reduce is null ? null : new Reducer(),
        };
        var copied = 0;
        try
        {
            if (items.NeedsCheck)
            {
                items.Check(items.Text.Span[range]);
            }

            if (_items is null)
            {
                _run.Memory.Hold(items.Text[range].Length);
                copied = items.Text[range].Length;
            }

            var result = await _calls.Bind(items.Keep(range), _isStarmap).InvokeAsync(MapService.Name, _stopped);
            chunk.FinishedMs = _run.Clock.ElapsedMs;
            Write(result, chunk);
            End(chunk);
        }
        catch (OperationCanceledException) when (_stopped.IsCancellationRequested)
        {
            chunk.Dispose();
            End(chunk: null);
        }
#pragma warning disable CA1031 // A failure is one of the results; the describer logs unexpected exceptions.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            chunk.Output.Drop();
            chunk.FinishedMs = _run.Clock.ElapsedMs;
            _writer.Fail(place.Of(_run.Describer.Describe(exception, _calls.Name)), index, chunk);
            End(chunk);
        }
        finally
        {
            _run.Memory.Release(copied);
        }
    }

    private void Write(RawJson result, ChunkResults chunk)
    {
        if (chunk.Reduced is { } reduced)
        {
            reduced.Add(_writer.Options.Reduce == Reduction.Count ? 0L : Reducer.ToNumber(result));
            return;
        }

        _writer.WriteCall(_writer.AsLines ? result.OnOneLine().Utf8.Span : result.Utf8.Span, chunk);
        if (_writer.AsLines)
        {
            _run.Memory.HoldResult(chunk.Output.Written.Length);
            chunk.HeldBytes = chunk.Output.Written.Length;
        }
    }

    /// <summary>Notes the end of a call.</summary>
    /// <param name="chunk">Its result; null if it was cancelled.</param>
    private void End(ChunkResults? chunk)
    {
        lock (_gate)
        {
            _running--;
            if (chunk is { Fatal: { } fatal })
            {
                chunk.Dispose();
                Fail(new ProblemException(fatal));
            }
            else if (chunk is not null)
            {
                Take(chunk);
            }

            _room?.TrySetResult();
        }

        EndIfOver();
    }

    /// <summary>Hands a result over. Under the lock.</summary>
    private void Take(ChunkResults chunk)
    {
        _unsentBytes += chunk.Size;
        try
        {
            _take(chunk);
        }
        catch (ProblemException exception)
        {
            Fail(exception);
        }
    }

    /// <summary>Ends the map, unless something else has ended it. Under the lock.</summary>
    private void Fail(ProblemException failure)
    {
        if (!_stopped.IsCancellationRequested)
        {
            _failure = failure;

            // Not Cancel(): it would run the end of every other call here, under this lock.
            _stopping = _stop.CancelAsync();
        }
    }

    private void EndIfOver()
    {
        lock (_gate)
        {
            if (_running == 0 && (_isClosed || _stopped.IsCancellationRequested))
            {
                _ended.TrySetResult();
            }
        }
    }
}
