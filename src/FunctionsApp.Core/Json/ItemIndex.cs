using System.Numerics;

namespace FunctionsApp.Core.Json;

/// <summary>
/// Where the items of a text are. Only every 64th position is kept: between two of them the items are found again, by whoever
/// reads them. So an index of a million items takes 64 KiB.
/// </summary>
internal sealed class ItemIndex
{
    private const int ItemsAMark = 64;

    private readonly ReadOnlyMemory<byte> _text;
    private readonly ItemSeparator _separator;
    private readonly List<int> _marks = [];

    private ItemIndex(ReadOnlyMemory<byte> text, ItemSeparator separator) => (_text, _separator) = (text, separator);

    /// <summary>How many items there are.</summary>
    public int Count { get; private set; }

    /// <summary>Where the text of the items ends: the position of an array's closing bracket.</summary>
    public int End { get; private set; }

    /// <summary>The text, with what surrounds the items.</summary>
    public ReadOnlySpan<byte> Text => _text.Span;

    /// <summary>Finds the elements of a JSON array, which may hold anything.</summary>
    /// <param name="text">The text that holds the array.</param>
    /// <param name="start">The position after its opening bracket.</param>
    /// <param name="maxDepth">How deep arrays and objects may nest in an element.</param>
    /// <returns>The elements; null if the array does not end, or nests too deep.</returns>
    public static ItemIndex? OfArray(ReadOnlyMemory<byte> text, int start, int maxDepth = int.MaxValue)
    {
        var index = new ItemIndex(text, ItemSeparator.Comma);
        if (!index.Find(start, maxDepth))
        {
            return null;
        }

        if (index.Count == 1 && !index.Text[start..index.End].ContainsAnyExcept(" \t\r\n"u8))
        {
            index.Count = 0;
        }

        return index;
    }

    /// <summary>Finds the lines of a text that are not blank.</summary>
    /// <param name="text">The text.</param>
    public static ItemIndex OfLines(ReadOnlyMemory<byte> text)
    {
        var index = new ItemIndex(text, ItemSeparator.Newline);
        if (!text.IsEmpty)
        {
            index.Find(start: 0, int.MaxValue);
        }

        return index;
    }

    /// <summary>Splits the text from an item on.</summary>
    /// <param name="item">The item's number, from 0.</param>
    public ItemSplitter From(int item)
    {
        var splitter = new ItemSplitter(Text, _marks[item / ItemsAMark], _separator);
        splitter.Skip(item % ItemsAMark);
        return splitter;
    }

    private bool Find(int start, int maxDepth)
    {
        _marks.Add(start);
        var splitter = new ItemSplitter(Text, start, _separator);
        while (!splitter.IsOver)
        {
            splitter.NextBlock();
            var separators = splitter.Separators;
            var count = BitOperations.PopCount(separators);
            var needed = ItemsAMark - (Count % ItemsAMark);
            if (count >= needed)
            {
                _marks.Add(splitter.Block + PositionOf(separators, needed) + 1);
            }

            Count += count;
            if (separators != 0)
            {
                End = splitter.Block + BitOperations.Log2(separators);
            }

            if (splitter.Depth > maxDepth)
            {
                return false;
            }
        }

        return Count > 0 && End < Text.Length && Text[End] is (byte)']' or (byte)'}';
    }

    /// <summary>Returns the position of a bit that is set, counted from 1.</summary>
    private static int PositionOf(ulong bits, int number)
    {
        for (; number > 1; number--)
        {
            bits &= bits - 1;
        }

        return BitOperations.TrailingZeroCount(bits);
    }
}
