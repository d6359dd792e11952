using System.Buffers;
using System.Runtime.InteropServices;
using System.Text.Json;
using FunctionsApp.Core.Cpu;
using FunctionsApp.Core.Json;
using FunctionsApp.Core.Limits;
using FunctionsApp.Core.Operations;
using FunctionsApp.Core.Problems;

namespace FunctionsApp.Core.Map;

/// <summary>One map under way, as the CPU scheduler sees it: its chunks are the portions, its workers the lanes.</summary>
internal sealed class MapJob : CpuJob, IDisposable
{
    /// <summary>How long a chunk is to take: long enough for its overhead not to count, short enough to share the cores fairly.</summary>
    private const double ChunkSeconds = 0.005;

    /// <summary>A chunk is at most so many times the last: the first items, just compiled or just read, say little of the rest.</summary>
    private const int MostGrowth = 8;

    private readonly Lock _gate = new();
    private readonly CpuOperation _operation;
    private readonly MapRequest _request;
    private readonly RequestClock _clock;
    private readonly ProblemDescriber _describer;
    private readonly ByteBudget _budget;
    private readonly CancellationTokenSource _stop;
    private readonly CancellationToken _stopped;
    private readonly int _workers;
    private readonly ItemShape _shape;
    private readonly List<Chunk> _chunks = [];
    private readonly List<MapError> _errors = [];
    private int _lastCount;
    private double _secondsPerItem;

    public MapJob(
        CpuOperation operation, MapRequest request, int workers, RequestClock clock, ProblemDescriber describer, ByteBudget budget, CancellationToken cancellationToken)
        : base(request.Items.Count, workers)
    {
        _operation = operation;
        _request = request;
        _workers = workers;
        _shape = request.Starmap == true ? ItemShape.Starmap : ItemShape.ObjectOrBareValue;
        _clock = clock;
        _describer = describer;
        _budget = budget;
        _stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        _stopped = _stop.Token;
    }

    /// <summary>The failure that ended the map; null while there is none.</summary>
    public MapError? Fatal { get; private set; }

    /// <summary>The answer, when the job is over and nothing was fatal.</summary>
    public MapAnswer Answer()
    {
        _chunks.Sort(static (left, right) => left.Info.From.CompareTo(right.Info.From));
        _errors.Sort(static (left, right) => left.Index.CompareTo(right.Index));
        return new MapAnswer
        {
            Results = _request.Reduce is null ? new MapResults([.. _chunks.Select(static chunk => chunk.Results)]) : null,
            Result = _request.Reduce is { } reduction ? Reduce(reduction) : null,
            Errors = _errors,
            Workers = _workers,
            Chunks = [.. _chunks.Select(static chunk => chunk.Info)],
            ElapsedMs = _clock.ElapsedMs,
        };
    }

    public void Dispose() => _stop.Dispose();

    protected override int NextPortion(int waiting)
    {
        if (_request.ChunkSize is { } fixedSize)
        {
            return fixedSize;
        }

        if (_secondsPerItem <= 0)
        {
            return 1;
        }

        // Towards the end chunks get smaller, so that the workers end together.
        var share = (waiting + (2 * _workers) - 1) / (2 * _workers);
        var wanted = Math.Min(ChunkSeconds / _secondsPerItem, (double)_lastCount * MostGrowth);
        return (int)Math.Clamp(wanted, 1, share);
    }

    protected override void Compute(Portion portion)
    {
        var started = _clock.ElapsedMs;
        var chunk = _request.Reduce is null ? ComputeResults(portion) : ComputeReduced(portion);
        var finished = _clock.ElapsedMs;
        lock (_gate)
        {
            _chunks.Add(chunk with { Info = new MapChunk(portion.From, portion.Count, portion.Lane, started, finished) });
            _lastCount = portion.Count;
            _secondsPerItem = Math.Max(finished - started, 0.001) / 1_000 / portion.Count;
        }
    }

    private Chunk ComputeResults(Portion portion)
    {
        var buffer = new ArrayBufferWriter<byte>(256);
        using var writer = new Utf8JsonWriter(buffer, new JsonWriterOptions { Encoder = CoreJson.Options.Encoder, MaxDepth = CoreJson.MaxDepth });
        writer.WriteStartArray();
        var spent = 0;
        for (var i = portion.From; i < portion.From + portion.Count; i++)
        {
            _stopped.ThrowIfCancellationRequested();
            try
            {
                _operation.Compute(Item(i), _shape, writer, _stopped);
                spent = SpendFrom(spent, buffer.WrittenCount);
            }
            catch (Exception exception) when (!_stopped.IsCancellationRequested && writer.CurrentDepth == 1)
            {
                Fail(i, exception);
                writer.WriteNullValue();
            }
        }

        writer.Flush();

        // The array was only opened so that the writer puts commas between its values.
        var results = buffer.WrittenMemory[1..];
        _budget.Spend(buffer.WrittenCount - spent);
        return new Chunk { Results = results };
    }

    private Chunk ComputeReduced(Portion portion)
    {
        var chunk = new Chunk();
        for (var i = portion.From; i < portion.From + portion.Count; i++)
        {
            _stopped.ThrowIfCancellationRequested();
            try
            {
                chunk.Add(_operation.IsNumeric ? _operation.ComputeNumber(Item(i), _shape, _stopped) : ComputeAny(i));
            }
            catch (Exception exception) when (!_stopped.IsCancellationRequested)
            {
                Fail(i, exception);
            }
        }

        return chunk;
    }

    /// <summary>For counting results that are no numbers: computes and drops one.</summary>
    private Number ComputeAny(int index)
    {
        using var writer = new Utf8JsonWriter(Stream.Null);
        _operation.Compute(Item(index), _shape, writer, _stopped);
        return 0L;
    }

    private ReadOnlySpan<byte> Item(int index) => JsonMarshal.GetRawUtf8Value(_request.Items[index]);

    /// <summary>Spends what was written since the last time, once it is worth the while: one chunk can be a whole map.</summary>
    private int SpendFrom(int spent, int written)
    {
        if (written - spent < 64 * 1024)
        {
            return spent;
        }

        _budget.Spend(written - spent);
        return written;
    }

    /// <summary>Notes that an item failed; raises when that ends the map.</summary>
    private void Fail(int index, Exception exception)
    {
        var problem = _describer.Describe(exception);
        var error = new MapError(index, problem.Below(JsonPointer.Append("/items", index)));
        lock (_gate)
        {
            _errors.Add(error);
            if (_request.ReturnExceptions == true && _errors.Count <= (_request.MaxFailures ?? int.MaxValue))
            {
                return;
            }

            // Of several workers' first failures the one that comes first among the items is told.
            Fatal = Fatal is null || (index < Fatal.Index && _request.ReturnExceptions != true) ? error : Fatal;
        }

        _stop.Cancel();
        throw new ProblemException(error.Error);
    }

    private RawJson Reduce(Reduction reduction)
    {
        var total = _chunks.Aggregate(new Chunk(), static (sum, chunk) => sum.Add(chunk));
        Number? value = reduction switch
        {
            Reduction.Sum => total.Sum,
            Reduction.Min => total.Min,
            Reduction.Max => total.Max,
            _ => (Number)total.Count,
        };
        return value is { } number ? RawJson.From(number, CoreJson.TypeInfo<Number>()) : RawJson.Null;
    }

    /// <summary>What came of one chunk: the results as JSON, or what they reduce to.</summary>
    private sealed record Chunk
    {
        public MapChunk Info { get; init; } = null!;

        public ReadOnlyMemory<byte> Results { get; init; }

        public Number Sum { get; private set; } = 0L;

        public Number? Min { get; private set; }

        public Number? Max { get; private set; }

        public long Count { get; private set; }

        public void Add(Number value)
        {
            Sum += value;
            Min = Min is { } min && min < value ? min : value;
            Max = Max is { } max && max > value ? max : value;
            Count++;
        }

        public Chunk Add(Chunk other)
        {
            if (other.Count > 0)
            {
                var count = Count + other.Count;
                var sum = Sum + other.Sum;
                Add(other.Min!.Value);
                Add(other.Max!.Value);
                (Count, Sum) = (count, sum);
            }

            return this;
        }
    }
}
