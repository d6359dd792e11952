using System.Text.Json;

namespace FunctionsApp.Core.Json;

/// <summary>
/// The text that this thread is reading. The framework hands a converter tokens, but not the text that they stand in; with
/// it, a value that is only to be kept stays where it is, instead of becoming a document of its own.
/// </summary>
internal static class SourceText
{
    [ThreadStatic]
    private static ReadOnlyMemory<byte> _current;

    /// <summary>Where in the text the reader began that reads it now.</summary>
    [ThreadStatic]
    private static int _readFrom;

    [ThreadStatic]
    private static (int Start, List<(int Start, int End)>? Bounds, int End) _items;

    /// <summary>Whether a request is being read whose values may point into its text.</summary>
    public static bool IsOpen => !_current.IsEmpty;

    /// <summary>Lets the values that are read from now on, until the scope ends, point into a text.</summary>
    /// <param name="text">The text that is read, from its first byte on.</param>
    public static Scope Open(ReadOnlyMemory<byte> text)
    {
        var scope = new Scope(_current, _readFrom, _items);
        (_current, _readFrom, _items) = (text, 0, default);
        return scope;
    }

    /// <summary>Notes where the elements of an array are that has been checked.</summary>
    /// <param name="start">Where the array starts.</param>
    /// <param name="bounds">Where its elements start and end.</param>
    /// <param name="end">Where the array ends.</param>
    public static void Note(int start, List<(int Start, int End)> bounds, int end) => _items = (start, bounds, end);

    /// <summary>The text of the value that starts at the current token, of which the reader reads to the end.</summary>
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

    /// <summary>The elements of the array that starts at the current token, of which the reader reads to the end.</summary>
    public static JsonItems ReadItems(ref Utf8JsonReader reader)
    {
        if (_items.Bounds is { } bounds && _items.Start == _readFrom + (int)reader.TokenStartIndex)
        {
            // A million elements have been read once already: the reader goes on at the bracket that closes them.
            _readFrom = _items.End - 1;
            reader = new Utf8JsonReader(_current.Span[_readFrom..], isFinalBlock: true, reader.CurrentState);
            reader.Read();
            return new JsonItems(_current, bounds);
        }

        var text = ReadValue(ref reader);
        return new JsonItems(text, Find(text.Span));
    }

    /// <summary>Ends the reading of a text, and goes on with the one around it.</summary>
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
