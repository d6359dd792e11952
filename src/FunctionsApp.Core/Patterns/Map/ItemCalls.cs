using FunctionsApp.Core.Cpu;
using FunctionsApp.Core.Json;
using FunctionsApp.Core.Json.Schema;
using FunctionsApp.Core.Limits;
using FunctionsApp.Core.Operations;
using FunctionsApp.Core.Problems;

namespace FunctionsApp.Core.Patterns.Map;

/// <summary>An io operation as a map runs it: a call for each item.</summary>
internal abstract class ItemCalls(string name, LimitsOptions limits) : MappedOperation(name)
{
    /// <summary>How many calls run at once, unless <see cref="MapOptions.MaxConcurrency"/> says.</summary>
    public int DefaultConcurrency { get; } = Math.Min(100, limits.MaxConcurrency);

    /// <summary>Prepares an operation.</summary>
    /// <param name="operation">The operation.</param>
    /// <param name="limits">The limits of items and calls.</param>
    public static ItemCalls Of(IoOperation operation, LimitsOptions limits) => operation.Use(new Creation(operation.Name, limits));

    /// <inheritdoc/>
    public override IMapRun Start(
        ResultWriter writer, ItemBuffer? items, CpuScheduler scheduler, PatternRun run, Action<ChunkResults> take) =>
        new CallMap(this, writer, items, run, take);

    /// <summary>Reads an item.</summary>
    /// <param name="item">The text of the item, which the call may refer to.</param>
    /// <param name="isStarmap">Whether it is an array of the input's values; see <see cref="ItemReader{T}.Read"/>.</param>
    /// <exception cref="ProblemException"><c>invalid-request</c> with every error, with pointers that start at the item.</exception>
    public abstract OperationCall Bind(ReadOnlyMemory<byte> item, bool isStarmap);

    private sealed class Creation(string name, LimitsOptions limits) : IIoOperationUse<ItemCalls>
    {
        public ItemCalls Use<TInput, TOutput>(JsonContract<TInput> contract, Func<TInput, OperationCall> bind) =>
            new ItemCalls<TInput, TOutput>(name, limits, new ItemReader<TInput>(contract), bind);
    }
}

/// <inheritdoc/>
internal sealed class ItemCalls<TInput, TOutput>(
    string name, LimitsOptions limits, ItemReader<TInput> reader, Func<TInput, OperationCall> bind)
    : ItemCalls(name, limits)
{
    private readonly int _maxDepth = limits.MaxDepth;

    /// <summary>Whether they are: an operation that returns any JSON may return numbers.</summary>
    public override bool MayBeNumeric => typeof(TOutput) == typeof(RawJson) || IsNumber(typeof(TOutput));

    public override OperationCall Bind(ReadOnlyMemory<byte> item, bool isStarmap)
    {
        using var text = SourceText.Open(item);
        return bind(reader.Read(item.Span, isStarmap, _maxDepth));
    }

    public override void Check(ReadOnlySpan<byte> item, bool isStarmap) => reader.Read(item, isStarmap, _maxDepth);
}
