using System.Buffers;
using System.Text.Json;
using FunctionsApp.Core.Problems;

namespace FunctionsApp.Core.Json;

/// <summary>
/// Replaces every object <c>{"$ref":"#/…"}</c> in an input with the earlier value at its JSON pointer (RFC 6901, as a URI
/// fragment).
/// </summary>
internal static class JsonReferences
{
    private static ReadOnlySpan<byte> Keyword => "$ref"u8;

    /// <summary>Returns whether an input may contain references.</summary>
    public static bool MayOccur(ReadOnlySpan<byte> input) =>
        input.IndexOf(Keyword) >= 0 || input.IndexOf("\\u"u8) >= 0;

    /// <summary>Resolves the references of an input.</summary>
    /// <param name="input">The input as received.</param>
    /// <param name="pointer">Where the input is in the request.</param>
    /// <param name="scope">The values that references can lead to.</param>
    /// <exception cref="ProblemException"><c>invalid-request</c> for a reference that leads nowhere; <c>too-large</c>.</exception>
    public static RawJson Resolve(RawJson input, string pointer, ReferenceScope scope)
    {
        var buffer = new ArrayBufferWriter<byte>(256);

        // Deeper than the limit of reading, which refuses a value that is too deep.
        using var writer = new Utf8JsonWriter(
            buffer, new JsonWriterOptions { Encoder = CoreJson.Options.Encoder, MaxDepth = 2 * CoreJson.MaxDepth });
        Write(writer, input.ToElement(), ValuePlace.At(pointer), scope);
        writer.Flush();
        return RawJson.FromUtf8(buffer.WrittenMemory);
    }

    private static void Write(Utf8JsonWriter writer, JsonElement value, ValuePlace place, ReferenceScope scope)
    {
        switch (value.ValueKind)
        {
            case JsonValueKind.Object when AsReference(value) is { } reference:
                WriteTarget(writer, reference, place, scope);
                break;
            case JsonValueKind.Object:
                writer.WriteStartObject();
                foreach (var property in value.EnumerateObject())
                {
                    writer.WritePropertyName(property.Name);
                    Write(writer, property.Value, place.Property(property.Name), scope);
                }

                writer.WriteEndObject();
                break;
            case JsonValueKind.Array:
                writer.WriteStartArray();
                var index = 0;
                foreach (var element in value.EnumerateArray())
                {
                    Write(writer, element, place.Element(index++), scope);
                }

                writer.WriteEndArray();
                break;
            default:
                value.WriteTo(writer);
                break;
        }
    }

    private static string? AsReference(JsonElement value) =>
        value.GetPropertyCount() == 1 && value.TryGetProperty(Keyword, out var reference) && reference.ValueKind == JsonValueKind.String
            ? reference.GetString()
            : null;

    private static void WriteTarget(Utf8JsonWriter writer, string reference, ValuePlace place, ReferenceScope scope)
    {
        if (scope.Find(reference) is not { } target)
        {
            throw new ProblemException(Problem.InvalidRequest(
                place.Property("$ref").ToString(), $"points to no value: '{Excerpt.Of(reference)}' does not exist at this point"));
        }

        target.WriteTo(writer);
    }
}
