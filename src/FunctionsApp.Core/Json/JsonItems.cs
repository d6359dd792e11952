using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace FunctionsApp.Core.Json;

/// <summary>The elements of one JSON array. All belong to one document, so a million cost no million objects.</summary>
[JsonConverter(typeof(JsonItemsConverter))]
public readonly struct JsonItems
{
    private readonly JsonElement[]? _elements;

    /// <summary>Takes the elements of an array.</summary>
    public JsonItems(JsonElement array)
    {
        _elements = new JsonElement[array.GetArrayLength()];
        var i = 0;
        foreach (var element in array.EnumerateArray())
        {
            _elements[i++] = element;
        }
    }

    /// <summary>How many there are.</summary>
    public int Count => _elements?.Length ?? 0;

    /// <summary>One of them.</summary>
    /// <param name="index">From 0.</param>
    public JsonElement this[int index] => _elements![index];

    /// <summary>The text of one of them, which is not copied.</summary>
    /// <param name="index">From 0.</param>
    internal ReadOnlySpan<byte> Utf8(int index) => JsonMarshal.GetRawUtf8Value(this[index]);
}

/// <summary>Reads <see cref="JsonItems"/>.</summary>
internal sealed class JsonItemsConverter : JsonConverter<JsonItems>
{
    public override JsonItems Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        new(JsonElement.ParseValue(ref reader));

    public override void Write(Utf8JsonWriter writer, JsonItems value, JsonSerializerOptions options)
    {
        writer.WriteStartArray();
        for (var i = 0; i < value.Count; i++)
        {
            value[i].WriteTo(writer);
        }

        writer.WriteEndArray();
    }
}
