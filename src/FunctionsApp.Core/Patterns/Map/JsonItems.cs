using System.Buffers;
using System.Text.Json;
using System.Text.Json.Serialization;
using FunctionsApp.Core.Json;
using FunctionsApp.Core.Json.Schema;
using FunctionsApp.Core.Problems;

namespace FunctionsApp.Core.Patterns.Map;

/// <summary>The elements of one JSON array, as parts of the text that they came in: a million elements need no million objects.</summary>
[JsonConverter(typeof(JsonItemsConverter))]
public sealed class JsonItems : IJsonArray
{
    private static readonly SearchValues<byte> Structure = SearchValues.Create(",[]{}\""u8);

    private readonly ReadOnlyMemory<byte> _text;

    private JsonItems(ReadOnlyMemory<byte> text) => _text = text;

    /// <summary>The number of elements.</summary>
    public int Count => Index.Count;

    /// <summary>The text that holds the elements.</summary>
    internal ReadOnlyMemory<byte> Text => _text;

    /// <summary>Where the elements are in <see cref="Text"/>.</summary>
    internal ItemIndex Index { get; } = new();

    /// <summary>The position after the array's closing bracket.</summary>
    internal int End { get; private set; }

    /// <summary>Reads an array whose elements may be any JSON.</summary>
    /// <param name="text">A text in UTF-8 that holds the array.</param>
    /// <param name="start">The position after its opening bracket.</param>
    /// <param name="maxDepth">How deep arrays and objects may nest in an element.</param>
    /// <returns>Null if the array does not end, or holds a string that is not Unicode.</returns>
    /// <exception cref="ProblemException">An element is not JSON, or nests too deep.</exception>
    internal static JsonItems? Read(ReadOnlyMemory<byte> text, int start, int maxDepth)
    {
        var items = new JsonItems(text) { End = start };
        var span = text.Span;
        do
        {
            var (from, at) = (items.End, items.End);
            var item = span[Next(span, ref at)];
            if (at > span.Length)
            {
                return null;
            }

            items.End = at;
            if (item.IsEmpty && items.Count == 0 && span[at - 1] == ']')
            {
                return items;
            }

            // If each element is one JSON value, the array is JSON.
            if (!IntegerItem.TryParse(item, out _) && SchemaCheck.Run(SchemaNode.Any, item, maxDepth) is not null)
            {
                return null;
            }

            items.Index.Add(from);
        }
        while (span[items.End - 1] == ',');
        return span[items.End - 1] == ']' ? items : null;
    }

    /// <summary>Finds an element: up to the comma or bracket after it, at which the position then is, plus one.</summary>
    /// <param name="text">The text, which may be invalid JSON.</param>
    /// <param name="at">Where the element starts. Becomes where the next one starts; beyond the text if this one does not end.</param>
    /// <returns>The element without white space around it.</returns>
    internal static Range Next(ReadOnlySpan<byte> text, ref int at)
    {
        var (start, depth) = (at, 0);
        while (at < text.Length)
        {
            var next = text[at..].IndexOfAny(Structure);
            at = next < 0 ? text.Length : at + next;
            switch (next < 0 ? default : text[at])
            {
                case (byte)'"':
                    SkipString(text, ref at);
                    continue;
                case (byte)'[' or (byte)'{':
                    depth++;
                    break;
                case (byte)']' or (byte)'}' when depth > 0:
                    depth--;
                    break;
                case (byte)',' when depth > 0:
                    break;
                default:
                    return Trim(text, start, at++);
            }

            at++;
        }

        return Trim(text, start, Math.Min(at++, text.Length));
    }

    private static void SkipString(ReadOnlySpan<byte> text, ref int at)
    {
        for (at++; at < text.Length; at += 2)
        {
            var next = text[at..].IndexOfAny((byte)'"', (byte)'\\');
            at = next < 0 ? text.Length : at + next;
            if (next >= 0 && text[at] == '"')
            {
                at++;
                return;
            }
        }
    }

    /// <summary>Returns a part of a text without white space around it.</summary>
    internal static Range Trim(ReadOnlySpan<byte> text, int start, int end)
    {
        while (start < end && IsWhite(text[start]))
        {
            start++;
        }

        while (end > start && IsWhite(text[end - 1]))
        {
            end--;
        }

        return start..end;
    }

    private static bool IsWhite(byte value) => value is (byte)' ' or (byte)'\n' or (byte)'\r' or (byte)'\t';
}

/// <summary>Reads <see cref="JsonItems"/>.</summary>
internal sealed class JsonItemsConverter : JsonConverter<JsonItems>
{
    public override JsonItems Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        JsonItems.Read(SourceText.ReadValue(ref reader), start: 1, CoreJson.MaxDepth) ?? throw new JsonException();

    public override void Write(Utf8JsonWriter writer, JsonItems value, JsonSerializerOptions options)
    {
        writer.WriteStartArray();
        var text = value.Text.Span;
        var at = value.Index.Find(0).Start;
        for (var i = 0; i < value.Count; i++)
        {
            writer.WriteRawValue(text[JsonItems.Next(text, ref at)], skipInputValidation: true);
        }

        writer.WriteEndArray();
    }
}
