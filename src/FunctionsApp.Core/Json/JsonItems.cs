using System.Text.Json;
using System.Text.Json.Serialization;

namespace FunctionsApp.Core.Json;

/// <summary>The elements of one JSON array, as they stand in the text that they came in: a million cost no million objects.</summary>
[JsonConverter(typeof(JsonItemsConverter))]
public readonly struct JsonItems : IJsonArray
{
    private readonly ReadOnlyMemory<byte> _text;
    private readonly List<(int Start, int End)>? _bounds;

    /// <summary>Keeps the places of the elements.</summary>
    /// <param name="text">The text that they stand in; it is not copied.</param>
    /// <param name="bounds">Where each starts and ends.</param>
    internal JsonItems(ReadOnlyMemory<byte> text, List<(int Start, int End)> bounds) => (_text, _bounds) = (text, bounds);

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
