using System.Text.Json.Nodes;
using FunctionsApp.Core.Json;
using FunctionsApp.Core.Json.Schema;
using FunctionsApp.Core.Limits;
using FunctionsApp.Core.Operations;
using FunctionsApp.Core.Patterns;
using FunctionsApp.Core.Problems;
using FunctionsApp.Core.Tasks;

namespace FunctionsApp.OpenApi;

/// <summary>
/// The JSON Schemas of one endpoint, as reading enforces and writing follows them. Each is stored once among the components.
/// Every returned schema is a new object, and may be placed anywhere.
/// </summary>
/// <param name="components">The parts of the document.</param>
/// <param name="limits">The limits of requests.</param>
/// <param name="patterns">The patterns that can run as tasks.</param>
/// <param name="running">The operation that the endpoint runs, and the beginning of the names of its schemas.</param>
internal sealed class Schemas(
    Components components, LimitsOptions limits, TaskPatterns patterns, (Operation Operation, string Name)? running = null)
{
    /// <summary>The limits of requests.</summary>
    public LimitsOptions Limits { get; } = limits;

    /// <summary>What is appended to the name of an operation to name its schemas.</summary>
    public static IReadOnlyList<string> Suffixes { get; } =
        ["Input", "Output", "Response", "MapRequest", "MapResponse", "MapResult", "TaskRequest"];

    /// <summary>The operation's input.</summary>
    public JsonObject Input => Component(Running.Name + "Input", () => Running.Operation.InputSchema);

    /// <summary>The operation's output; for a stream, of each value. Only objects have names.</summary>
    public JsonObject Output => Running.Operation.OutputSchema switch
    {
        JsonObject schema when schema.ContainsKey("properties") => Component(Running.Name + "Output", () => schema),
        JsonObject schema => (JsonObject)schema.DeepClone(),
        _ => [],
    };

    /// <summary>The operation's output, or null in its place.</summary>
    public JsonObject OutputOrNull => Output switch
    {
        { Count: 0 } any => any,
        var output when output["type"] is JsonValue type => WithType(output, new JsonArray(type.DeepClone(), "null")),
        var output => AnyOf(output, new JsonObject { ["type"] = "null" }),
    };

    /// <summary>A line, or the data of an event, of a map.</summary>
    public JsonObject Result => Component(
        Running.Name + "MapResult",
        () => Object(new JsonObject { ["index"] = new JsonObject { ["type"] = "integer" }, ["result"] = Output }));

    /// <summary>Whether the operation needs an input.</summary>
    public bool NeedsInput => Running.Operation.InputSchema["required"] is JsonArray { Count: > 0 };

    /// <summary>A working example of the operation's input.</summary>
    public JsonNode? Example => JsonNode.Parse(Running.Operation.Example.Utf8.Span);

    /// <summary>The request for a task of a pattern.</summary>
    public JsonObject PatternTask => Component(nameof(PatternTaskRequest), () =>
    {
        var names = new JsonArray([.. patterns.Names.Select(static name => JsonValue.Create(name))]);
        return Narrow(InputOf(typeof(PatternTaskRequest)), "pattern", new JsonObject { ["type"] = "string", ["enum"] = names });
    });

    /// <summary>The task in the response to the request that creates it: it has no outcome yet.</summary>
    public JsonObject AcceptedTask => Component("AcceptedTask", () =>
    {
        var schema = OutputOf(typeof(TaskResponse));
        var properties = (JsonObject)schema["properties"]!;
        properties.Remove("result");
        properties.Remove("error");
        return schema;
    });

    /// <summary>The tasks of a list: without a result, and of an error only its type.</summary>
    public JsonObject ListedTasks => Component(nameof(TaskList), () =>
    {
        var item = Component("ListedTask", () =>
        {
            var task = Narrow(OutputOf(typeof(TaskResponse)), "error", Object("type", TypesOf(ProblemSamples.All)));
            ((JsonObject)task["properties"]!).Remove("result");
            return task;
        });
        return Narrow(OutputOf(typeof(TaskList)), "items", Array(item));
    });

    /// <summary>The last line of a stream that failed after its start.</summary>
    public JsonObject StreamError => Component(nameof(StreamError), () => Object("error", Response<Problem>()));

    private (Operation Operation, string Name) Running =>
        running ?? throw new InvalidOperationException("This endpoint runs no operation of its own.");

    /// <summary>Returns the same schemas, for an endpoint that runs an operation.</summary>
    /// <param name="operation">The operation, and the beginning of the names of its schemas.</param>
    public Schemas For((Operation Operation, string Name)? operation) => new(components, Limits, patterns, operation);

    /// <summary>Returns the schema of a request.</summary>
    public JsonObject Request<T>() => Request(typeof(T));

    /// <summary>Returns the schema of a request, with one property that the operation specifies.</summary>
    /// <param name="suffix">One of <see cref="Suffixes"/>.</param>
    /// <param name="property">The property.</param>
    /// <param name="schema">Its schema.</param>
    /// <param name="isRequired">Whether it is required although the record does not demand it.</param>
    public JsonObject Request<T>(string suffix, string property, JsonNode schema, bool isRequired = false) =>
        Component(Running.Name + suffix, () => Narrow(InputOf(typeof(T)), property, schema, isRequired));

    /// <summary>Returns the schema of a response.</summary>
    public JsonObject Response<T>() => ResponseOf(typeof(T));

    /// <summary>Returns the schema of a response, with one property that the operation specifies.</summary>
    /// <inheritdoc cref="Request{T}(string, string, JsonNode, bool)" path="/param"/>
    public JsonObject Response<T>(string suffix, string property, JsonNode schema) =>
        Component(Running.Name + suffix, () => Narrow(OutputOf(typeof(T)), property, schema));

    /// <summary>Returns the schema of a problem, of one of several types.</summary>
    /// <param name="name">Its name among the components.</param>
    /// <param name="problems">A problem of each type.</param>
    public JsonObject ProblemOf(string name, IEnumerable<Problem> problems) =>
        Component(name, () => Narrow(OutputOf(typeof(Problem)), "type", TypesOf(problems)));

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

    /// <summary>
    /// Returns the words of a name, each with a capital: <c>MathSquare</c> for <c>math.square</c>. Only ASCII letters and digits remain.
    /// </summary>
    public static string PascalCase(string name)
    {
        var words = new string([.. name.Select(static character => char.IsAsciiLetterOrDigit(character) ? character : ' ')])
            .Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return string.Concat(words.Select(static word => char.ToUpperInvariant(word[0]) + word[1..]));
    }

    /// <summary>
    /// The types of problems. Generators name the members of an enumeration by <c>x-enumNames</c>: a type begins with a slash.
    /// </summary>
    private static JsonObject TypesOf(IEnumerable<Problem> problems)
    {
        var types = problems.DistinctBy(static problem => problem.Type, StringComparer.Ordinal)
            .OrderBy(static problem => problem.Type, StringComparer.Ordinal).ToList();
        return new JsonObject
        {
            ["type"] = "string",
            ["enum"] = new JsonArray([.. types.Select(static problem => (JsonNode?)problem.Type)]),
            ["x-enumNames"] = new JsonArray([.. types.Select(static problem => (JsonNode?)PascalCase(problem.Slug))]),
        };
    }

    private static JsonObject WithType(JsonObject schema, JsonNode type)
    {
        schema["type"] = type;
        return schema;
    }

    /// <summary>
    /// Replaces the schema of a property. Generators derive a type from a whole schema, but not from one that corrects another.
    /// </summary>
    private static JsonObject Narrow(JsonObject record, string property, JsonNode schema, bool isRequired = false)
    {
        var properties = (JsonObject)record["properties"]!;
        if (schema is JsonObject keywords && (properties[property] as JsonObject)?["description"] is { } description)
        {
            keywords.TryAdd("description", description.DeepClone());
        }

        properties[property] = schema;
        if (isRequired)
        {
            ((JsonArray)(record["required"] ??= new JsonArray())).Add(property);
        }

        return record;
    }

    /// <summary>Returns whether schemas refer to a type by name: the app's own records. All others are inline.</summary>
    private static bool IsComponent(Type type) =>
        type is { IsClass: true, IsGenericType: false }
            && type.Assembly == typeof(JsonSchemas).Assembly
            && CoreJson.Options.GetTypeInfo(type).Properties.Count > 0;

    private JsonObject Request(Type type) => Component(type.Name, () => InputOf(type));

    private JsonObject ResponseOf(Type type) =>
        type == typeof(Problem) ? ProblemOf(type.Name, ProblemSamples.All) : Component(type.Name, () => OutputOf(type));

    private JsonObject InputOf(Type type) =>
        (JsonObject)WithLimits(JsonSchemas.OfInput(type, part => IsComponent(part) ? Request(part) : null));

    private JsonObject OutputOf(Type type)
    {
        var schema = (JsonObject)JsonSchemas.OfOutput(type, part => IsComponent(part) ? ResponseOf(part) : null);

        // What is stored as text is a problem nevertheless.
        if (schema["properties"] is JsonObject properties && properties["error"] is JsonValue or JsonObject { Count: 0 })
        {
            properties["error"] = ResponseOf(typeof(Problem));
        }

        return schema;
    }

    private JsonObject Component(string name, Func<JsonNode> make) =>
        components.Refer("schemas", name, () => Components.ForGenerators(make().DeepClone()));

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
