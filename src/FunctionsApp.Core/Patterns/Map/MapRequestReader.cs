using System.Text.Json;
using FunctionsApp.Core.Json;
using FunctionsApp.Core.Json.Schema;
using FunctionsApp.Core.Limits;
using FunctionsApp.Core.Problems;
using Microsoft.Extensions.Options;

namespace FunctionsApp.Core.Patterns.Map;

/// <summary>
/// Reads the body of a map. The items are checked and found in one pass, and everything else is read as the request of any pattern, with
/// <c>[]</c> for the items. Reading the whole body that way would take three passes over the items.
/// </summary>
public sealed class MapRequestReader(RequestReader reader, IOptions<LimitsOptions> limits)
{
    /// <summary>The maximum bytes of a body without its items; what exceeds it is not copied.</summary>
    private const int MaxOptionsBytes = 64 * 1024;

    /// <summary>The nesting depth of an item in the body: in an array in an object.</summary>
    private const int ItemDepth = 2;

    /// <summary>Reads a request.</summary>
    /// <param name="body">UTF-8; the items refer to parts of it.</param>
    /// <typeparam name="T"><see cref="MapRequest"/>, or <see cref="NamedMapRequest"/> where no route names the operation.</typeparam>
    /// <exception cref="ProblemException"><c>malformed-json</c>, <c>too-large</c> or <c>invalid-request</c> with every error.</exception>
    public T Read<T>(ReadOnlyMemory<byte> body)
        where T : MapRequest
    {
        try
        {
            JsonErrors.EnsureUtf8(body.Span);
            var start = FindItems(body.Span);
            if (start is not null
                && JsonItems.Read(body, start.Value, limits.Value.MaxDepth - ItemDepth) is { } items
                && WithoutItems(body.Span, start.Value, items.End) is { } options)
            {
                return reader.Read<T>(options) with { Items = items };
            }
        }
        catch (Exception exception) when (exception is ProblemException or JsonException)
        {
            // Only the whole body has all errors, and their positions.
        }

        return reader.Read<T>(body);
    }

    /// <summary>Returns the position after the opening bracket of the items; null if there is none.</summary>
    /// <exception cref="JsonException">The body is not JSON.</exception>
    private static int? FindItems(ReadOnlySpan<byte> body)
    {
        var json = new Utf8JsonReader(body, new JsonReaderOptions { MaxDepth = CoreJson.MaxDepth });
        for (json.Read(); json.Read() && json.TokenType == JsonTokenType.PropertyName; json.Skip())
        {
            var isItems = json.ValueTextEquals("items"u8);
            json.Read();
            if (isItems)
            {
                return json.TokenType == JsonTokenType.StartArray ? (int)json.BytesConsumed : null;
            }
        }

        return null;
    }

    private static byte[]? WithoutItems(ReadOnlySpan<byte> body, int start, int end) =>
        start + body.Length - end <= MaxOptionsBytes ? [.. body[..start], (byte)']', .. body[end..]] : null;
}
