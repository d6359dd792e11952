using System.Buffers;
using System.Text.Unicode;
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

    /// <summary>The text that holds the items.</summary>
    public abstract ReadOnlySpan<byte> Text { get; }

    /// <summary>Whether <see cref="Check"/> must be asked about each item.</summary>
    public virtual bool IsDoubtful => false;

    /// <summary>Returns the items from one on, as ranges of <see cref="Text"/>.</summary>
    public abstract ItemSplitter From(long index);

    /// <summary>Checks what the operation does not: see <see cref="IsDoubtful"/>.</summary>
    /// <exception cref="ProblemException">The item is too long, or not UTF-8.</exception>
    public virtual void Check(ReadOnlySpan<byte> item)
    {
    }

    /// <summary>Describes an item that failed, with pointers relative to the client's request.</summary>
    public abstract Problem Describe(Exception exception, long index, int start, ProblemDescriber describer);

    /// <summary>Releases the memory, which must not be read afterwards.</summary>
    public virtual void Release()
    {
    }
}

/// <summary>The items of a JSON request.</summary>
internal sealed class JsonBlock(JsonItems items) : ItemBlock(0, items.Count)
{
    public override int Size => items.Size;

    public override ReadOnlySpan<byte> Text => items.Text;

    public override ItemSplitter From(long index) => items.From((int)index);

    public override Problem Describe(Exception exception, long index, int start, ProblemDescriber describer) =>
        describer.Describe(exception).Below(JsonPointer.Append("/items", (int)index));
}

/// <summary>Lines of NDJSON (https://github.com/ndjson/ndjson-spec), each an item.</summary>
internal sealed class LineBlock : ItemBlock
{
    /// <summary>The maximum length of a text that is a rented array: the pool would keep larger arrays for long.</summary>
    public const int MaxRentedBytes = 64 * 1024;

    private readonly byte[] _text;
    private readonly ItemIndex _items;
    private readonly long _firstLine;

    /// <param name="text">A rented array, which the block returns; a longer text is an array of its own.</param>
    /// <param name="items">The lines that are not blank.</param>
    /// <param name="first">Index of the first item.</param>
    /// <param name="firstLine">Number of the line that the text starts with.</param>
    public LineBlock(byte[] text, ItemIndex items, long first, long firstLine)
        : base(first, items.Count)
    {
        (_text, _items, _firstLine) = (text, items, firstLine);
        IsDoubtful = !Utf8.IsValid(items.Text);
    }

    public override int Size => _text.Length;

    public override ReadOnlySpan<byte> Text => _items.Text;

    public override bool IsDoubtful { get; }

    public override ItemSplitter From(long index) => _items.From((int)(index - First));

    public override void Check(ReadOnlySpan<byte> item) => JsonFault.EnsureUtf8(item);

    public override Problem Describe(Exception exception, long index, int start, ProblemDescriber describer)
    {
        var before = Text[..start];
        var line = _firstLine + before.Count((byte)'\n');
        var problem = describer.Describe(exception).Within(line, firstByte: start - (before.LastIndexOf((byte)'\n') + 1));
        return problem.Position is not null ? problem
            : (problem.Errors is { } errors ? Problem.InvalidRequest(errors, $"Line {line}") : problem) with { Line = line };
    }

    public override void Release()
    {
        if (_text.Length <= MaxRentedBytes)
        {
            ArrayPool<byte>.Shared.Return(_text);
        }
    }
}

/// <summary>A line that is too long to keep.</summary>
internal sealed class LongLine(long index, Problem problem) : ItemBlock(index, count: 1)
{
    public override int Size => 0;

    public override ReadOnlySpan<byte> Text => "-"u8;

    public override bool IsDoubtful => true;

    public override ItemSplitter From(long index) => new(Text, start: 0, ItemSeparator.Newline);

    public override void Check(ReadOnlySpan<byte> item) => throw new ProblemException(problem);

    public override Problem Describe(Exception exception, long index, int start, ProblemDescriber describer) => problem;
}
