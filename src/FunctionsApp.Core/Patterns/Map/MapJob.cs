using System.Diagnostics;
using System.Threading.Channels;
using FunctionsApp.Core.Cpu;
using FunctionsApp.Core.Limits;
using FunctionsApp.Core.Operations;
using FunctionsApp.Core.Problems;
using FunctionsApp.Core.Telemetry;

namespace FunctionsApp.Core.Patterns.Map;

/// <summary>
/// One running map as a job of the CPU scheduler: its workers compute its chunks. The job
/// computes while there is room for results, and accepts items while there is room for items. So it holds a bounded
/// amount of both, however many items there are.
/// </summary>
internal sealed class MapJob : CpuJob, IDisposable
{
    /// <summary>The maximum ratio of a chunk to the last one: the first items, just compiled or read, predict little.</summary>
    private const int MaxGrowth = 8;

    /// <summary>The maximum bytes of a stream's items that are not computed yet.</summary>
    private const int MaxHeldBytes = 1024 * 1024;

    /// <summary>The maximum bytes of the results that the reader has not taken yet.</summary>
    private const int MaxUnsentBytes = 4 * 1024 * 1024;

    /// <summary>The bytes of results, and the milliseconds, after which the reader of a buffered response is woken: it needs a core for that.</summary>
    private const int PublishedBytes = 64 * 1024;
    private const int PublishedMs = 20;

    /// <summary>How many of the first chunks have a span each.</summary>
    private const int FirstSpans = 16;

    private readonly Lock _gate = new();
    private readonly MapOptions _options;
    private readonly ChunkComputation _computation;
    private readonly RequestClock _clock;
    private readonly bool _asLines;
    private readonly CancellationTokenSource _stop;
    private readonly CancellationToken _stopped;
    private readonly Channel<Chunk> _chunks = Channel.CreateUnbounded<Chunk>(new UnboundedChannelOptions { SingleReader = true });
    private readonly List<ItemBlock> _blocks = [];
    private readonly List<Chunk> _computed = [];
    private TaskCompletionSource? _room;
    private long _chunk;
    private long _heldBytes;
    private long _unsentBytes;
    private long _computedBytes;
    private double _publishedMs;
    private long _sent;
    private long _fatal = long.MaxValue;
    private int _lastCount;
    private double _secondsPerItem;

    /// <summary>Creates a map of the items of a JSON request, or of items to be added.</summary>
    /// <param name="operation">The operation to compute.</param>
    /// <param name="options">How to compute the items.</param>
    /// <param name="items">The items; null when they are added later.</param>
    /// <param name="workers">How many chunks may be computed at once.</param>
    /// <param name="clock">The clock of the request.</param>
    /// <param name="describer">Describes failures.</param>
    /// <param name="limits">The maximum nesting depth of an item.</param>
    /// <param name="asLines">Whether results are written as lines of a stream, or as parts of a JSON array.</param>
    /// <param name="cancellationToken">Stops the map.</param>
    public MapJob(
        CpuOperation operation, MapOptions options, ItemBlock? items, int workers, RequestClock clock, ProblemDescriber describer, LimitsOptions limits,
        bool asLines, CancellationToken cancellationToken)
        : base(items?.Count ?? 0, workers, isOpen: items is null)
    {
        _options = options;
        _clock = clock;
        _asLines = asLines;
        _stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        _stopped = _stop.Token;
        _computation = new ChunkComputation(operation, options, limits.MaxDepth, describer, asLines, _stopped);
        if (items is not null)
        {
            _blocks.Add(items);
        }
    }

    /// <summary>The chunks in the order of their computation. The reader disposes of each.</summary>
    public ChannelReader<Chunk> Chunks => _chunks.Reader;

    /// <summary>Cancelled when the caller or a failed item cancels the map.</summary>
    public CancellationToken Stopped => _stopped;

    /// <summary>Adds items, and waits until there is room for more.</summary>
    public async ValueTask AddAsync(ItemBlock block, CpuScheduler scheduler, CancellationToken cancellationToken)
    {
        Task room;
        lock (_gate)
        {
            _blocks.Add(block);
            _heldBytes += block.Size;
            _room = _heldBytes < MaxHeldBytes ? null : new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            room = _room?.Task ?? Task.CompletedTask;
        }

        scheduler.Update(this, items: block.Count);
        await room.WaitAsync(cancellationToken);
    }

    /// <summary>Frees the room of a chunk that was sent or is kept elsewhere.</summary>
    public void NoteSent(Chunk chunk, CpuScheduler scheduler)
    {
        Interlocked.Add(ref _unsentBytes, -chunk.Size);
        Volatile.Write(ref _sent, chunk.From + chunk.Count);
        scheduler.Update(this);
    }

    /// <summary>Completes the chunks.</summary>
    public void EndChunks()
    {
        lock (_gate)
        {
            PublishAll();
        }

        _chunks.Writer.Complete();
    }

    public void Dispose() => _stop.Dispose();

    protected override bool MayTake(long from) =>
        from < Volatile.Read(ref _fatal)
        && (Interlocked.Read(ref _unsentBytes) < MaxUnsentBytes

            // All other chunks wait for this one: it is the next to send.
            || (_options.Ordered != false && from == Volatile.Read(ref _sent)));

    protected override int NextChunkSize(long from, int waiting)
    {
        var most = (int)(Find(from).End - from);
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
        var block = Find(taken.From);
        var chunk = new Chunk(_asLines)
        {
            From = taken.From,
            Worker = taken.Worker,
            StartedMs = _clock.ElapsedMs,
            Reduced = _options.Reduce is null ? null : new Reducer(),
        };
        using (StartSpan())
        {
            _computation.Run(block, chunk, taken.Count, turn);
        }

        chunk.FinishedMs = _clock.ElapsedMs;
        lock (_gate)
        {
            _lastCount = chunk.Count;
            _secondsPerItem = Math.Max(chunk.FinishedMs - chunk.StartedMs, 0.001) / 1_000 / chunk.Count;
            block.Computed += chunk.Count;
            if (block.Computed == block.Count)
            {
                Release(block);
            }

            Publish(chunk);
        }

        if (chunk.Fatal is not null)
        {
            EndAt(chunk);
        }

        return chunk.Count;
    }

    /// <summary>Hands a chunk to the reader: at once if a client waits for it, otherwise together with others.</summary>
    private void Publish(Chunk chunk)
    {
        Interlocked.Add(ref _unsentBytes, chunk.Size);
        _computed.Add(chunk);
        _computedBytes += chunk.Size;
        if (_asLines || _computedBytes >= PublishedBytes || chunk.FinishedMs - _publishedMs >= PublishedMs)
        {
            _publishedMs = chunk.FinishedMs;
            PublishAll();
        }
    }

    private void PublishAll()
    {
        _computed.ForEach(chunk => _chunks.Writer.TryWrite(chunk));
        _computed.Clear();
        _computedBytes = 0;
    }

    /// <summary>Starts a span for the first chunks, then for ever fewer: there may be millions.</summary>
    private Activity? StartSpan() =>
        AppTelemetry.Source.HasListeners() && Interlocked.Increment(ref _chunk) is var chunk && (chunk <= FirstSpans || long.IsPow2(chunk))
            ? AppTelemetry.Source.StartActivity("chunk")
            : null;

    /// <summary>Ends the map at a chunk. An ordered stream still computes the items before it, which are sent first.</summary>
    private void EndAt(Chunk chunk)
    {
        lock (_gate)
        {
            _fatal = Math.Min(_fatal, chunk.From + chunk.Count);
        }

        if (!_asLines || _options.Ordered == false)
        {
            _stop.Cancel();
        }
    }

    private ItemBlock Find(long index)
    {
        lock (_gate)
        {
            foreach (var block in _blocks)
            {
                if (index < block.End)
                {
                    return block;
                }
            }
        }

        throw new ArgumentOutOfRangeException(nameof(index), index, "No block has this item.");
    }

    private void Release(ItemBlock block)
    {
        _blocks.Remove(block);
        _heldBytes -= block.Size;
        block.Release();
        if (_heldBytes < MaxHeldBytes)
        {
            _room?.TrySetResult();
            _room = null;
        }
    }
}
