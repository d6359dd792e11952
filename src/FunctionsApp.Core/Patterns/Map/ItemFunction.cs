using System.Buffers;
using System.Buffers.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using FunctionsApp.Core.Cpu;
using FunctionsApp.Core.Json;
using FunctionsApp.Core.Json.Schema;
using FunctionsApp.Core.Operations;

namespace FunctionsApp.Core.Patterns.Map;

/// <summary>
/// A cpu operation as a map runs it: from the text of an item to the text of its result. It computes on the calling thread.
/// </summary>
internal abstract class ItemFunction(string name) : MappedOperation(name)
{
    /// <summary>Creates the function of an operation. Compiles code, so create it once and keep it.</summary>
    /// <param name="operation">The operation.</param>
    /// <param name="maxDepth">The maximum nesting depth of an item.</param>
    public static ItemFunction Of(CpuOperation operation, int maxDepth) => operation.Use(new Creation(operation.Name, maxDepth));

    /// <inheritdoc/>
    public override IMapRun Start(
        ResultWriter writer, ItemBuffer? items, CpuScheduler scheduler, PatternRun run, Action<ChunkResults> take) =>
        new MapJob(this, writer, items, scheduler, run, take);

    /// <summary>Reads one item, computes it, and writes the result.</summary>
    /// <param name="item">The text of the item.</param>
    /// <param name="isStarmap">Whether it is an array of the input's values; see <see cref="ItemReader{T}.Read"/>.</param>
    /// <param name="output">The target; drop what an item that failed has written.</param>
    /// <param name="cancellationToken">Cancels the computation.</param>
    public abstract void Compute(ReadOnlySpan<byte> item, bool isStarmap, ResultBuffer output, CancellationToken cancellationToken);

    /// <summary>
    /// As <see cref="Compute"/>, for an operation whose results are numbers or booleans: true counts as 1, false as 0.
    /// </summary>
    public abstract Number ComputeNumber(ReadOnlySpan<byte> item, bool isStarmap, CancellationToken cancellationToken);

    private sealed class Creation(string name, int maxDepth) : ICpuOperationUse<ItemFunction>
    {
        public ItemFunction Use<TInput, TOutput>(JsonContract<TInput> contract, ICpuOperation<TInput, TOutput> operation) =>
            new ItemFunction<TInput, TOutput>(name, maxDepth, new ItemReader<TInput>(contract), operation);
    }
}

/// <inheritdoc/>
internal sealed class ItemFunction<TInput, TOutput>(
    string name, int maxDepth, ItemReader<TInput> reader, ICpuOperation<TInput, TOutput> operation) : ItemFunction(name)
{
    private readonly JsonTypeInfo<TOutput> _output = CoreJson.TypeInfo<TOutput>();

    public override bool MayBeNumeric => IsNumber(typeof(TOutput));

    public override void Compute(ReadOnlySpan<byte> item, bool isStarmap, ResultBuffer output, CancellationToken cancellationToken)
    {
        var result = operation.Compute(reader.Read(item, isStarmap, maxDepth), cancellationToken);
        if (!TryWrite(result, output))
        {
            JsonSerializer.Serialize(output.Json, result, _output);
        }
    }

    public override Number ComputeNumber(ReadOnlySpan<byte> item, bool isStarmap, CancellationToken cancellationToken) =>
        operation.Compute(reader.Read(item, isStarmap, maxDepth), cancellationToken) switch
        {
            Number number => number,
            long integer => integer,
            int integer => integer,
            double value => value,
            bool value => value ? 1L : 0L,
            _ => throw new NotSupportedException($"{Name} does not return numbers."),
        };

    public override void Check(ReadOnlySpan<byte> item, bool isStarmap) => reader.Read(item, isStarmap, maxDepth);

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
}
