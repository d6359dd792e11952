using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;

namespace FunctionsApp.Core.Json;

/// <summary>
/// One JSON value as the UTF-8 bytes that it is written with. Results travel through the patterns in this form, so that
/// each is serialized once, is copied into the answer as it is, and its size is known.
/// </summary>
[JsonConverter(typeof(RawJsonConverter))]
public readonly struct RawJson
{
    private readonly ReadOnlyMemory<byte> _utf8;

    private RawJson(ReadOnlyMemory<byte> utf8) => _utf8 = utf8;

    /// <summary>The value <c>{}</c>: an input that says nothing.</summary>
    public static RawJson EmptyObject { get; } = new("{}"u8.ToArray());

    /// <summary>The value <c>null</c>.</summary>
    public static RawJson Null { get; } = new("null"u8.ToArray());

    /// <summary>The bytes; <c>null</c> for a default instance.</summary>
    public ReadOnlyMemory<byte> Utf8 => _utf8.IsEmpty ? Null._utf8 : _utf8;

    /// <summary>Wraps bytes that are known to be one well-formed JSON value. They are not copied.</summary>
    public static RawJson FromUtf8(ReadOnlyMemory<byte> utf8) => new(utf8);

    /// <summary>Copies the bytes of an element out of the document it belongs to.</summary>
    public static RawJson From(JsonElement element) => new(JsonMarshal.GetRawUtf8Value(element).ToArray());

    /// <summary>Serializes a value.</summary>
    public static RawJson From<T>(T value, JsonTypeInfo<T> typeInfo) => new(JsonSerializer.SerializeToUtf8Bytes(value, typeInfo));

    /// <summary>Parses the value for reading.</summary>
    public JsonElement ToElement() => JsonElement.Parse(Utf8.Span, new JsonDocumentOptions { MaxDepth = CoreJson.MaxDepth });

    /// <summary>The JSON text.</summary>
    public override string ToString() => Encoding.UTF8.GetString(Utf8.Span);
}

/// <summary>Writes a <see cref="RawJson"/> as it is.</summary>
internal sealed class RawJsonConverter : JsonConverter<RawJson>
{
    public override bool HandleNull => true;

    public override RawJson Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        RawJson.FromUtf8(SourceText.ReadValue(ref reader));

    public override void Write(Utf8JsonWriter writer, RawJson value, JsonSerializerOptions options) =>
        writer.WriteRawValue(value.Utf8.Span, skipInputValidation: true);
}
