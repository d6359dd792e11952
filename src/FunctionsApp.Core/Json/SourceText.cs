using System.Text.Json;

namespace FunctionsApp.Core.Json;

/// <summary>
/// The text that this thread is reading. The framework passes a converter tokens, but not their text. With the text, a value
/// that is only stored stays in it, instead of becoming a document of its own.
/// </summary>
internal static class SourceText
{
    [ThreadStatic]
    private static ReadOnlyMemory<byte> _current;

    /// <summary>Where in the text the current reader began.</summary>
    [ThreadStatic]
    private static int _readFrom;

    [ThreadStatic]
    private static (int Start, ItemIndex? Index) _items;

    /// <summary>Checks the whole text; null if it is checked while it is read.</summary>
    [ThreadStatic]
    private static Action? _check;

    /// <summary>Whether the thread reads a text that values may refer to.</summary>
    public static bool IsOpen => !_current.IsEmpty;

    /// <summary>Lets values refer to a text, from now until the scope ends.</summary>
    /// <param name="text">The text, from its first byte.</param>
    /// <param name="check">Checks the whole text, if its items are only split now; otherwise null.</param>
    public static Scope Open(ReadOnlyMemory<byte> text, Action? check = null)
    {
        var scope = new Scope(_current, _readFrom, _items, _check);
        (_current, _readFrom, _items, _check) = (text, 0, default, check);
        return scope;
    }

    /// <summary>Splits an array of the text, and keeps what it found for <see cref="ReadItems"/>.</summary>
    /// <param name="start">Where the array starts.</param>
    /// <param name="maxDepth">How deep arrays and objects may nest in an element.</param>
    /// <returns>Where the array ends; null if it does not end, or nests too deep.</returns>
    public static int? Split(int start, int maxDepth)
    {
        _items = (start, ItemIndex.OfArray(_current, start + 1, maxDepth));
        return _items.Index?.End;
    }

    /// <summary>Returns the text of the value that starts at the current token, and moves the reader to its end.</summary>
    public static ReadOnlyMemory<byte> ReadValue(ref Utf8JsonReader reader)
    {
        if (!IsOpen)
        {
            return RawJson.From(JsonElement.ParseValue(ref reader)).Utf8;
        }

        var start = _readFrom + (int)reader.TokenStartIndex;
        reader.Skip();
        return _current[start..(_readFrom + (int)reader.BytesConsumed)];
    }

    /// <summary>Returns the elements of the array that starts at the current token, and moves the reader to its end.</summary>
    public static JsonItems ReadItems(ref Utf8JsonReader reader)
    {
        if (_items.Index is { } index && _items.Start == _readFrom + (int)reader.TokenStartIndex)
        {
            // The elements, perhaps a million, are left to others: the reader continues at the closing bracket.
            _readFrom = index.End;
            reader = new Utf8JsonReader(_current.Span[_readFrom..], isFinalBlock: true, reader.CurrentState);
            reader.Read();
            return new JsonItems(index, _check);
        }

        return new JsonItems(ItemIndex.OfArray(ReadValue(ref reader), start: 1)!, check: null);
    }

    /// <summary>Ends the reading of a text, and restores the text around it.</summary>
    internal readonly ref struct Scope(ReadOnlyMemory<byte> text, int readFrom, (int Start, ItemIndex? Index) items, Action? check)
    {
        private readonly ReadOnlyMemory<byte> _text = text;
        private readonly (int Start, ItemIndex? Index) _items = items;

        public void Dispose() => (_current, _readFrom, SourceText._items, _check) = (_text, readFrom, _items, check);
    }
}
