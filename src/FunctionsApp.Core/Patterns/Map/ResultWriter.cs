using System.Buffers;
using System.Buffers.Text;
using System.Globalization;
using System.Text.Json;
using FunctionsApp.Core.Json;
using FunctionsApp.Core.Problems;

namespace FunctionsApp.Core.Patterns.Map;

/// <summary>Writes results and errors of items into their chunks, in the form of the response. Thread-safe.</summary>
/// <param name="options">The options of the map.</param>
/// <param name="asLines">Whether results are written as lines of a stream, or as parts of a JSON array.</param>
internal sealed class ResultWriter(MapOptions options, bool asLines)
{
    /// <summary>The approximate bytes of a problem without its detail.</summary>
    private const int BytesOfProblem = 800;

    private int _failed;

    /// <summary>The options of the map.</summary>
    public MapOptions Options => options;

    /// <summary>Whether results are written as lines of a stream.</summary>
    public bool AsLines => asLines;

    /// <summary>Writes the start of a line, up to the result or the error.</summary>
    /// <param name="output">The target.</param>
    /// <param name="index">Index of the item.</param>
    /// <param name="name">The name of what follows, with a colon.</param>
    public static void BeginLine(ResultBuffer output, long index, ReadOnlySpan<byte> name)
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

    /// <summary>Writes the result of the call of a chunk, which has one item.</summary>
    public void WriteCall(ReadOnlySpan<byte> result, ChunkResults chunk)
    {
        if (asLines)
        {
            BeginLine(chunk.Output, chunk.From, "\"result\":"u8);
            chunk.Output.Write(result);
            EndLine(chunk);
        }
        else
        {
            chunk.Output.Write(result);
        }
    }

    /// <summary>Records that an item failed, and whether that ends the map.</summary>
    /// <param name="problem">Why.</param>
    /// <param name="index">Index of the item.</param>
    /// <param name="chunk">Its chunk.</param>
    public void Fail(Problem problem, long index, ChunkResults chunk)
    {
        chunk.Failed++;
        if (options.ReturnExceptions != true || Interlocked.Increment(ref _failed) > (options.MaxFailures ?? int.MaxValue))
        {
            chunk.Fatal = problem with { Index = index };
        }
        else if (asLines)
        {
            BeginLine(chunk.Output, index, "\"error\":"u8);
            JsonSerializer.Serialize(chunk.Output.Json, problem, CoreJson.TypeInfo<Problem>());
            EndLine(chunk);
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

    /// <summary>Ends a line, that of a call with its times.</summary>
    private void EndLine(ChunkResults chunk)
    {
        if (options.Timeline == true && chunk.IsCall)
        {
            chunk.Output.Write(System.Text.Encoding.ASCII.GetBytes(string.Create(
                CultureInfo.InvariantCulture, $",\"startedMs\":{chunk.StartedMs},\"finishedMs\":{chunk.FinishedMs}")));
        }

        chunk.Output.Write("}\n"u8);
    }
}
