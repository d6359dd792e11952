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
    private static (int Start, List<(int Start, int End)>? Bounds, int End) _items;

    /// <summary>Whether the thread reads a text that values may refer to.</summary>
    public static bool IsOpen => !_current.IsEmpty;

    /// <summary>Lets values refer to a text, from now until the scope ends.</summary>
    /// <param name="text">The text, from its first byte.</param>
    public static Scope Open(ReadOnlyMemory<byte> text)
    {
        var scope = new Scope(_current, _readFrom, _items);
        (_current, _readFrom, _items) = (text, 0, default);
        return scope;
    }

    /// <summary>Records where the elements of a checked array are.</summary>
    /// <param name="start">Where the array starts.</param>
    /// <param name="bounds">Where its elements start and end.</param>
    /// <param name="end">Where the array ends.</param>
    public static void Note(int start, List<(int Start, int End)> bounds, int end) => _items = (start, bounds, end);

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
        if (_items.Bounds is { } bounds && _items.Start == _readFrom + (int)reader.TokenStartIndex)
        {
            // The elements, perhaps a million, have been read once already: the reader continues at the closing bracket.
            _readFrom = _items.End - 1;
            reader = new Utf8JsonReader(_current.Span[_readFrom..], isFinalBlock: true, reader.CurrentState);
            reader.Read();
            return new JsonItems(_current, bounds);
        }

        var text = ReadValue(ref reader);
        return new JsonItems(text, Find(text.Span));
    }

    /// <summary>Ends the reading of a text, and restores the text around it.</summary>
    internal readonly ref struct Scope(ReadOnlyMemory<byte> text, int readFrom, (int Start, List<(int Start, int End)>? Bounds, int End) items)
    {
        private readonly ReadOnlyMemory<byte> _text = text;
        private readonly (int Start, List<(int Start, int End)>? Bounds, int End) _items = items;

        public void Dispose() => (_current, _readFrom, SourceText._items) = (_text, readFrom, _items);
    }

    private static List<(int Start, int End)> Find(ReadOnlySpan<byte> array)
    {
        var bounds = new List<(int Start, int End)>();
        var reader = new Utf8JsonReader(array, new JsonReaderOptions { MaxDepth = CoreJson.MaxDepth });
        reader.Read();
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            var start = (int)reader.TokenStartIndex;
            reader.Skip();
            bounds.Add((start, (int)reader.BytesConsumed));
        }

        return bounds;
    }
}
