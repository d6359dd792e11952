using System.Text.Json.Nodes;
using FunctionsApp.Core.Json;
using FunctionsApp.Core.Limits;
using FunctionsApp.Core.Operations;
using FunctionsApp.Core.Patterns;
using FunctionsApp.Core.Tasks;

namespace FunctionsApp.OpenApi;

/// <summary>
/// The JSON Schemas of one endpoint: those that reading enforces and writing follows, each kept once among the components.
/// What it gives is new each time, and may be put anywhere.
/// </summary>
/// <param name="components">Every schema so far, by its name.</param>
/// <param name="limits">The limits that requests are refused by.</param>
/// <param name="patterns">The patterns that can run as tasks.</param>
/// <param name="operation">The operation that the endpoint runs.</param>
internal sealed class Schemas(IDictionary<string, JsonObject> components, LimitsOptions limits, TaskPatterns patterns, Operation? operation = null)
{
    /// <summary>What comes before the name in a reference to a component.</summary>
    public const string Prefix = "#/components/schemas/";

    /// <summary>The limits that requests are refused by.</summary>
    public LimitsOptions Limits { get; } = limits;

    /// <summary>The operation's input.</summary>
    public JsonObject Input => Component(Running.Name + ".input", () => Running.InputSchema);

    /// <summary>The operation's output; of each value, for a stream.</summary>
    public JsonObject Output => Component(Running.Name + ".output", () => Running.OutputSchema);

    /// <summary>An input of the operation that works.</summary>
    public JsonNode? Example => JsonNode.Parse(Running.Example.Utf8.Span);

    /// <summary>The names of patterns that tasks can be created by.</summary>
    public JsonObject PatternNames => new()
    {
        ["description"] = "The pattern to run.",
        ["enum"] = new JsonArray([.. patterns.Names.Select(static name => JsonValue.Create(name))]),
    };

    private Operation Running => operation ?? throw new InvalidOperationException("This endpoint runs no operation of its own.");

    /// <summary>The same schemas, for an endpoint that runs an operation.</summary>
    public Schemas For(Operation? running) => new(components, Limits, patterns, running);

    /// <summary>A record that is read.</summary>
    public JsonObject Request<T>() => Request(typeof(T));

    /// <summary>A record that is read, one property of which the operation knows more about.</summary>
    public JsonObject Request<T>(string property, JsonNode schema) => Narrow(Request<T>(), property, schema);

    /// <summary>A record that is written.</summary>
    public JsonObject Response<T>() => ResponseOf(typeof(T));

    /// <summary>A record that is written, one property of which the operation knows more about.</summary>
    public JsonObject Response<T>(string property, JsonNode schema) => Narrow(Response<T>(), property, schema);

    /// <summary>Something that several endpoints have in common.</summary>
    /// <param name="name">Its name among the components.</param>
    /// <param name="make">Makes it, the first time.</param>
    public JsonObject Shared(string name, Func<JsonObject> make) => Component(name, make);

    /// <summary>Options that are read from the query: a schema each.</summary>
    public JsonObject Query<T>() => (JsonObject)WithLimits(JsonSchemas.OfOutput(typeof(T)))["properties"]!;

    /// <summary>A time limit, as all patterns take it.</summary>
    /// <param name="description">Of what.</param>
    public JsonObject TimeLimit(string description) =>
        Limited(new JsonObject { ["description"] = description, ["type"] = "number" }, Limits.MaxTimeoutSeconds);

    /// <summary>An object with just these properties.</summary>
    public static JsonObject Object(JsonObject properties) => new()
    {
        ["type"] = "object",
        ["required"] = new JsonArray([.. properties.Select(static property => JsonValue.Create(property.Key))]),
        ["properties"] = properties,
        ["additionalProperties"] = false,
    };

    /// <summary>An object with just this property.</summary>
    public static JsonObject Object(string property, JsonNode schema) => Object(new JsonObject { [property] = schema });

    /// <summary>An array.</summary>
    public static JsonObject Array(JsonNode items) => new() { ["type"] = "array", ["items"] = items };

    /// <summary>One of several things.</summary>
    public static JsonObject AnyOf(params JsonNode?[] schemas) => new() { ["anyOf"] = new JsonArray(schemas) };

    private static JsonObject Narrow(JsonObject record, string property, JsonNode schema) =>
        new() { ["allOf"] = new JsonArray(record, new JsonObject { ["properties"] = new JsonObject { [property] = schema } }) };

    /// <summary>Records of the app's own are referred to where others contain them; all else stands in place.</summary>
    private static bool IsComponent(Type type) =>
        type is { IsClass: true, IsGenericType: false } && type.Assembly == typeof(JsonSchemas).Assembly && CoreJson.Options.GetTypeInfo(type).Properties.Count > 0;

    private JsonObject Request(Type type) => Component(
        type.Name, () => WithLimits(JsonSchemas.OfInput(type, part => IsComponent(part) ? Request(part) : null)));

    private JsonObject ResponseOf(Type type) => Component(
        type.Name, () => JsonSchemas.OfOutput(type, part => IsComponent(part) ? ResponseOf(part) : null));

    private JsonObject Component(string name, Func<JsonNode> make)
    {
        // First its name, then what it is: a record may contain its own kind.
        if (components.TryAdd(name, []) && make() is JsonObject schema)
        {
            components[name] = (JsonObject)schema.DeepClone();
        }

        return new JsonObject { ["$ref"] = Prefix + name };
    }

    /// <summary>Adds the ranges that the records cannot know: those that are configured, and those that exclude their lower end.</summary>
    private JsonNode WithLimits(JsonNode schema)
    {
        foreach (var (name, maximum) in new[] { ("timeoutSeconds", Limits.MaxTimeoutSeconds), ("ttlSeconds", TasksOptions.MaxTtlSeconds) })
        {
            if (schema["properties"]?[name] is JsonObject property)
            {
                Limited(property, maximum);
            }
        }

        return schema;
    }

    private static JsonObject Limited(JsonObject schema, int maximum)
    {
        schema["exclusiveMinimum"] = 0;
        schema["maximum"] = maximum;
        return schema;
    }
}
