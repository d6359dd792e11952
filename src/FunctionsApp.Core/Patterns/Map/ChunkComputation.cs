using System.Buffers;
using System.Buffers.Text;
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
        var text = block.Text;
        var items = block.From(chunk.From);
        while (chunk.Count < count && chunk.Fatal is null)
        {
            if (chunk.Count > 0 && (turn.IsOver || chunk.Size >= MaxChunkBytes))
            {
                break;
            }

            stopped.ThrowIfCancellationRequested();
            var index = chunk.From + chunk.Count;
            var bounds = items.Next();
            chunk.Output.Begin();
            try
            {
                var item = text[bounds];
                if (block.IsDoubtful)
                {
                    block.Check(item);
                }

                ComputeItem(item, index, chunk);
            }
            catch (Exception exception) when (!stopped.IsCancellationRequested)
            {
                chunk.Output.Drop();
                Fail(block.Describe(exception, index, bounds.Start.Value, describer), index, chunk);
            }

            chunk.Count++;
        }
    }

    private void ComputeItem(ReadOnlySpan<byte> item, long index, Chunk chunk)
    {
        if (chunk.Reduced is { } reduced)
        {
            reduced.Add(operation.IsNumeric ? operation.ComputeNumber(item, options.Shape, maxDepth, stopped) : ComputeAny(item, chunk.Output));
        }
        else if (asLines)
        {
            WriteIndex(chunk.Output, index, "\"result\":"u8);
            operation.Compute(item, options.Shape, maxDepth, chunk.Output, stopped);
            chunk.Output.Write("}\n"u8);
        }
        else
        {
            operation.Compute(item, options.Shape, maxDepth, chunk.Output, stopped);
        }
    }

    /// <summary>Computes and discards a result that is not a number, to count it.</summary>
    private Number ComputeAny(ReadOnlySpan<byte> item, ResultBuffer output)
    {
        operation.Compute(item, options.Shape, maxDepth, output, stopped);
        output.Drop();
        return 0L;
    }

    /// <summary>Records that an item failed, and whether that ends the map.</summary>
    private void Fail(Problem problem, long index, Chunk chunk)
    {
        chunk.Failed++;
        if (options.ReturnExceptions != true || Interlocked.Increment(ref _failed) > (options.MaxFailures ?? int.MaxValue))
        {
            chunk.Fatal = problem with { Index = index };
        }
        else if (asLines)
        {
            WriteIndex(chunk.Output, index, "\"error\":"u8);
            JsonSerializer.Serialize(chunk.Output.Json, problem, CoreJson.TypeInfo<Problem>());
            chunk.Output.Write("}\n"u8);
        }
        else
        {
            chunk.ErrorBytes += BytesOfProblem + (2 * problem.Detail.Length);
            chunk.Errors.Add(new MapError((int)index, problem));
            if (chunk.Reduced is null)
            {
                chunk.Output.Write("null"u8);
            }
        }
    }

    private static void WriteIndex(ResultBuffer output, long index, ReadOnlySpan<byte> name)
    {
        const int MaxDigits = 20;
        var start = "{\"index\":"u8;
        var line = output.GetSpan(start.Length + MaxDigits + 1 + name.Length);
        start.CopyTo(line);
        Utf8Formatter.TryFormat(index, line[start.Length..], out var digits);
        var end = start.Length + digits;
        line[end++] = (byte)',';
        name.CopyTo(line[end..]);
        output.Advance(end + name.Length);
    }
}
