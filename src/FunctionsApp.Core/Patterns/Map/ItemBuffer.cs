using System.Buffers;
using System.Text.Unicode;
using FunctionsApp.Core.Json;
using FunctionsApp.Core.Problems;

namespace FunctionsApp.Core.Patterns.Map;

/// <summary>Consecutive items of a map, in the text of the request.</summary>
/// <param name="first">Index of the first item.</param>
/// <param name="text">The text that holds the items.</param>
/// <param name="index">Where the items are in the text.</param>
internal abstract class ItemBuffer(long first, ReadOnlyMemory<byte> text, ItemIndex index)
{
    /// <summary>How many items there are.</summary>
    public int Count => index.Count;

    /// <summary>Index of the first item.</summary>
    public long First => first;

    /// <summary>Index of the item after the last.</summary>
    public long End => first + index.Count;

    /// <summary>How many items are computed. The queue of the job maintains this count.</summary>
    public int Computed { get; set; }

    /// <summary>The text that holds the items.</summary>
    public ReadOnlyMemory<byte> Text => text;

    /// <summary>The bytes that the buffer holds.</summary>
    public virtual int Size => text.Length;

    /// <summary>Whether <see cref="Check"/> must be called for each item.</summary>
    public virtual bool NeedsCheck => false;

    /// <summary>Returns where an item starts.</summary>
    /// <param name="item">Index of the item.</param>
    public int Find(long item)
    {
        var (at, between) = index.Find((int)(item - first));
        for (; between > 0; between--)
        {
            Next(text.Span, ref at);
        }

        return at;
    }

    /// <summary>Returns an item without white space around it.</summary>
    /// <param name="text">The text of the buffer.</param>
    /// <param name="at">Where the item starts. Becomes where the next item starts.</param>
    public abstract Range Next(ReadOnlySpan<byte> text, ref int at);

    /// <summary>Checks what the operation does not: see <see cref="NeedsCheck"/>.</summary>
    /// <exception cref="ProblemException">The item is too long, or not UTF-8.</exception>
    public virtual void Check(ReadOnlySpan<byte> item)
    {
    }

    /// <summary>Returns the place of an item in the client's request.</summary>
    /// <param name="index">Index of the item.</param>
    /// <param name="start">Where the item starts in the text.</param>
    public abstract ItemPlace Locate(long index, int start);

    /// <summary>Returns the text of an item, to be read after <see cref="Release"/>.</summary>
    public abstract ReadOnlyMemory<byte> Keep(Range item);

    /// <summary>Releases the memory, which must not be read afterwards.</summary>
    public virtual void Release()
    {
    }
}

/// <summary>The items of a JSON request.</summary>
internal sealed class JsonBuffer(JsonItems items) : ItemBuffer(0, items.Text, items.Index)
{
    public override Range Next(ReadOnlySpan<byte> text, ref int at) => JsonItems.Next(text, ref at);

    public override ItemPlace Locate(long index, int start) => new(Line: null, (int)index);

    // The request holds the text to its end.
    public override ReadOnlyMemory<byte> Keep(Range item) => Text[item];
}

/// <summary>The place of an item in the client's request.</summary>
/// <param name="Line">The number of its line; null in a JSON request.</param>
/// <param name="At">Its first byte in the line; its index in a JSON request.</param>
internal readonly record struct ItemPlace(long? Line, int At)
{
    /// <summary>Returns a problem of the item with the place.</summary>
    /// <param name="problem">The problem, with pointers that start at the item.</param>
    public Problem Of(Problem problem)
    {
        if (Line is not { } line)
        {
            return problem.Below(JsonPointer.Append("/items", At));
        }

        problem = problem.Within(line, firstByte: At);
        return problem.Position is not null ? problem
            : (problem.Errors is { } errors ? Problem.InvalidRequest(errors, $"Line {line}") : problem) with { Line = line };
    }
}

/// <summary>Lines of NDJSON (https://github.com/ndjson/ndjson-spec), each an item. Blank lines are no items.</summary>
/// <param name="array">A rented array, which the buffer returns; a longer text is an array of its own.</param>
/// <param name="length">The length of the text in the array.</param>
/// <param name="first">Index of the first item.</param>
/// <param name="firstLine">Number of the line that the text starts with.</param>
/// <param name="flaw">The problem of the only line, if that was too long to keep.</param>
internal sealed class LineBuffer(byte[] array, int length, long first, long firstLine, Problem? flaw = null)
    : ItemBuffer(first, array.AsMemory(0, length), IndexOf(array.AsSpan(0, length)))
{
    /// <summary>The maximum length of a text that is a rented array: the pool would keep larger arrays for long.</summary>
    public const int MaxRentedBytes = 64 * 1024;

    public override int Size => array.Length;

    public override bool NeedsCheck { get; } = flaw is not null || !Utf8.IsValid(array.AsSpan(0, length));

    public override Range Next(ReadOnlySpan<byte> text, ref int at) => NextLine(text, ref at);

    public override void Check(ReadOnlySpan<byte> item)
    {
        if (flaw is not null)
        {
            throw new ProblemException(flaw);
        }

        JsonErrors.EnsureUtf8(item);
    }

    public override ItemPlace Locate(long index, int start)
    {
        var before = Text.Span[..start];
        return new(firstLine + before.Count((byte)'\n'), start - (before.LastIndexOf((byte)'\n') + 1));
    }

    public override ReadOnlyMemory<byte> Keep(Range item) => Text[item].ToArray();

    public override void Release()
    {
        if (array.Length <= MaxRentedBytes)
        {
            ArrayPool<byte>.Shared.Return(array);
        }
    }

    private static ItemIndex IndexOf(ReadOnlySpan<byte> text)
    {
        var index = new ItemIndex();
        for (var at = 0; at < text.Length;)
        {
            var start = at;
            at = Math.Min(EndOfLine(text, at) + 1, text.Length);
            if (text[start] > ' ' || text[start..at].ContainsAnyExcept(" \t\r\n"u8))
            {
                index.Add(start);
            }
        }

        return index;
    }

    /// <summary>Returns the next line that is not blank, without white space around it; an empty one if there is none.</summary>
    private static Range NextLine(ReadOnlySpan<byte> text, ref int at)
    {
        while (at < text.Length)
        {
            var (start, end) = (at, EndOfLine(text, at));
            at = end + 1;
            var item = JsonItems.Trim(text, start, end);
            if (item.Start.Value < item.End.Value)
            {
                return item;
            }
        }

        return default;
    }

    /// <summary>Finds the end of a line: its line feed, or the end of the text.</summary>
    private static int EndOfLine(ReadOnlySpan<byte> text, int start)
    {
        // Most lines are shorter than a vector search takes.
        var near = Math.Min(start + 16, text.Length);
        for (var at = start; at < near; at++)
        {
            if (text[at] == '\n')
            {
                return at;
            }
        }

        var length = text[near..].IndexOf((byte)'\n');
        return length < 0 ? text.Length : near + length;
    }
}
