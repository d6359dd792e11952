using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace FunctionsApp.Core.Json;

/// <summary>What separates the items of a text.</summary>
internal enum ItemSeparator
{
    /// <summary>The commas of a JSON array, up to its closing bracket.</summary>
    Comma,

    /// <summary>The ends of lines, up to the end of the text. Blank lines are no items.</summary>
    Newline,
}

/// <summary>
/// Splits a text into items, 64 bytes at a time, without reading them: whoever computes an item also checks that it is JSON.
/// If each item is one JSON value, so is the array, whatever else the text holds.
/// </summary>
internal ref struct ItemSplitter
{
    private const int BlockBytes = 64;

    private readonly ReadOnlySpan<byte> _text;
    private readonly ItemSeparator _separator;
    private int _block;
    private int _item;
    private bool _isEscaped;
    private bool _isInString;
    private bool _hasText;
    private int _depth;

    /// <param name="text">The text.</param>
    /// <param name="start">Where an item starts; for an array, also the position after its opening bracket.</param>
    /// <param name="separator">What ends an item.</param>
    public ItemSplitter(ReadOnlySpan<byte> text, int start, ItemSeparator separator)
    {
        _text = text;
        (_separator, _item, _block) = (separator, start, start - BlockBytes);
    }

    /// <summary>The separators in the current block that have not been passed: a bit for each, the lowest for the first byte.</summary>
    public ulong Separators { get; private set; }

    /// <summary>Where the current block starts.</summary>
    public readonly int Block => _block;

    /// <summary>The deepest nesting of arrays and objects so far, in the items.</summary>
    public int Depth { get; private set; }

    /// <summary>Whether the last block ended the array, or the text.</summary>
    public bool IsOver { get; private set; }

    /// <summary>Takes the next item.</summary>
    /// <returns>Where it is, without white space around it.</returns>
    public Range Next()
    {
        while (Separators == 0)
        {
            NextBlock();
        }

        var (start, end) = (_item, _block + BitOperations.TrailingZeroCount(Separators));
        Separators &= Separators - 1;
        _item = end + 1;
        while (start < end && IsWhite(_text[start]))
        {
            start++;
        }

        while (end > start && IsWhite(_text[end - 1]))
        {
            end--;
        }

        return start..end;
    }

    /// <summary>Passes a number of items.</summary>
    public void Skip(int items)
    {
        for (; items > 0; items--)
        {
            Next();
        }
    }

    /// <summary>Finds the separators of the next block.</summary>
    /// <exception cref="InvalidOperationException">There is none.</exception>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void NextBlock()
    {
        if (IsOver)
        {
            throw new InvalidOperationException("The text has no more items.");
        }

        _block += BlockBytes;
        Vector512<byte> block;
        if (_block <= _text.Length - BlockBytes)
        {
            block = Vector512.LoadUnsafe(ref MemoryMarshal.GetReference(_text), (nuint)_block);
        }
        else
        {
            Span<byte> last = stackalloc byte[BlockBytes];
            last.Clear();
            _text[_block..].CopyTo(last);
            block = Vector512.Create<byte>(last);
            IsOver = true;
        }

        Separators = _separator == ItemSeparator.Newline ? FindNewlines(block) : FindCommas(block);
    }

    private static bool IsWhite(byte value) => value is (byte)' ' or (byte)'\n' or (byte)'\r' or (byte)'\t';

    private static ulong Find(Vector512<byte> block, char value) => Vector512.Equals(block, Vector512.Create((byte)value)).ExtractMostSignificantBits();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private ulong FindNewlines(Vector512<byte> block)
    {
        var newlines = Find(block, '\n');
        var white = newlines | Find(block, ' ') | Find(block, '\t') | Find(block, '\r');
        if (IsOver)
        {
            // The last line needs no end of its own.
            var after = 1UL << (_text.Length - _block);
            newlines |= after;
            white |= ~(after - 1);
        }

        if (white == newlines && (newlines & ((newlines << 1) | (_hasText ? 0UL : 1UL))) == 0)
        {
            _hasText = newlines >> (BlockBytes - 1) == 0;
            return newlines;
        }

        var (separators, text) = (0UL, ~white);
        for (; newlines != 0; newlines &= newlines - 1)
        {
            var newline = newlines & (~newlines + 1);
            separators |= _hasText || (text & (newline - 1)) != 0 ? newline : 0;
            text &= ~(newline - 1);
            _hasText = false;
        }

        _hasText |= text != 0;
        return separators;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private ulong FindCommas(Vector512<byte> block)
    {
        var commas = Find(block, ',');

        // Sets a bit that the two kinds of brackets do not have in common; nothing else becomes one of them.
        var curly = block | Vector512.Create((byte)0x20);
        var opens = Find(curly, '{');
        var closes = Find(curly, '}');
        var quotes = Find(block, '"');
        var backslashes = Find(block, '\\');
        if (_isInString || _isEscaped || (quotes | backslashes) != 0)
        {
            var outside = ~FindStrings(quotes, backslashes);
            (commas, opens, closes) = (commas & outside, opens & outside, closes & outside);
        }

        return (opens | closes) == 0 ? (_depth == 0 ? commas : 0) : FindOuter(commas, opens, closes);
    }

    /// <summary>Finds the bytes in strings, from the opening quote to the byte before the closing one.</summary>
    private ulong FindStrings(ulong quotes, ulong backslashes)
    {
        var escaped = _isEscaped ? 1UL : 0;
        backslashes &= ~escaped;
        _isEscaped = false;
        while (backslashes != 0)
        {
            // A backslash escapes the next byte, which is not an escape then.
            var next = (backslashes & (~backslashes + 1)) << 1;
            escaped |= next;
            _isEscaped = next == 0;
            backslashes &= ~next & (backslashes - 1);
        }

        // Each byte has as many quotes before it as there are bits below it: an odd number means that it is in a string.
        var strings = quotes & ~escaped;
        strings ^= strings << 1;
        strings ^= strings << 2;
        strings ^= strings << 4;
        strings ^= strings << 8;
        strings ^= strings << 16;
        strings ^= strings << 32;
        strings ^= _isInString ? ulong.MaxValue : 0;
        _isInString = strings >> (BlockBytes - 1) != 0;
        return strings;
    }

    /// <summary>Finds the commas outside all brackets, and the bracket that closes the array.</summary>
    private ulong FindOuter(ulong commas, ulong opens, ulong closes)
    {
        var separators = 0UL;
        for (var structure = commas | opens | closes; structure != 0; structure &= structure - 1)
        {
            var bit = structure & (~structure + 1);
            if ((bit & opens) != 0)
            {
                Depth = Math.Max(Depth, ++_depth);
            }
            else if ((bit & closes) != 0)
            {
                if (_depth-- == 0)
                {
                    IsOver = true;
                    return separators | bit;
                }
            }
            else if (_depth == 0)
            {
                separators |= bit;
            }
        }

        return separators;
    }
}
