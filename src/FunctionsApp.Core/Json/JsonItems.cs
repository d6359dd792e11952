using System.Text.Json;
using System.Text.Json.Serialization;

namespace FunctionsApp.Core.Json;

/// <summary>The elements of one JSON array, as they stand in the text that they came in: a million cost no million objects.</summary>
[JsonConverter(typeof(JsonItemsConverter))]
public readonly struct JsonItems
{
    private readonly ReadOnlyMemory<byte> _text;
    private readonly List<(int Start, int End)>? _bounds;

    /// <summary>Finds the elements of the array that starts at the reader's token.</summary>
    /// <param name="text">All that <paramref name="reader"/> reads; it is not copied.</param>
    /// <param name="reader">Reads the array to its end.</param>
    internal JsonItems(ReadOnlyMemory<byte> text, ref Utf8JsonReader reader)
    {
        _text = text;
        _bounds = [];
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            var start = (int)reader.TokenStartIndex;
            reader.Skip();
            _bounds.Add((start, (int)reader.BytesConsumed));
        }
    }

    /// <summary>How many there are.</summary>
    public int Count => _bounds?.Count ?? 0;

    /// <summary>The text of one of them.</summary>
    /// <param name="index">From 0.</param>
    public ReadOnlySpan<byte> this[int index]
    {
        get
        {
            var (start, end) = _bounds![index];
            return _text.Span[start..end];
        }
    }

    /// <summary>How many bytes of text there are, those around the elements included.</summary>
    internal int Size => _text.Length;
}

/// <summary>Reads <see cref="JsonItems"/>.</summary>
internal sealed class JsonItemsConverter : JsonConverter<JsonItems>
{
    public override JsonItems Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        SourceText.ReadItems(ref reader);

    public override void Write(Utf8JsonWriter writer, JsonItems value, JsonSerializerOptions options)
    {
        writer.WriteStartArray();
        for (var i = 0; i < value.Count; i++)
        {
            writer.WriteRawValue(value[i], skipInputValidation: true);
        }

        writer.WriteEndArray();
    }
}
