using System.Text.Json.Nodes;
using FunctionsApp.Core.Json;
using FunctionsApp.Core.Limits;
using FunctionsApp.Core.Operations;
using FunctionsApp.Core.Patterns;
using FunctionsApp.Core.Tasks;

namespace FunctionsApp.OpenApi;

/// <summary>
/// The JSON Schemas of one endpoint, as reading enforces and writing follows them. Each is stored once among the components.
/// Every returned schema is a new object, and may be placed anywhere.
/// </summary>
/// <param name="components">Every schema so far, by its name.</param>
/// <param name="limits">The limits of requests.</param>
/// <param name="patterns">The patterns that can run as tasks.</param>
/// <param name="operation">The operation that the endpoint runs.</param>
internal sealed class Schemas(IDictionary<string, JsonObject> components, LimitsOptions limits, TaskPatterns patterns, Operation? operation = null)
{
    /// <summary>The prefix of a reference to a component.</summary>
    public const string Prefix = "#/components/schemas/";

    /// <summary>The limits of requests.</summary>
    public LimitsOptions Limits { get; } = limits;

    /// <summary>The operation's input.</summary>
    public JsonObject Input => Component(Running.Name + ".input", () => Running.InputSchema);

    /// <summary>The operation's output; for a stream, of each value.</summary>
    public JsonObject Output => Component(Running.Name + ".output", () => Running.OutputSchema);

    /// <summary>A working example of the operation's input.</summary>
    public JsonNode? Example => JsonNode.Parse(Running.Example.Utf8.Span);

    /// <summary>The names of the patterns that can run as tasks.</summary>
    public JsonObject PatternNames => new()
    {
        ["description"] = "The pattern to run.",
        ["enum"] = new JsonArray([.. patterns.Names.Select(static name => JsonValue.Create(name))]),
    };

    private Operation Running => operation ?? throw new InvalidOperationException("This endpoint runs no operation of its own.");

    /// <summary>Returns the same schemas, for an endpoint that runs an operation.</summary>
    public Schemas For(Operation? running) => new(components, Limits, patterns, running);

    /// <summary>Returns the schema of a request.</summary>
    public JsonObject Request<T>() => Request(typeof(T));

    /// <summary>Returns the schema of a request, with one property that the operation specifies.</summary>
    public JsonObject Request<T>(string property, JsonNode schema) => Narrow(Request<T>(), property, schema);

    /// <summary>Returns the schema of a response.</summary>
    public JsonObject Response<T>() => ResponseOf(typeof(T));

    /// <summary>Returns the schema of a response, with one property that the operation specifies.</summary>
    public JsonObject Response<T>(string property, JsonNode schema) => Narrow(Response<T>(), property, schema);

    /// <summary>Returns a schema that several endpoints share.</summary>
    /// <param name="name">Its name among the components.</param>
    /// <param name="make">Creates it, the first time.</param>
    public JsonObject Shared(string name, Func<JsonObject> make) => Component(name, make);

    /// <summary>Returns the schemas of options in the query, one for each.</summary>
    public JsonObject Query<T>() => (JsonObject)WithLimits(JsonSchemas.OfOutput(typeof(T)))["properties"]!;

    /// <summary>A time limit, as all patterns have it.</summary>
    /// <param name="description">Its description.</param>
    public JsonObject TimeLimit(string description) =>
        Limited(new JsonObject { ["description"] = description, ["type"] = "number" }, Limits.MaxTimeoutSeconds);

    /// <summary>An object with only these properties.</summary>
    public static JsonObject Object(JsonObject properties) => new()
    {
        ["type"] = "object",
        ["required"] = new JsonArray([.. properties.Select(static property => JsonValue.Create(property.Key))]),
        ["properties"] = properties,
        ["additionalProperties"] = false,
    };

    /// <summary>An object with only this property.</summary>
    public static JsonObject Object(string property, JsonNode schema) => Object(new JsonObject { [property] = schema });

    /// <summary>An array.</summary>
    public static JsonObject Array(JsonNode items) => new() { ["type"] = "array", ["items"] = items };

    /// <summary>One of several schemas.</summary>
    public static JsonObject AnyOf(params JsonNode?[] schemas) => new() { ["anyOf"] = new JsonArray(schemas) };

    private static JsonObject Narrow(JsonObject record, string property, JsonNode schema) =>
        new() { ["allOf"] = new JsonArray(record, new JsonObject { ["properties"] = new JsonObject { [property] = schema } }) };

    /// <summary>Returns whether schemas refer to a type by name: the app's own records. All others are inline.</summary>
    private static bool IsComponent(Type type) =>
        type is { IsClass: true, IsGenericType: false } && type.Assembly == typeof(JsonSchemas).Assembly && CoreJson.Options.GetTypeInfo(type).Properties.Count > 0;

    private JsonObject Request(Type type) => Component(
        type.Name, () => WithLimits(JsonSchemas.OfInput(type, part => IsComponent(part) ? Request(part) : null)));

    private JsonObject ResponseOf(Type type) => Component(
        type.Name, () => JsonSchemas.OfOutput(type, part => IsComponent(part) ? ResponseOf(part) : null));

    private JsonObject Component(string name, Func<JsonNode> make)
    {
        // Reserves the name before the content: a record may contain its own type.
        if (components.TryAdd(name, []) && make() is JsonObject schema)
        {
            components[name] = (JsonObject)schema.DeepClone();
        }

        return new JsonObject { ["$ref"] = Prefix + name };
    }

    /// <summary>Adds ranges that the records cannot declare: configured ones, and those that exclude their lower end.</summary>
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
