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

    /// <summary>Reads a request all of whose values may point into its text.</summary>
    /// <param name="text">The text that <paramref name="contract"/> reads, from its first byte on.</param>
    /// <param name="contract">Reads it.</param>
    /// <param name="maxDepth">How deep arrays and objects may nest in it.</param>
    public static T Read<T>(ReadOnlyMemory<byte> text, JsonContract<T> contract, int maxDepth)
    {
        _current = text;
        try
        {
            return contract.Read(text.Span, "", maxDepth);
        }
        finally
        {
            _current = default;
        }
    }

    /// <summary>The text of the value that starts at the current token, of which the reader reads to the end.</summary>
    public static ReadOnlyMemory<byte> ReadValue(ref Utf8JsonReader reader)
    {
        if (_current.IsEmpty)
        {
            return RawJson.From(JsonElement.ParseValue(ref reader)).Utf8;
        }

        var start = (int)reader.TokenStartIndex;
        reader.Skip();
        return _current[start..(int)reader.BytesConsumed];
    }

    /// <summary>The elements of the array that starts at the current token, of which the reader reads to the end.</summary>
    public static JsonItems ReadItems(ref Utf8JsonReader reader)
    {
        if (!_current.IsEmpty)
        {
            return new JsonItems(_current, ref reader);
        }

        var text = ReadValue(ref reader);
        var own = new Utf8JsonReader(text.Span, new JsonReaderOptions { MaxDepth = CoreJson.MaxDepth });
        own.Read();
        return new JsonItems(text, ref own);
    }
}
