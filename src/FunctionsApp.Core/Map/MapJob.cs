using System.Buffers;
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

    /// <summary>About what a chunk's own line in the answer takes.</summary>
    private const int BytesOfChunk = 80;

    /// <summary>About what a problem takes, beside its detail.</summary>
    private const int BytesOfProblem = 200;

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
        _shape = request.Shape;
        _clock = clock;
        _describer = describer;
        _budget = budget;
        _stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        _stopped = _stop.Token;
    }

    /// <summary>The problem that ended the map, with the index of its item if it is one's; null while there is none.</summary>
    public Problem? Fatal { get; private set; }

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
        var buffer = new ResultBuffer();
        using var writer = new Utf8JsonWriter(buffer, new JsonWriterOptions { Encoder = CoreJson.Options.Encoder, MaxDepth = CoreJson.MaxDepth });
        var spent = 0;
        for (var i = portion.From; i < portion.From + portion.Count; i++)
        {
            _stopped.ThrowIfCancellationRequested();
            if (i > portion.From)
            {
                buffer.Write(","u8);
            }

            var start = buffer.Length;
            writer.Reset();
            try
            {
                _operation.Compute(_request.Items[i], _shape, writer, _stopped);
            }
            catch (Exception exception) when (!_stopped.IsCancellationRequested)
            {
                Fail(i, exception);
                buffer.Length = start;
                buffer.Write("null"u8);
            }

            // Now and then only; but one chunk can be a whole map.
            if (buffer.Length - spent >= 64 * 1024)
            {
                Spend(buffer.Length - spent);
                spent = buffer.Length;
            }
        }

        // What the answer says of the chunk itself counts too: chunks can be as small as their results.
        Spend(buffer.Length - spent + BytesOfChunk);
        return new Chunk { Results = buffer.Written.ToArray() };
    }

    private Chunk ComputeReduced(Portion portion)
    {
        var chunk = new Chunk();
        for (var i = portion.From; i < portion.From + portion.Count; i++)
        {
            _stopped.ThrowIfCancellationRequested();
            try
            {
                chunk.Add(_operation.IsNumeric ? _operation.ComputeNumber(_request.Items[i], _shape, _stopped) : ComputeAny(i));
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
        _operation.Compute(_request.Items[index], _shape, writer, _stopped);
        return 0L;
    }

    /// <summary>Notes that an item failed; raises when that ends the map.</summary>
    private void Fail(int index, Exception exception)
    {
        var problem = _describer.Describe(exception);
        var error = new MapError(index, problem.Below(JsonPointer.Append("/items", index)));
        Spend(BytesOfProblem + problem.Detail.Length);
        lock (_gate)
        {
            _errors.Add(error);
            if (_request.ReturnExceptions == true && _errors.Count <= (_request.MaxFailures ?? int.MaxValue))
            {
                return;
            }
        }

        End(error.Error with { Index = index });
    }

    /// <summary>Ends the map: no worker is to go on.</summary>
    private void End(Problem problem)
    {
        lock (_gate)
        {
            // Of several workers' first failures the one that comes first among the items is told.
            Fatal = Fatal is null || problem.Index < Fatal.Index ? problem : Fatal;
        }

        _stop.Cancel();
        throw new ProblemException(problem);
    }

    private void Spend(int bytes)
    {
        try
        {
            _budget.Spend(bytes);
        }
        catch (ProblemException exception)
        {
            End(exception.Problem);
        }
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
        return value is not { } number ? RawJson.Null
            : double.IsFinite(number.AsDouble) ? RawJson.From(number, CoreJson.TypeInfo<Number>())
            : throw new OperationException("The result is out of range.");
    }

    /// <summary>What came of one chunk: the results as JSON, or what they reduce to.</summary>
    private sealed record Chunk
    {
        // Wide enough for as many 64-bit integers as there can be: however they are cut into chunks, the sum is the same.
        private Int128 _integers;
        private double? _fractions;

        public MapChunk Info { get; init; } = null!;

        public ReadOnlyMemory<byte> Results { get; init; }

        public long Count { get; private set; }

        public Number? Min { get; private set; }

        public Number? Max { get; private set; }

        public Number Sum => _fractions is { } fractions ? (double)_integers + fractions
            : _integers >= long.MinValue && _integers <= long.MaxValue ? (Number)(long)_integers
            : (double)_integers;

        public void Add(Number value)
        {
            Count++;
            Min = Least(Min, value);
            Max = Greatest(Max, value);
            if (value.IsInteger)
            {
                _integers += value.AsInteger;
            }
            else
            {
                _fractions = (_fractions ?? 0) + value.AsDouble;
            }
        }

        public Chunk Add(Chunk other)
        {
            Count += other.Count;
            Min = Least(Min, other.Min);
            Max = Greatest(Max, other.Max);
            _integers += other._integers;
            _fractions = other._fractions is null ? _fractions : (_fractions ?? 0) + other._fractions;
            return this;
        }

        private static Number? Least(Number? left, Number? right) => left is null || right < left ? right ?? left : left;

        private static Number? Greatest(Number? left, Number? right) => left is null || right > left ? right ?? left : left;
    }
}
