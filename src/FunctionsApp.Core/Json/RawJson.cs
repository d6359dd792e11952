using System.Buffers;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;

namespace FunctionsApp.Core.Json;

/// <summary>
/// One JSON value as UTF-8 bytes. The patterns pass results in this form: each is serialized once and copied into the
/// response unchanged, and its size is known.
/// </summary>
[JsonConverter(typeof(RawJsonConverter))]
public readonly struct RawJson
{
    private const int LongText = 16 * 1024;

    private static readonly SearchValues<byte> BetweenTokens = SearchValues.Create(" \t\r\n\""u8);

    private readonly ReadOnlyMemory<byte> _utf8;

    private RawJson(ReadOnlyMemory<byte> utf8) => _utf8 = utf8;

    private RawJson(StoredJson stored) => Stored = stored;

    /// <summary>The value <c>{}</c>: an empty input.</summary>
    public static RawJson EmptyObject { get; } = new("{}"u8.ToArray());

    /// <summary>The value <c>null</c>.</summary>
    public static RawJson Null { get; } = new("null"u8.ToArray());

    /// <summary>The bytes; <c>null</c> for a default instance.</summary>
    /// <exception cref="InvalidOperationException">The value is in storage.</exception>
    public ReadOnlyMemory<byte> Utf8 =>
        !_utf8.IsEmpty ? _utf8 : Stored is null ? Null._utf8 : throw new InvalidOperationException("The value is in storage.");

    /// <summary>Where <see cref="JsonPipeWriter"/> reads the value from while sending it; null for a value in memory.</summary>
    public StoredJson? Stored { get; }

    /// <summary>Wraps bytes that are known to be one well-formed JSON value. They are not copied.</summary>
    public static RawJson FromUtf8(ReadOnlyMemory<byte> utf8) => new(utf8);

    /// <summary>Represents a value in storage.</summary>
    public static RawJson From(StoredJson stored) => new(stored);

    /// <summary>Copies the bytes of an element out of its document.</summary>
    public static RawJson From(JsonElement element) => new(JsonMarshal.GetRawUtf8Value(element).ToArray());

    /// <summary>Serializes a value.</summary>
    public static RawJson From<T>(T value, JsonTypeInfo<T> typeInfo) => value switch
    {
        RawJson raw => raw,
        string { Length: > LongText } text => From(text),
        _ => new(JsonSerializer.SerializeToUtf8Bytes(value, typeInfo)),
    };

    /// <summary>Serializes a long text in pieces: in one piece the framework reserves three or more bytes per character.</summary>
    private static RawJson From(ReadOnlySpan<char> text)
    {
        var buffer = new ArrayBufferWriter<byte>(Encoding.UTF8.GetByteCount(text) + (6 * LongText));
        using var writer = new Utf8JsonWriter(buffer, new JsonWriterOptions { Encoder = CoreJson.Options.Encoder });
        for (; text.Length > LongText; text = text[LongText..])
        {
            writer.WriteStringValueSegment(text[..LongText], isFinalSegment: false);
            writer.Flush();
        }

        writer.WriteStringValueSegment(text, isFinalSegment: true);
        writer.Flush();
        return new RawJson(buffer.WrittenMemory);
    }

    /// <summary>
    /// Returns the value without white space between tokens if it has line breaks, which a streamed response must not contain.
    /// </summary>
    public RawJson OnOneLine()
    {
        var text = Utf8.Span;
        if (!text.ContainsAny((byte)'\n', (byte)'\r'))
        {
            return this;
        }

        var line = new byte[text.Length];
        var length = 0;
        while (!text.IsEmpty)
        {
            var token = text[0] == '"' ? StringLength(text) : text.IndexOfAny(BetweenTokens) is >= 0 and var end ? end : text.Length;
            text[..token].CopyTo(line.AsSpan(length));
            length += token;
            text = text[token..].TrimStart(" \t\r\n"u8);
        }

        return new RawJson(line.AsMemory(0, length));
    }

    /// <summary>Returns the length of the string at the start of a text, including its quotes.</summary>
    private static int StringLength(ReadOnlySpan<byte> text)
    {
        for (var at = 1; ; at++)
        {
            at += text[at..].IndexOfAny((byte)'"', (byte)'\\');
            if (text[at] == '"')
            {
                return at + 1;
            }

            at++;
        }
    }

    /// <summary>Reads the value.</summary>
    public T Deserialize<T>(JsonTypeInfo<T> typeInfo) => JsonSerializer.Deserialize(Utf8.Span, typeInfo)!;

    /// <summary>
    /// Estimates the bytes that <see cref="ToElement"/> takes: the text, and 12 bytes a token in an array that doubles as it grows.
    /// </summary>
    internal long DocumentBytes
    {
        get
        {
            var text = Utf8.Span;
            return text.Length
                + (24L * (text.Count((byte)',') + text.Count((byte)':') + (2L * (text.Count((byte)'[') + text.Count((byte)'{')))));
        }
    }

    /// <summary>Parses the value for reading.</summary>
    public JsonElement ToElement() => JsonElement.Parse(Utf8.Span, new JsonDocumentOptions { MaxDepth = CoreJson.MaxDepth });

    /// <summary>Returns the JSON text.</summary>
    public override string ToString() => Encoding.UTF8.GetString(Utf8.Span);
}

/// <summary>Writes a <see cref="RawJson"/> as it is.</summary>
public sealed class RawJsonConverter : JsonConverter<RawJson>
{
    /// <inheritdoc/>
    public override bool HandleNull => true;

    /// <inheritdoc/>
    public override RawJson Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        RawJson.FromUtf8(SourceText.ReadValue(ref reader));

    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter writer, RawJson value, JsonSerializerOptions options) =>
        JsonPipeWriter.WriteRaw(writer, value);
}
