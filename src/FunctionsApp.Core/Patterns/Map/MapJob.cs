using System.Diagnostics;
using FunctionsApp.Core.Cpu;
using FunctionsApp.Core.Limits;
using FunctionsApp.Core.Problems;
using FunctionsApp.Core.Telemetry;

namespace FunctionsApp.Core.Patterns.Map;

/// <summary>
/// One running map as a job of the CPU scheduler: its workers compute it in chunks. The job computes while there is room for results,
/// and accepts items while there is room for items. So it holds a bounded amount of both, however many items there are.
/// </summary>
internal sealed class MapJob : CpuJob, IMapRun
{
    /// <summary>The maximum ratio of a chunk to the last one: the first items, just compiled or read, predict little.</summary>
    private const int MaxGrowth = 8;

    /// <summary>The maximum bytes of the results that the reader has not taken yet.</summary>
    private const int MaxUnsentBytes = 4 * 1024 * 1024;

    /// <summary>How many of the first chunks have a span each.</summary>
    private const int FirstSpans = 16;

    private readonly Lock _gate = new();
    private readonly ChunkComputation _computation;
    private readonly ResultWriter _writer;
    private readonly MapOptions _options;
    private readonly CpuScheduler _scheduler;
    private readonly RequestClock _clock;
    private readonly Action<ChunkResults> _take;
    private readonly CancellationTokenSource _stop;
    private readonly CancellationToken _stopped;
    private readonly ItemQueue _items = new();
    private long _chunk;
    private long _unsentBytes;
    private long _sent;
    private long _fatal = long.MaxValue;
    private int _lastCount;
    private double _secondsPerItem;

    /// <summary>Creates a map of the items of a JSON request, or of items to be added.</summary>
    /// <param name="function">What to compute.</param>
    /// <param name="writer">Writes the results.</param>
    /// <param name="items">The items; null when they are added later.</param>
    /// <param name="scheduler">Computes the items.</param>
    /// <param name="run">The run of the pattern, whose limit stops the map.</param>
    /// <param name="take">Takes the chunks one at a time, and disposes of them. A problem that it throws ends the map.</param>
    public MapJob(
        ItemFunction function, ResultWriter writer, ItemBuffer? items, CpuScheduler scheduler, PatternRun run, Action<ChunkResults> take)
        : base(items?.Count ?? 0, Math.Min(writer.Options.Workers ?? scheduler.Threads, scheduler.Threads), isOpen: items is null)
    {
        _computation = new ChunkComputation(function, writer, run.Describer);
        (_writer, _options, _scheduler, _clock, _take) = (writer, writer.Options, scheduler, run.Clock, take);
        _stop = CancellationTokenSource.CreateLinkedTokenSource(run.Limit.Token);
        _stopped = _stop.Token;
        if (items is not null)
        {
            _ = _items.Add(items);
        }
    }

    int? IMapRun.Workers => Workers;

    /// <inheritdoc/>
    public Task RunAsync() => _scheduler.ComputeAsync(this, _stopped);

    /// <inheritdoc/>
    public async ValueTask AddAsync(ItemBuffer items, CancellationToken cancellationToken)
    {
        var room = _items.Add(items);
        _scheduler.Update(this, items.Count);
        await room.WaitAsync(cancellationToken);
    }

    void IMapRun.Close() => _scheduler.Close(this);

    /// <inheritdoc/>
    public void NoteSent(ChunkResults chunk)
    {
        Interlocked.Add(ref _unsentBytes, -chunk.Size);
        Volatile.Write(ref _sent, chunk.From + chunk.Count);
        _scheduler.Update(this);
    }

    public void Dispose() => _stop.Dispose();

    protected override bool MayTake(long from) =>
        from < Volatile.Read(ref _fatal)
        && (Interlocked.Read(ref _unsentBytes) < MaxUnsentBytes

            // All other chunks wait for this one: it is the next to send.
            || (_options.Ordered != false && from == Volatile.Read(ref _sent)));

    protected override int NextChunkSize(long from, int waiting)
    {
        var most = (int)(_items.Find(from).End - from);
        if (_options.ChunkSize is { } fixedSize)
        {
            return Math.Min(fixedSize, most);
        }

        if (_secondsPerItem <= 0)
        {
            return 1;
        }

        // Chunks get smaller towards the end, so that the workers end together.
        var share = IsOpen ? most : Math.Min((waiting + (2 * Workers) - 1) / (2 * Workers), most);
        var wanted = Math.Min(CpuTurn.Seconds / _secondsPerItem, (double)_lastCount * MaxGrowth);
        return (int)Math.Clamp(wanted, 1, share);
    }

    protected override int ComputeItems(CpuChunk taken, CpuTurn turn)
    {
        var items = _items.Find(taken.From);
        var chunk = new ChunkResults(_writer.AsLines)
        {
            From = taken.From,
            Worker = taken.Worker,
            StartedMs = _clock.ElapsedMs,
            Reduced = _options.Reduce is null ? null : new Reducer(),
        };
        using (StartSpan())
        {
            _computation.Compute(items, chunk, taken.Count, turn, _stopped);
        }

        chunk.FinishedMs = _clock.ElapsedMs;
        _items.NoteComputed(items, chunk.Count);
        lock (_gate)
        {
            _lastCount = chunk.Count;
            _secondsPerItem = Math.Max(chunk.FinishedMs - chunk.StartedMs, 0.001) / 1_000 / chunk.Count;
            _fatal = chunk.Fatal is null ? _fatal : Math.Min(_fatal, chunk.From + chunk.Count);
            Interlocked.Add(ref _unsentBytes, _writer.AsLines ? chunk.Size : 0);
            try
            {
                _take(chunk);
            }
            catch (ProblemException exception)
            {
                Fail(exception);
                _stop.Cancel();
            }
        }

        // An ordered stream still computes the items before the one that ends it, because they are sent first.
        if (chunk.Fatal is not null && (!_writer.AsLines || _options.Ordered == false))
        {
            _stop.Cancel();
        }

        return chunk.Count;
    }

    /// <summary>Starts a span for the first chunks, then for ever fewer: there may be millions.</summary>
    private Activity? StartSpan() =>
        AppTelemetry.Source.HasListeners() && Interlocked.Increment(ref _chunk) is var chunk && (chunk <= FirstSpans || long.IsPow2(chunk))
            ? AppTelemetry.Source.StartActivity("chunk")
            : null;
}
