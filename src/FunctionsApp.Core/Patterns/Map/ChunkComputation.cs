using System.Buffers;
using FunctionsApp.Core.Cpu;
using FunctionsApp.Core.Json;
using FunctionsApp.Core.Problems;

namespace FunctionsApp.Core.Patterns.Map;

/// <summary>Computes the items of a map's chunks, and writes each result or error into its chunk.</summary>
/// <param name="function">What to compute.</param>
/// <param name="writer">Writes the results.</param>
/// <param name="describer">Describes failures.</param>
internal sealed class ChunkComputation(ItemFunction function, ResultWriter writer, ProblemDescriber describer)
{
    /// <summary>The size at which a chunk ends: one more result of the usual size still fits an array of 64 KiB.</summary>
    private const int MaxChunkBytes = 60 * 1024;

    private readonly bool _isStarmap = writer.Options.Starmap == true;

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
                writer.Fail(items.Locate(index, bounds.Start.Value).Of(describer.Describe(exception, function.Name)), index, chunk);
            }

            chunk.Count++;
        }
    }

    private void ComputeItem(ReadOnlySpan<byte> item, long index, ChunkResults chunk, CancellationToken stopped)
    {
        if (chunk.Reduced is { } reduced)
        {
            reduced.Add(function.MayBeNumeric
                ? function.ComputeNumber(item, _isStarmap, stopped)
                : ComputeAny(item, chunk.Output, stopped));
        }
        else if (writer.AsLines)
        {
            ResultWriter.BeginLine(chunk.Output, index, "\"result\":"u8);
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
}
