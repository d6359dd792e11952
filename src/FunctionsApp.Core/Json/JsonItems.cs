using System.Text.Json;
using System.Text.Json.Serialization;

namespace FunctionsApp.Core.Json;

/// <summary>The elements of one JSON array, as they stand in the text that they came in: a million cost no million objects.</summary>
[JsonConverter(typeof(JsonItemsConverter))]
public readonly struct JsonItems
{
    private readonly ReadOnlyMemory<byte> _text;
    private readonly List<(int Start, int End)>? _bounds;

    /// <summary>Finds the elements.</summary>
    /// <param name="array">The text of one JSON array, which is not copied.</param>
    public JsonItems(ReadOnlyMemory<byte> array)
    {
        _text = array;
        _bounds = [];
        var reader = new Utf8JsonReader(array.Span, new JsonReaderOptions { MaxDepth = CoreJson.MaxDepth });
        reader.Read();
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

    /// <summary>The text of the array.</summary>
    internal ReadOnlyMemory<byte> Utf8 => _text;
}

/// <summary>Reads <see cref="JsonItems"/>.</summary>
internal sealed class JsonItemsConverter : JsonConverter<JsonItems>
{
    public override JsonItems Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        new(SourceText.ReadValue(ref reader));

    public override void Write(Utf8JsonWriter writer, JsonItems value, JsonSerializerOptions options) =>
        writer.WriteRawValue(value.Count == 0 ? "[]"u8 : value.Utf8.Span, skipInputValidation: true);
}
