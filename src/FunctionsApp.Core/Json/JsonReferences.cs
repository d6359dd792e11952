using System.Buffers;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;
using FunctionsApp.Core.Limits;
using FunctionsApp.Core.Problems;

namespace FunctionsApp.Core.Json;

/// <summary>
/// The references of one request: every object <c>{"$ref":"#/…"}</c> in an input is replaced by the earlier value at its JSON pointer
/// (RFC 6901, as a URI fragment).
/// </summary>
/// <param name="find">Finds the value at the tokens of a pointer; null if they lead nowhere.</param>
/// <param name="limits">The limit on the number of references.</param>
/// <param name="memory">The account of the values' memory, with its limit.</param>
/// <param name="cancellationToken">Checked for each reference.</param>
internal sealed class JsonReferences(
    Func<string[], JsonElement?> find, LimitsOptions limits, RequestMemory memory, CancellationToken cancellationToken)
{
    private int _count;

    private static ReadOnlySpan<byte> Keyword => "$ref"u8;

    /// <summary>Returns whether an input may contain references.</summary>
    public static bool MayOccur(ReadOnlySpan<byte> input) =>
        input.IndexOf(Keyword) >= 0 || input.IndexOf("\\u"u8) >= 0;

    /// <summary>Resolves the references of an input.</summary>
    /// <param name="input">The input as received.</param>
    /// <param name="pointer">Where the input is in the request.</param>
    /// <exception cref="ProblemException"><c>invalid-request</c> for a reference that leads nowhere; <c>too-large</c>.</exception>
    public RawJson Resolve(RawJson input, string pointer)
    {
        var buffer = new ArrayBufferWriter<byte>(256);

        // Deeper than the limit of reading, which refuses a value that is too deep.
        using var writer = new Utf8JsonWriter(
            buffer, new JsonWriterOptions { Encoder = CoreJson.Options.Encoder, MaxDepth = 2 * CoreJson.MaxDepth });
        Write(writer, input.ToElement(), ValuePlace.At(pointer));
        writer.Flush();
        return RawJson.FromUtf8(buffer.WrittenMemory);
    }

    private void Write(Utf8JsonWriter writer, JsonElement value, ValuePlace place)
    {
        switch (value.ValueKind)
        {
            case JsonValueKind.Object when AsReference(value) is { } reference:
                Find(reference, place).WriteTo(writer);
                break;
            case JsonValueKind.Object:
                writer.WriteStartObject();
                foreach (var property in value.EnumerateObject())
                {
                    writer.WritePropertyName(property.Name);
                    Write(writer, property.Value, place.Property(property.Name));
                }

                writer.WriteEndObject();
                break;
            case JsonValueKind.Array:
                writer.WriteStartArray();
                var index = 0;
                foreach (var element in value.EnumerateArray())
                {
                    Write(writer, element, place.Element(index++));
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

    /// <exception cref="ProblemException">
    /// <c>invalid-request</c> for a reference that leads nowhere; <c>too-large</c>: otherwise references to references could multiply
    /// without limit.
    /// </exception>
    private JsonElement Find(string reference, ValuePlace place)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (++_count > limits.MaxCalls)
        {
            throw new ProblemException(Problem.TooLarge(string.Create(CultureInfo.InvariantCulture,
                $"A request has at most {limits.MaxCalls} references (Limits:MaxCalls).")));
        }

        var tokens = reference.StartsWith('#') ? JsonPointer.Split(Uri.UnescapeDataString(reference[1..])) : null;
        if (tokens is null || find(tokens) is not { } target)
        {
            throw new ProblemException(Problem.InvalidRequest(
                place.Property("$ref").ToString(), $"points to no value: '{Excerpt.Of(reference)}' does not exist at this point"));
        }

        memory.HoldResult(JsonMarshal.GetRawUtf8Value(target).Length);
        return target;
    }
}
