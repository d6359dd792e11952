using System.Text.Json;
using FunctionsApp.TestHost.Protocol;
using Google.Protobuf.Collections;

namespace FunctionsApp.TestHost.Http;

/// <summary>
/// The values by which the platform binds a function's other parameters, by name and whatever their case: the properties of a JSON
/// body, over them the query, and over both the route. Any caller can so give a value to any parameter.
/// </summary>
internal static class TriggerMetadata
{
    /// <summary>Adds the values of a request, whose body has been read.</summary>
    public static async Task AddAsync(MapField<string, TypedData> metadata, HttpRequest request)
    {
        var values = new Dictionary<string, TypedData>(StringComparer.OrdinalIgnoreCase);
        if (request.ContentLength > 0)
        {
            await AddPropertiesAsync(values, request);
        }

        foreach (var (name, value) in request.Query.Where(static parameter => !parameter.Key.Equals("code", StringComparison.OrdinalIgnoreCase)))
        {
            values[name] = new TypedData { String = value.ToString() };
        }

        foreach (var (name, value) in request.RouteValues)
        {
            values[name] = new TypedData { String = value?.ToString() ?? "" };
        }

        values.TryAdd("Query", Json(request.Query.ToDictionary(static parameter => parameter.Key, static parameter => parameter.Value.ToString())));
        values.TryAdd("Headers", Json(request.Headers.ToDictionary(static header => header.Key, static header => header.Value.ToString())));
        foreach (var (name, value) in values)
        {
            metadata[name] = value;
        }
    }

    private static async Task AddPropertiesAsync(Dictionary<string, TypedData> values, HttpRequest request)
    {
        try
        {
            using var body = await JsonDocument.ParseAsync(request.Body);
            if (body.RootElement.ValueKind == JsonValueKind.Object)
            {
                foreach (var property in body.RootElement.EnumerateObject().Where(static property => property.Value.ValueKind is not (JsonValueKind.Array or JsonValueKind.Null)))
                {
                    // As it is written: text may hold half a character, which is no string here.
                    values[property.Name] = new TypedData { Json = property.Value.GetRawText() };
                }
            }
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            // What is not JSON, or not in UTF-8, has no properties.
        }
        finally
        {
            request.Body.Position = 0;
        }
    }

    private static TypedData Json(Dictionary<string, string> values) => new() { Json = JsonSerializer.Serialize(values) };
}
