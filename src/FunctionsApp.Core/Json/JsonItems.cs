using System.Text.Json;
using System.Text.Json.Serialization;

namespace FunctionsApp.Core.Json;

/// <summary>The elements of one JSON array, as ranges of the text that they came in: a million elements need no million objects.</summary>
[JsonConverter(typeof(JsonItemsConverter))]
public readonly struct JsonItems : IJsonArray
{
    private readonly ReadOnlyMemory<byte> _text;
    private readonly List<(int Start, int End)>? _bounds;

    /// <summary>Stores the ranges of the elements.</summary>
    /// <param name="text">The text that contains them; it is not copied.</param>
    /// <param name="bounds">Where each element starts and ends.</param>
    internal JsonItems(ReadOnlyMemory<byte> text, List<(int Start, int End)> bounds) => (_text, _bounds) = (text, bounds);

    /// <summary>The number of elements.</summary>
    public int Count => _bounds?.Count ?? 0;

    /// <summary>The text of one element.</summary>
    /// <param name="index">From 0.</param>
    public ReadOnlySpan<byte> this[int index]
    {
        get
        {
            var (start, end) = _bounds![index];
            return _text.Span[start..end];
        }
    }

    /// <summary>The size of the text in bytes, including what surrounds the elements.</summary>
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
