using System.Buffers;
using System.Runtime.InteropServices;
using System.Text.Json;
using FunctionsApp.Core.Limits;
using FunctionsApp.Core.Problems;

namespace FunctionsApp.Core.Json;

/// <summary>
/// Replaces every object <c>{"$ref":"#/…"}</c> in an input by an earlier value that its JSON pointer (RFC 6901, as a URI
/// fragment) leads to.
/// </summary>
internal static class JsonReferences
{
    private static ReadOnlySpan<byte> Keyword => "$ref"u8;

    /// <summary>Whether an input can hold a reference at all.</summary>
    public static bool MayOccur(ReadOnlySpan<byte> input) =>
        input.IndexOf(Keyword) >= 0 || input.IndexOf("\\u"u8) >= 0;

    /// <summary>Resolves the references of an input.</summary>
    /// <param name="input">The input as it came.</param>
    /// <param name="pointer">Where the input stands in the request.</param>
    /// <param name="find">Finds the value that the tokens of a pointer lead to; null when they lead nowhere.</param>
    /// <param name="budget">What all references of the request together may add.</param>
    /// <exception cref="ProblemException">
    /// <c>invalid-request</c> for a pointer that leads nowhere, <c>too-large</c> when the values add up to too much: a
    /// few references to references would otherwise be a bomb.
    /// </exception>
    public static RawJson Resolve(JsonElement input, string pointer, Func<string[], JsonElement?> find, ByteBudget budget)
    {
        var buffer = new ArrayBufferWriter<byte>(256);

        // Deeper than what is read back: reading is where too deep a value is refused.
        using var writer = new Utf8JsonWriter(buffer, new JsonWriterOptions { Encoder = CoreJson.Options.Encoder, MaxDepth = 2 * CoreJson.MaxDepth });
        Write(writer, input, ValuePlace.At(pointer), find, budget);
        writer.Flush();
        return RawJson.FromUtf8(buffer.WrittenMemory);
    }

    private static void Write(Utf8JsonWriter writer, JsonElement value, ValuePlace place, Func<string[], JsonElement?> find, ByteBudget budget)
    {
        switch (value.ValueKind)
        {
            case JsonValueKind.Object when AsReference(value) is { } reference:
                WriteTarget(writer, reference, place, find, budget);
                break;
            case JsonValueKind.Object:
                writer.WriteStartObject();
                foreach (var property in value.EnumerateObject())
                {
                    writer.WritePropertyName(property.Name);
                    Write(writer, property.Value, place.Property(property.Name), find, budget);
                }

                writer.WriteEndObject();
                break;
            case JsonValueKind.Array:
                writer.WriteStartArray();
                var index = 0;
                foreach (var element in value.EnumerateArray())
                {
                    Write(writer, element, place.Element(index++), find, budget);
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

    private static void WriteTarget(Utf8JsonWriter writer, string reference, ValuePlace place, Func<string[], JsonElement?> find, ByteBudget budget)
    {
        var tokens = reference.StartsWith('#') ? JsonPointer.Split(Uri.UnescapeDataString(reference[1..])) : null;
        if (tokens is null || find(tokens) is not { } target)
        {
            throw new ProblemException(Problem.InvalidRequest(place.Property("$ref").ToString(), $"leads nowhere: there is no '{reference}' at this point"));
        }

        budget.Spend(JsonMarshal.GetRawUtf8Value(target).Length);
        target.WriteTo(writer);
    }
}
