using System.Buffers;
using System.Buffers.Text;
using System.Text.Json;
using FunctionsApp.Core.Cpu;
using FunctionsApp.Core.Json;
using FunctionsApp.Core.Problems;

namespace FunctionsApp.Core.Patterns.Map;

/// <summary>Computes the items of a map's chunks, and writes each result or error into its chunk.</summary>
/// <param name="function">What to compute.</param>
/// <param name="options">How to compute the items.</param>
/// <param name="describer">Describes failures.</param>
/// <param name="asLines">Whether results are written as lines of a stream, or as parts of a JSON array.</param>
internal sealed class ChunkComputation(ItemFunction function, MapOptions options, ProblemDescriber describer, bool asLines)
{
    /// <summary>The size at which a chunk ends: one more result of the usual size still fits an array of 64 KiB.</summary>
    private const int MaxChunkBytes = 60 * 1024;

    /// <summary>The approximate bytes of a problem without its detail.</summary>
    private const int BytesOfProblem = 800;

    private readonly bool _isStarmap = options.Starmap == true;
    private int _failed;

    /// <summary>How to compute the items.</summary>
    public MapOptions Options => options;

    /// <summary>Whether results are written as lines of a stream.</summary>
    public bool AsLines => asLines;

    /// <summary>Computes at least one item, until the chunk is full, an item ends the map, or the turn is over.</summary>
    /// <param name="items">The items.</param>
    /// <param name="chunk">The empty chunk.</param>
    /// <param name="count">The maximum number of items.</param>
    /// <param name="turn">The turn of the thread.</param>
    /// <param name="stopped">Stops the map.</param>
    public void Compute(ItemBuffer items, ChunkResults chunk, int count, CpuTurn turn, CancellationToken stopped)
    {
        var text = items.Text.Span;
        var at = items.Find(chunk.From);
        var needsCheck = items.NeedsCheck;
        while (chunk.Count < count && chunk.Fatal is null)
        {
            if (chunk.Count > 0 && (turn.IsOver || chunk.Size >= MaxChunkBytes))
            {
                break;
            }

            stopped.ThrowIfCancellationRequested();
            var index = chunk.From + chunk.Count;
            var bounds = items.Next(text, ref at);
            chunk.Output.Begin();
            try
            {
                var item = text[bounds];
                if (needsCheck)
                {
                    items.Check(item);
                }

                ComputeItem(item, index, chunk, stopped);
            }
            catch (Exception exception) when (!stopped.IsCancellationRequested)
            {
                chunk.Output.Drop();
                Fail(items.Place(describer.Describe(exception, function.Name), index, bounds.Start.Value), index, chunk);
            }

            chunk.Count++;
        }
    }

    private void ComputeItem(ReadOnlySpan<byte> item, long index, ChunkResults chunk, CancellationToken stopped)
    {
        if (chunk.Reduced is { } reduced)
        {
            reduced.Add(function.IsNumeric ? function.ComputeNumber(item, _isStarmap, stopped) : ComputeAny(item, chunk.Output, stopped));
        }
        else if (asLines)
        {
            WriteIndex(chunk.Output, index, "\"result\":"u8);
            function.Compute(item, _isStarmap, chunk.Output, stopped);
            chunk.Output.Write("}\n"u8);
        }
        else
        {
            function.Compute(item, _isStarmap, chunk.Output, stopped);
        }
    }

    /// <summary>Computes and discards a result that is not a number, to count it.</summary>
    private Number ComputeAny(ReadOnlySpan<byte> item, ResultBuffer output, CancellationToken stopped)
    {
        function.Compute(item, _isStarmap, output, stopped);
        output.Drop();
        return 0L;
    }

    /// <summary>Records that an item failed, and whether that ends the map.</summary>
    private void Fail(Problem problem, long index, ChunkResults chunk)
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
