using System.Buffers;
using System.Text.Json;
using FunctionsApp.Core.Json;
using FunctionsApp.Core.Problems;

namespace FunctionsApp.Core.Patterns.Map;

/// <summary>Consecutive items of a map, in the text of the request.</summary>
/// <param name="first">Index of the first item.</param>
/// <param name="count">How many items there are.</param>
internal abstract class ItemBlock(long first, int count)
{
    /// <summary>How many items there are.</summary>
    public int Count => count;

    /// <summary>Index of the first item.</summary>
    public long First => first;

    /// <summary>Index of the item after the last.</summary>
    public long End => first + count;

    /// <summary>How many items are computed. The job maintains this count.</summary>
    public int Computed { get; set; }

    /// <summary>The bytes that the block holds.</summary>
    public abstract int Size { get; }

    /// <summary>The text of an item.</summary>
    /// <exception cref="ProblemException">The item is too long.</exception>
    /// <exception cref="MalformedJsonException">The item is not UTF-8.</exception>
    public abstract ReadOnlySpan<byte> this[long index] { get; }

    /// <summary>Describes an item that failed, with pointers relative to the client's request.</summary>
    public abstract Problem Describe(Exception exception, long index, ProblemDescriber describer);

    /// <summary>Releases the memory, which must not be read afterwards.</summary>
    public virtual void Release()
    {
    }
}

/// <summary>The items of a JSON request.</summary>
internal sealed class JsonBlock(JsonItems items) : ItemBlock(0, items.Count)
{
    public override int Size => items.Size;

    public override ReadOnlySpan<byte> this[long index] => items[(int)index];

    public override Problem Describe(Exception exception, long index, ProblemDescriber describer) =>
        describer.Describe(exception).Below(JsonPointer.Append("/items", (int)index));
}

/// <summary>Lines of NDJSON (https://github.com/ndjson/ndjson-spec), each an item.</summary>
internal sealed class LineBlock : ItemBlock
{
    /// <summary>The maximum length of a text that is a rented array: the pool would keep larger arrays for long.</summary>
    public const int MaxRentedBytes = 64 * 1024;

    private readonly byte[] _text;
    private readonly (int Start, int End)[] _bounds;
    private readonly long _firstLine;

    /// <param name="text">A rented array, which the block returns; a longer text is an array of its own.</param>
    /// <param name="bounds">The items' bounds in the text; also a rented array.</param>
    /// <param name="count">How many items there are.</param>
    /// <param name="first">Index of the first item.</param>
    /// <param name="firstLine">Number of the line that the text starts with.</param>
    public LineBlock(byte[] text, (int Start, int End)[] bounds, int count, long first, long firstLine)
        : base(first, count) => (_text, _bounds, _firstLine) = (text, bounds, firstLine);

    public override int Size => _text.Length + (8 * _bounds.Length);

    public override ReadOnlySpan<byte> this[long index]
    {
        get
        {
            var (start, end) = _bounds[index - First];
            var item = _text.AsSpan(start, end - start);
            try
            {
                RequestReader.EnsureUtf8(item);
                return item;
            }
            catch (JsonException exception)
            {
                throw new MalformedJsonException(exception);
            }
        }
    }

    public override Problem Describe(Exception exception, long index, ProblemDescriber describer)
    {
        var line = _firstLine + _text.AsSpan(0, _bounds[index - First].Start).Count((byte)'\n');
        if (exception is MalformedJsonException malformed)
        {
            return RequestReader.Malformed(malformed.Cause, line);
        }

        var problem = describer.Describe(exception);
        return (problem.Errors is { } errors ? Problem.InvalidRequest(errors, $"Line {line}") : problem) with { Line = line };
    }

    public override void Release()
    {
        if (_text.Length <= MaxRentedBytes)
        {
            ArrayPool<byte>.Shared.Return(_text);
        }

        ArrayPool<(int Start, int End)>.Shared.Return(_bounds);
    }
}

/// <summary>A line that is too long to keep.</summary>
internal sealed class LongLine(long index, Problem problem) : ItemBlock(index, count: 1)
{
    public override int Size => 0;

    public override ReadOnlySpan<byte> this[long index] => throw new ProblemException(problem);

    public override Problem Describe(Exception exception, long index, ProblemDescriber describer) => problem;
}
