using System.Buffers;
using System.Buffers.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using FunctionsApp.Core.Cpu;
using FunctionsApp.Core.Json;
using FunctionsApp.Core.Problems;

namespace FunctionsApp.Core.Operations;

/// <summary>An operation in the catalog, which the patterns run: from JSON to JSON.</summary>
public abstract class Operation
{
    private protected Operation(OperationAttribute about, OperationKind kind, JsonNode inputSchema, Type output)
    {
        Name = about.Name;
        Summary = about.Summary;
        Kind = kind;
        Example = RawJson.FromUtf8(System.Text.Encoding.UTF8.GetBytes(about.Example));
        InputSchema = inputSchema;
        OutputSchema = JsonSchemas.OfOutput(output);
    }

    /// <summary>The name, such as <c>primes.factor</c>.</summary>
    public string Name { get; }

    /// <summary>How it spends its time.</summary>
    public OperationKind Kind { get; }

    /// <summary>What it does, in one sentence.</summary>
    public string Summary { get; }

    /// <summary>A valid input.</summary>
    public RawJson Example { get; }

    /// <summary>JSON Schema of the input.</summary>
    public JsonNode InputSchema { get; }

    /// <summary>JSON Schema of the output; of each value, for a stream.</summary>
    public JsonNode OutputSchema { get; }
}

/// <summary>An operation that returns one result: io or cpu.</summary>
public abstract class CallableOperation : Operation
{
    private protected CallableOperation(OperationAttribute about, OperationKind kind, JsonNode inputSchema, Type output)
        : base(about, kind, inputSchema, output)
    {
    }

    /// <summary>Reads the input, so that nothing starts with an invalid one.</summary>
    /// <param name="input">One JSON value; the call may refer to parts of it.</param>
    /// <param name="pointer">Where the input is in the request.</param>
    /// <param name="bareValues">Whether a value that is not an object represents the input's first property.</param>
    /// <exception cref="ProblemException"><c>invalid-request</c> with every error.</exception>
    public abstract OperationCall Bind(ReadOnlyMemory<byte> input, string pointer, bool bareValues = false);
}

/// <summary>An operation with its input, ready to run once.</summary>
public abstract class OperationCall
{
    /// <summary>Runs the operation, a cpu one on the CPU scheduler.</summary>
    /// <exception cref="OperationException">The operation's own error.</exception>
    /// <exception cref="ProblemException">Any other error for the caller.</exception>
    public abstract ValueTask<RawJson> RunAsync(CancellationToken cancellationToken);
}

/// <summary>An operation that computes.</summary>
public abstract class CpuOperation : CallableOperation
{
    private protected CpuOperation(OperationAttribute about, JsonNode inputSchema, Type output)
        : base(about, OperationKind.Cpu, inputSchema, output)
    {
    }

    /// <summary>Whether results are numbers or booleans, which can be summed and compared.</summary>
    public abstract bool IsNumeric { get; }

    /// <summary>Reads one item, computes it on this thread, and writes the result.</summary>
    /// <param name="item">One JSON value.</param>
    /// <param name="shape">How it represents the input.</param>
    /// <param name="maxDepth">How deep it may nest.</param>
    /// <param name="output">The target; discard what an item that failed has written.</param>
    /// <param name="cancellationToken">Cancels the computation.</param>
    internal abstract void Compute(ReadOnlySpan<byte> item, ItemShape shape, int maxDepth, ResultBuffer output, CancellationToken cancellationToken);

    /// <summary>As <see cref="Compute"/>, for an operation that <see cref="IsNumeric"/>: true counts as 1, false as 0.</summary>
    internal abstract Number ComputeNumber(ReadOnlySpan<byte> item, ItemShape shape, int maxDepth, CancellationToken cancellationToken);

    /// <summary>Reads one item without computing it.</summary>
    /// <param name="item">One JSON value.</param>
    /// <param name="shape">How it represents the input.</param>
    /// <param name="maxDepth">How deep it may nest.</param>
    /// <exception cref="ProblemException"><c>invalid-request</c> with every error, with pointers that start at the item.</exception>
    internal abstract void Check(ReadOnlySpan<byte> item, ItemShape shape, int maxDepth);
}

/// <summary>An operation that yields values.</summary>
public abstract class StreamOperation : Operation
{
    private protected StreamOperation(OperationAttribute about, JsonNode inputSchema, Type output)
        : base(about, OperationKind.Stream, inputSchema, output)
    {
    }

    /// <summary>Reads the input at once, and yields the values on demand.</summary>
    /// <param name="input">One JSON value.</param>
    /// <param name="pointer">Where the input is in the request.</param>
    /// <param name="cancellationToken">Cancels the operation.</param>
    /// <exception cref="ProblemException"><c>invalid-request</c> with every error.</exception>
    public abstract IAsyncEnumerable<RawJson> Stream(ReadOnlyMemory<byte> input, string pointer, CancellationToken cancellationToken);
}

internal sealed class IoOperation<TInput, TOutput>(OperationAttribute about, JsonContract<TInput> contract, IOperation<TInput, TOutput> operation)
    : CallableOperation(about, OperationKind.Io, contract.Schema, typeof(TOutput))
{
    private readonly JsonTypeInfo<TOutput> _output = CoreJson.TypeInfo<TOutput>();

    public override OperationCall Bind(ReadOnlyMemory<byte> input, string pointer, bool bareValues = false) =>
        new Call(operation, contract.Read(input, pointer, bareValues), _output);

    private sealed class Call(IOperation<TInput, TOutput> operation, TInput input, JsonTypeInfo<TOutput> output) : OperationCall
    {
        public override ValueTask<RawJson> RunAsync(CancellationToken cancellationToken) =>
            operation is IOperation<TInput, RawJson> writesItself ? writesItself.RunAsync(input, cancellationToken) : SerializeAsync(cancellationToken);

        private async ValueTask<RawJson> SerializeAsync(CancellationToken cancellationToken) =>
            RawJson.From(await operation.RunAsync(input, cancellationToken), output);
    }
}

internal sealed class CpuOperation<TInput, TOutput>(
    OperationAttribute about, JsonContract<TInput> contract, ICpuOperation<TInput, TOutput> operation, CpuScheduler scheduler)
    : CpuOperation(about, contract.Schema, typeof(TOutput))
{
    private readonly JsonTypeInfo<TOutput> _output = CoreJson.TypeInfo<TOutput>();
    private readonly JsonConverter<TOutput>? _scalar = CoreJson.ScalarConverter<TOutput>();

    public override bool IsNumeric =>
        typeof(TOutput) == typeof(Number) || typeof(TOutput) == typeof(long) || typeof(TOutput) == typeof(int)
        || typeof(TOutput) == typeof(double) || typeof(TOutput) == typeof(bool);

    public override OperationCall Bind(ReadOnlyMemory<byte> input, string pointer, bool bareValues = false)
    {
        var bound = contract.Read(input, pointer, bareValues);
        return new Call(scheduler, token => RawJson.From(operation.Compute(bound, token), _output));
    }

    internal override void Compute(ReadOnlySpan<byte> item, ItemShape shape, int maxDepth, ResultBuffer output, CancellationToken cancellationToken)
    {
        var result = operation.Compute(contract.ReadItem(item, shape, maxDepth), cancellationToken);
        if (TryWrite(result, output))
        {
            return;
        }

        if (_scalar is null)
        {
            JsonSerializer.Serialize(output.Json, result, _output);
        }
        else
        {
            var json = output.Json;
            _scalar.Write(json, result, CoreJson.Options);
            json.Flush();
        }
    }

    internal override Number ComputeNumber(ReadOnlySpan<byte> item, ItemShape shape, int maxDepth, CancellationToken cancellationToken) =>
        operation.Compute(contract.ReadItem(item, shape, maxDepth), cancellationToken) switch
        {
            Number number => number,
            long integer => integer,
            int integer => integer,
            double value => value,
            bool value => value ? 1L : 0L,
            _ => throw new NotSupportedException($"{Name} does not return numbers."),
        };

    /// <summary>Writes an integer or a boolean, as most results are: the framework's writer takes several times as long.</summary>
    private static bool TryWrite(TOutput result, ResultBuffer output)
    {
        const int MaxDigits = 20;
        long integer;
        if (typeof(TOutput) == typeof(bool))
        {
            output.Write((bool)(object)result! ? "true"u8 : "false"u8);
            return true;
        }

        if (typeof(TOutput) == typeof(long))
        {
            integer = (long)(object)result!;
        }
        else if (typeof(TOutput) == typeof(Number) && ((Number)(object)result!).IsInteger)
        {
            integer = ((Number)(object)result!).AsInteger;
        }
        else
        {
            return false;
        }

        Utf8Formatter.TryFormat(integer, output.GetSpan(MaxDigits), out var written);
        output.Advance(written);
        return true;
    }

    internal override void Check(ReadOnlySpan<byte> item, ItemShape shape, int maxDepth) => contract.ReadItem(item, shape, maxDepth);

    private sealed class Call(CpuScheduler scheduler, Func<CancellationToken, RawJson> compute) : OperationCall
    {
        public override ValueTask<RawJson> RunAsync(CancellationToken cancellationToken) => new(scheduler.RunAsync(compute, cancellationToken));
    }
}

internal sealed class StreamOperation<TInput, TOutput>(OperationAttribute about, JsonContract<TInput> contract, IStreamOperation<TInput, TOutput> operation)
    : StreamOperation(about, contract.Schema, typeof(TOutput))
{
    private readonly JsonTypeInfo<TOutput> _output = CoreJson.TypeInfo<TOutput>();

    public override IAsyncEnumerable<RawJson> Stream(ReadOnlyMemory<byte> input, string pointer, CancellationToken cancellationToken) =>
        Serialize(operation.StreamAsync(contract.Read(input, pointer, bareValues: false), cancellationToken));

    private async IAsyncEnumerable<RawJson> Serialize(IAsyncEnumerable<TOutput> values)
    {
        await foreach (var value in values)
        {
            yield return RawJson.From(value, _output);
        }
    }
}
