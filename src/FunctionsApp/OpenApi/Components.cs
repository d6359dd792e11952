using System.Text.Json.Nodes;

namespace FunctionsApp.OpenApi;

/// <summary>The shared parts of a document: each is stored once, and the document refers to it.</summary>
internal sealed class Components
{
    /// <summary>The parts, by section and name.</summary>
    public JsonObject Json { get; } = [];

    /// <summary>Returns a new reference to a part.</summary>
    /// <param name="section">The section, such as <c>schemas</c>.</param>
    /// <param name="name">The name in the section.</param>
    /// <param name="make">Creates the part; called for the first reference.</param>
    public JsonObject Refer(string section, string name, Func<JsonNode> make)
    {
        var parts = (JsonObject)(Json[section] ??= new JsonObject());

        // Reserves the name before the content: a record may contain its own type.
        if (parts.TryAdd(name, null))
        {
            parts[name] = make();
        }

        return new JsonObject { ["$ref"] = $"#/components/{section}/{name}" };
    }

    /// <summary>
    /// Rewrites a schema so that generators derive good types: <c>true</c>, which some do not read, becomes the empty schema; an array
    /// gets items; and a default moves into the description, because some generators require a property that has a default.
    /// </summary>
    /// <returns>The same schema.</returns>
    public static JsonNode ForGenerators(JsonNode schema)
    {
        if (schema is not JsonObject keywords)
        {
            return schema;
        }

        foreach (var (name, property) in (keywords["properties"] as JsonObject ?? []).ToList())
        {
            Complete((JsonObject)keywords["properties"]!, name, property!);
        }

        foreach (var choice in keywords["anyOf"]?.AsArray() ?? [])
        {
            ForGenerators(choice!);
        }

        if (keywords["type"] is JsonValue type && type.GetValue<string>() is "array")
        {
            Complete(keywords, "items", keywords["items"] ?? true);
        }

        if (keywords["additionalProperties"] is { } others)
        {
            ForGenerators(others);
        }

        if (keywords.Remove("default", out var value) && value is not null)
        {
            keywords["description"] = $"{keywords["description"]} Default: {value.ToJsonString()}.".TrimStart();
        }

        return schema;

        static void Complete(JsonObject parent, string name, JsonNode child)
        {
            if (child is JsonValue)
            {
                parent[name] = new JsonObject();
            }
            else
            {
                ForGenerators(child);
            }
        }
    }
}
