using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;
using FunctionsApp.Core.Cpu;
using FunctionsApp.Core.Json;
using FunctionsApp.Core.Json.Schema;
using FunctionsApp.Core.Problems;
using FunctionsApp.Core.Telemetry;

namespace FunctionsApp.Core.Operations;

/// <summary>An operation in the catalog, which the patterns run: from JSON to JSON.</summary>
/// <param name="about">Its name and description.</param>
/// <param name="kind">How it spends its time.</param>
/// <param name="inputSchema">JSON Schema of the input.</param>
/// <param name="output">The type of the output; of each value, for a stream.</param>
public abstract class Operation(OperationAttribute about, OperationKind kind, JsonNode inputSchema, Type output)
{
    /// <summary>The name, such as <c>primes.factor</c>.</summary>
    public string Name { get; } = about.Name;

    /// <summary>How it spends its time.</summary>
    public OperationKind Kind { get; } = kind;

    /// <summary>What it does, in one sentence.</summary>
    public string Summary { get; } = about.Summary;

    /// <summary>A valid input.</summary>
    public RawJson Example { get; } = RawJson.FromUtf8(System.Text.Encoding.UTF8.GetBytes(about.Example));

    /// <summary>JSON Schema of the input.</summary>
    public JsonNode InputSchema { get; } = inputSchema;

    /// <summary>JSON Schema of the output; of each value, for a stream.</summary>
    public JsonNode OutputSchema { get; } = JsonSchemas.OfOutput(output);
}

/// <summary>An operation that returns one result: io or cpu.</summary>
/// <inheritdoc cref="Operation(OperationAttribute, OperationKind, JsonNode, Type)"/>
public abstract class CallableOperation(OperationAttribute about, OperationKind kind, JsonNode inputSchema, Type output)
    : Operation(about, kind, inputSchema, output)
{
    /// <summary>Reads the input, so that nothing starts with an invalid one.</summary>
    /// <param name="input">One JSON value; the call may refer to parts of it.</param>
    /// <param name="pointer">Where the input is in the request.</param>
    /// <param name="bareValues">Whether a value that is not an object represents the input's first property.</param>
    /// <exception cref="ProblemException"><c>invalid-request</c> with every error.</exception>
    public abstract OperationCall Bind(ReadOnlyMemory<byte> input, string pointer, bool bareValues = false);
}

/// <summary>An operation with its input, ready to run once.</summary>
/// <param name="operation">The operation's name.</param>
/// <param name="run">Runs it: an io operation as it is, a cpu one on the CPU scheduler.</param>
public sealed class OperationCall(string operation, Func<CancellationToken, ValueTask<RawJson>> run)
{
    /// <summary>Runs the operation, with a span and metrics.</summary>
    /// <param name="pattern">The pattern that runs it.</param>
    /// <param name="cancellationToken">Stops the operation.</param>
    /// <exception cref="OperationException">The operation's own error.</exception>
    /// <exception cref="ProblemException">Any other error for the caller.</exception>
    public ValueTask<RawJson> InvokeAsync(string pattern, CancellationToken cancellationToken) =>
        AppTelemetry.IsWatched ? WatchAsync(pattern, cancellationToken) : run(cancellationToken);

    private async ValueTask<RawJson> WatchAsync(string pattern, CancellationToken cancellationToken)
    {
        using var watch = new WatchedRun(AppTelemetry.ActiveCalls, AppTelemetry.CallDuration, pattern, operation, name: "call");
        try
        {
            return await run(cancellationToken);
        }
        catch (Exception exception)
        {
            watch.Fail(exception);
            throw;
        }
    }
}

/// <summary>An operation that waits.</summary>
public abstract class IoOperation : CallableOperation
{
    private protected IoOperation(OperationAttribute about, JsonNode inputSchema, Type output)
        : base(about, OperationKind.Io, inputSchema, output)
    {
    }

    /// <summary>Calls <paramref name="use"/> with the typed operation, for callers that read its inputs in a way of their own.</summary>
    internal abstract TResult Use<TResult>(IIoOperationUse<TResult> use);
}

/// <summary>Work with a typed io operation.</summary>
internal interface IIoOperationUse<out TResult>
{
    /// <summary>Works with an operation.</summary>
    /// <param name="contract">The contract of its input.</param>
    /// <param name="bind">Returns the call of an input.</param>
    TResult Use<TInput, TOutput>(JsonContract<TInput> contract, Func<TInput, OperationCall> bind);
}

/// <summary>An operation that computes.</summary>
/// <inheritdoc cref="Operation(OperationAttribute, OperationKind, JsonNode, Type)"/>
public abstract class CpuOperation(OperationAttribute about, JsonNode inputSchema, Type output)
    : CallableOperation(about, OperationKind.Cpu, inputSchema, output)
{
    /// <summary>Calls <paramref name="use"/> with the typed operation, for work that does without the way from JSON to JSON.</summary>
    internal abstract TResult Use<TResult>(ICpuOperationUse<TResult> use);
}

/// <summary>Work with a typed cpu operation.</summary>
internal interface ICpuOperationUse<out TResult>
{
    /// <summary>Works with an operation.</summary>
    /// <param name="contract">The contract of its input.</param>
    /// <param name="operation">The operation.</param>
    TResult Use<TInput, TOutput>(JsonContract<TInput> contract, ICpuOperation<TInput, TOutput> operation);
}

/// <summary>An operation that yields values.</summary>
/// <inheritdoc cref="Operation(OperationAttribute, OperationKind, JsonNode, Type)"/>
public abstract class StreamOperation(OperationAttribute about, JsonNode inputSchema, Type output)
    : Operation(about, OperationKind.Stream, inputSchema, output)
{
    /// <summary>Reads the input at once, and yields the values on demand.</summary>
    /// <param name="input">One JSON value.</param>
    /// <param name="pointer">Where the input is in the request.</param>
    /// <param name="cancellationToken">Cancels the operation.</param>
    /// <exception cref="ProblemException"><c>invalid-request</c> with every error.</exception>
    public abstract IAsyncEnumerable<RawJson> Stream(ReadOnlyMemory<byte> input, string pointer, CancellationToken cancellationToken);
}

internal sealed class IoOperation<TInput, TOutput>(
    OperationAttribute about, JsonContract<TInput> contract, IOperation<TInput, TOutput> operation)
    : IoOperation(about, contract.Schema, typeof(TOutput))
{
    private readonly JsonTypeInfo<TOutput> _output = CoreJson.TypeInfo<TOutput>();

    public override OperationCall Bind(ReadOnlyMemory<byte> input, string pointer, bool bareValues = false) =>
        Bind(contract.Read(input, pointer, bareValues));

    internal override TResult Use<TResult>(IIoOperationUse<TResult> use) => use.Use<TInput, TOutput>(contract, Bind);

    private OperationCall Bind(TInput input) => new(Name, operation is IOperation<TInput, RawJson> writesItself
        ? cancelled => writesItself.RunAsync(input, cancelled)
        : async cancelled => RawJson.From(await operation.RunAsync(input, cancelled), _output));
}

internal sealed class CpuOperation<TInput, TOutput>(
    OperationAttribute about, JsonContract<TInput> contract, ICpuOperation<TInput, TOutput> operation, CpuScheduler scheduler)
    : CpuOperation(about, contract.Schema, typeof(TOutput))
{
    private readonly JsonTypeInfo<TOutput> _output = CoreJson.TypeInfo<TOutput>();

    public override OperationCall Bind(ReadOnlyMemory<byte> input, string pointer, bool bareValues = false)
    {
        var bound = contract.Read(input, pointer, bareValues);
        return new OperationCall(Name, cancelled => new(scheduler.ComputeAsync(
            compute => RawJson.From(operation.Compute(bound, compute), _output), cancelled)));
    }

    internal override TResult Use<TResult>(ICpuOperationUse<TResult> use) => use.Use(contract, operation);
}

internal sealed class StreamOperation<TInput, TOutput>(
    OperationAttribute about, JsonContract<TInput> contract, IStreamOperation<TInput, TOutput> operation)
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
