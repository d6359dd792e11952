using System.Buffers;
using System.Globalization;

namespace FunctionsApp.Core.Json;

/// <summary>A copy of a text with every integer as digits: the framework reads no integer that is written as 3.0 or 3e2.</summary>
/// <param name="text">The text.</param>
internal ref struct PlainIntegers(ReadOnlySpan<byte> text)
{
    private const int MaxCharacters = 40;

    private readonly ReadOnlySpan<byte> _text = text;
    private ArrayBufferWriter<byte>? _copy;
    private int _copied;

    /// <summary>Replaces an integer by its digits. Integers must come in the order of the text.</summary>
    /// <param name="start">Where the integer starts in the text.</param>
    /// <param name="length">Its length in the text.</param>
    /// <param name="integer">Its value.</param>
    public void Replace(int start, int length, Int128 integer)
    {
        _copy ??= new ArrayBufferWriter<byte>(_text.Length + MaxCharacters);
        _copy.Write(_text[_copied..start]);
        integer.TryFormat(_copy.GetSpan(MaxCharacters), out var written, default, CultureInfo.InvariantCulture);
        _copy.Advance(written);
        _copied = start + length;
    }

    /// <summary>Returns the copy; null if nothing was replaced.</summary>
    public ReadOnlyMemory<byte>? End()
    {
        _copy?.Write(_text[_copied..]);
        return _copy?.WrittenMemory;
    }
}
