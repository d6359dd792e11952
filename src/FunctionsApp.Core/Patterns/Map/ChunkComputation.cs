using System.Buffers;
using System.Globalization;
using System.Text.Json;
using FunctionsApp.Core.Cpu;
using FunctionsApp.Core.Json;
using FunctionsApp.Core.Operations;
using FunctionsApp.Core.Problems;

namespace FunctionsApp.Core.Patterns.Map;

/// <summary>Computes the items of a map's chunks, and writes each result or error into its chunk.</summary>
/// <param name="operation">The operation to compute.</param>
/// <param name="options">How to compute the items.</param>
/// <param name="maxDepth">The maximum nesting depth of an item.</param>
/// <param name="describer">Describes failures.</param>
/// <param name="asLines">Whether results are written as lines of a stream, or as parts of a JSON array.</param>
/// <param name="stopped">Stops the map.</param>
internal sealed class ChunkComputation(
    CpuOperation operation, MapOptions options, int maxDepth, ProblemDescriber describer, bool asLines, CancellationToken stopped)
{
    /// <summary>The size at which a chunk ends.</summary>
    private const int MaxChunkBytes = 512 * 1024;

    /// <summary>The approximate bytes of a problem without its detail.</summary>
    private const int BytesOfProblem = 800;

    private int _failed;

    /// <summary>Computes at least one item, until the chunk is full, an item ends the map, or the turn is over.</summary>
    /// <param name="block">The items.</param>
    /// <param name="chunk">The empty chunk.</param>
    /// <param name="count">The maximum number of items.</param>
    /// <param name="turn">The turn of the thread.</param>
    public void Run(ItemBlock block, Chunk chunk, int count, CpuTurn turn)
    {
        using var writer = new Utf8JsonWriter(chunk.Output, new JsonWriterOptions { Encoder = CoreJson.Options.Encoder, MaxDepth = CoreJson.MaxDepth, SkipValidation = true });
        while (chunk.Count < count && chunk.Fatal is null)
        {
            if (chunk.Count > 0 && (turn.IsOver || chunk.Size >= MaxChunkBytes))
            {
                break;
            }

            stopped.ThrowIfCancellationRequested();
            var index = chunk.From + chunk.Count;
            var start = chunk.Output.Length;
            try
            {
                ComputeItem(block, index, chunk, writer);
            }
            catch (Exception exception) when (!stopped.IsCancellationRequested)
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
            reduced.Add(operation.IsNumeric ? operation.ComputeNumber(block[index], options.Shape, maxDepth, stopped) : ComputeAny(block[index]));
            return;
        }

        if (asLines)
        {
            WriteIndex(chunk.Output, index, "result"u8);
            writer.Reset();
            operation.Compute(block[index], options.Shape, maxDepth, writer, stopped);
            chunk.Output.Write("}\n"u8);
        }
        else
        {
            chunk.Output.Write(chunk.Count == 0 ? ""u8 : ","u8);
            writer.Reset();
            operation.Compute(block[index], options.Shape, maxDepth, writer, stopped);
        }
    }

    /// <summary>Computes and discards a result that is not a number, to count it.</summary>
    private Number ComputeAny(ReadOnlySpan<byte> item)
    {
        using var writer = new Utf8JsonWriter(Stream.Null);
        operation.Compute(item, options.Shape, maxDepth, writer, stopped);
        return 0L;
    }

    /// <summary>Records that an item failed, and whether that ends the map.</summary>
    private void Fail(ItemBlock block, long index, Chunk chunk, Exception exception)
    {
        var problem = block.Describe(exception, index, describer);
        chunk.Failed++;
        if (options.ReturnExceptions != true || Interlocked.Increment(ref _failed) > (options.MaxFailures ?? int.MaxValue))
        {
            chunk.Fatal = problem with { Index = index };
        }
        else if (asLines)
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
}
