using System.Buffers;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using System.Threading.Channels;
using FunctionsApp.Core.Cpu;
using FunctionsApp.Core.Json;
using FunctionsApp.Core.Limits;
using FunctionsApp.Core.Operations;
using FunctionsApp.Core.Problems;
using FunctionsApp.Core.Telemetry;

namespace FunctionsApp.Core.Patterns.Map;

/// <summary>
/// One map under way, as the CPU scheduler sees it: its chunks are the portions, its workers compute them. It computes while
/// there is room for what comes of it, and takes items while there is room for them, so that it holds a bounded amount of
/// both, however many items there are.
/// </summary>
internal sealed class MapJob : CpuJob, IDisposable
{
    /// <summary>A chunk is at most so many times the last: the first items, just compiled or just read, say little of the rest.</summary>
    private const int MostGrowth = 8;

    /// <summary>About what a problem takes, beside the characters of its detail.</summary>
    private const int BytesOfProblem = 800;

    /// <summary>What the items of a stream may take that are not computed yet.</summary>
    private const int MostHeldBytes = 1024 * 1024;

    /// <summary>What the results may take that nobody has taken over yet.</summary>
    private const int MostUnsentBytes = 4 * 1024 * 1024;

    /// <summary>A chunk ends when its results take so much.</summary>
    private const int MostChunkBytes = 512 * 1024;

    /// <summary>Chunks that have a span each.</summary>
    private const int FirstSpans = 16;

    private readonly Lock _gate = new();
    private readonly CpuOperation _operation;
    private readonly MapOptions _options;
    private readonly LimitsOptions _limits;
    private readonly RequestClock _clock;
    private readonly ProblemDescriber _describer;
    private readonly bool _asLines;
    private readonly CancellationTokenSource _stop;
    private readonly CancellationToken _stopped;
    private readonly Channel<Chunk> _chunks = Channel.CreateUnbounded<Chunk>(new UnboundedChannelOptions { SingleReader = true });
    private readonly List<ItemBlock> _blocks = [];
    private TaskCompletionSource? _room;
    private long _chunk;
    private long _heldBytes;
    private long _unsentBytes;
    private long _sent;
    private long _fatal = long.MaxValue;
    private int _failed;
    private int _lastCount;
    private double _secondsPerItem;

    /// <summary>A map of the items of a JSON request, or of items that are still to come.</summary>
    /// <param name="operation">What to compute.</param>
    /// <param name="options">How.</param>
    /// <param name="items">The items; null when they are to be added.</param>
    /// <param name="workers">How many chunks may be computed at once.</param>
    /// <param name="clock">The clock of the request.</param>
    /// <param name="describer">Describes failures.</param>
    /// <param name="limits">How deep an item may nest.</param>
    /// <param name="asLines">Whether results are written as lines of a stream, or as parts of a JSON array.</param>
    /// <param name="cancellationToken">Stops the map.</param>
    public MapJob(
        CpuOperation operation, MapOptions options, ItemBlock? items, int workers, RequestClock clock, ProblemDescriber describer, LimitsOptions limits,
        bool asLines, CancellationToken cancellationToken)
        : base(items?.Count ?? 0, workers, isOpen: items is null)
    {
        _operation = operation;
        _options = options;
        _limits = limits;
        _clock = clock;
        _describer = describer;
        _asLines = asLines;
        _stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        _stopped = _stop.Token;
        if (items is not null)
        {
            _blocks.Add(items);
        }
    }

    /// <summary>The chunks, as each is computed; whoever reads one disposes of it.</summary>
    public ChannelReader<Chunk> Chunks => _chunks.Reader;

    /// <summary>Cancelled when the map is, by its caller or by an item that failed.</summary>
    public CancellationToken Stopped => _stopped;

    /// <summary>Adds items, and waits until there is room for more.</summary>
    public async ValueTask AddAsync(ItemBlock block, CpuScheduler scheduler, CancellationToken cancellationToken)
    {
        Task room;
        lock (_gate)
        {
            _blocks.Add(block);
            _heldBytes += block.Size;
            _room = _heldBytes < MostHeldBytes ? null : new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            room = _room?.Task ?? Task.CompletedTask;
        }

        scheduler.Update(this, items: block.Count);
        await room.WaitAsync(cancellationToken);
    }

    /// <summary>A chunk has been sent, or is kept elsewhere: there is room for another.</summary>
    public void NoteSent(Chunk chunk, CpuScheduler scheduler)
    {
        Interlocked.Add(ref _unsentBytes, -chunk.Size);
        Volatile.Write(ref _sent, chunk.From + chunk.Count);
        scheduler.Update(this);
    }

    /// <summary>There will be no more chunks.</summary>
    public void EndChunks() => _chunks.Writer.Complete();

    public void Dispose() => _stop.Dispose();

    protected override bool MayTake(long from) =>
        from < Volatile.Read(ref _fatal)
        && (Interlocked.Read(ref _unsentBytes) < MostUnsentBytes

            // All others wait for this one: it is the next to be sent.
            || (_options.Ordered != false && from == Volatile.Read(ref _sent)));

    protected override int NextPortion(long from, int waiting)
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

        // Towards the end chunks get smaller, so that the workers end together.
        var share = IsOpen ? most : Math.Min((waiting + (2 * Workers) - 1) / (2 * Workers), most);
        var wanted = Math.Min(CpuTurn.Seconds / _secondsPerItem, (double)_lastCount * MostGrowth);
        return (int)Math.Clamp(wanted, 1, share);
    }

    protected override int ComputeItems(Portion portion, CpuTurn turn)
    {
        var block = Find(portion.From);
        var chunk = new Chunk
        {
            From = portion.From,
            Worker = portion.Worker,
            StartedMs = _clock.ElapsedMs,
            Reduced = _options.Reduce is null ? null : new Reducer(),
        };
        using (StartSpan())
        {
            ComputeItems(block, chunk, portion.Count, turn);
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
        }

        Interlocked.Add(ref _unsentBytes, chunk.Size);
        _chunks.Writer.TryWrite(chunk);
        if (chunk.Fatal is not null)
        {
            EndAt(chunk);
        }

        return chunk.Count;
    }

    /// <summary>A span of a chunk: of the first ones, and then of fewer and fewer, as there may be millions.</summary>
    private Activity? StartSpan() =>
        AppTelemetry.Source.HasListeners() && Interlocked.Increment(ref _chunk) is var chunk && (chunk <= FirstSpans || long.IsPow2(chunk))
            ? AppTelemetry.Source.StartActivity("chunk")
            : null;

    private void ComputeItems(ItemBlock block, Chunk chunk, int count, CpuTurn turn)
    {
        using var writer = new Utf8JsonWriter(chunk.Output, new JsonWriterOptions { Encoder = CoreJson.Options.Encoder, MaxDepth = CoreJson.MaxDepth, SkipValidation = true });
        while (chunk.Count < count && chunk.Fatal is null)
        {
            if (chunk.Count > 0 && (turn.IsOver || chunk.Size >= MostChunkBytes))
            {
                break;
            }

            _stopped.ThrowIfCancellationRequested();
            var index = chunk.From + chunk.Count;
            var start = chunk.Output.Length;
            try
            {
                ComputeItem(block, index, chunk, writer);
            }
            catch (Exception exception) when (!_stopped.IsCancellationRequested)
            {
                chunk.Output.Length = start;
                writer.Reset();
                Fail(block, index, chunk, exception);
            }

            chunk.Count++;
        }
    }

    private void ComputeItem(ItemBlock block, long index, Chunk chunk, Utf8JsonWriter writer)
    {
        if (chunk.Reduced is { } reduced)
        {
            reduced.Add(_operation.IsNumeric ? _operation.ComputeNumber(block[index], _options.Shape, _limits.MaxDepth, _stopped) : ComputeAny(block[index]));
            return;
        }

        if (_asLines)
        {
            WriteIndex(chunk.Output, index, "result"u8);
            writer.Reset();
            _operation.Compute(block[index], _options.Shape, _limits.MaxDepth, writer, _stopped);
            chunk.Output.Write("}\n"u8);
        }
        else
        {
            chunk.Output.Write(chunk.Count == 0 ? ""u8 : ","u8);
            writer.Reset();
            _operation.Compute(block[index], _options.Shape, _limits.MaxDepth, writer, _stopped);
        }
    }

    /// <summary>For counting results that are no numbers: computes and drops one.</summary>
    private Number ComputeAny(ReadOnlySpan<byte> item)
    {
        using var writer = new Utf8JsonWriter(Stream.Null);
        _operation.Compute(item, _options.Shape, _limits.MaxDepth, writer, _stopped);
        return 0L;
    }

    /// <summary>Notes that an item failed, and whether that ends the map.</summary>
    private void Fail(ItemBlock block, long index, Chunk chunk, Exception exception)
    {
        var problem = block.Describe(exception, index, _describer);
        chunk.Failed++;
        if (_options.ReturnExceptions != true || Interlocked.Increment(ref _failed) > (_options.MaxFailures ?? int.MaxValue))
        {
            chunk.Fatal = problem with { Index = index };
        }
        else if (_asLines)
        {
            WriteIndex(chunk.Output, index, "error"u8);
            using var writer = new Utf8JsonWriter(chunk.Output, new JsonWriterOptions { Encoder = CoreJson.Options.Encoder });
            JsonSerializer.Serialize(writer, problem, CoreJson.TypeInfo<Problem>());
            chunk.Output.Write("}\n"u8);
        }
        else
        {
            chunk.ErrorBytes += BytesOfProblem + (2 * problem.Detail.Length);
            chunk.Errors.Add(new MapError((int)index, problem));
            if (chunk.Reduced is null)
            {
                chunk.Output.Write(chunk.Count == 0 ? "null"u8 : ",null"u8);
            }
        }
    }

    private static void WriteIndex(ResultBuffer output, long index, ReadOnlySpan<byte> name)
    {
        output.Write("{\"index\":"u8);
        index.TryFormat(output.GetSpan(20), out var written, provider: CultureInfo.InvariantCulture);
        output.Advance(written);
        output.Write(",\""u8);
        output.Write(name);
        output.Write("\":"u8);
    }

    /// <summary>An item has ended the map. What comes before it in an ordered stream is still computed, as it is sent before it.</summary>
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
        if (_heldBytes < MostHeldBytes)
        {
            _room?.TrySetResult();
            _room = null;
        }
    }
}
