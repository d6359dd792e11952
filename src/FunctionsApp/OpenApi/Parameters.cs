using System.Text.Json.Nodes;
using FunctionsApp.Core.Json;
using FunctionsApp.Core.Patterns.Map;
using FunctionsApp.Core.Tasks;
using FunctionsApp.Http;

namespace FunctionsApp.OpenApi;

/// <summary>The parameters of endpoints beside their bodies.</summary>
internal static class Parameters
{
    /// <summary>The time limit of an operation, for a body that cannot hold it.</summary>
    public static Parameter TimeoutSeconds { get; } = new(
        "timeoutSeconds", "query", static of => of.TimeLimit("The timeout of the operation, in seconds."));

    /// <summary>How long a streamed response may be silent.</summary>
    public static Parameter HeartbeatSeconds { get; } = new(FunctionRequest.HeartbeatParameter, "query", static _ => new JsonObject
    {
        ["description"] = "Only for a response of lines: after this many seconds without a line, the app sends an empty one.",
        ["type"] = "number",
        ["minimum"] = FunctionRequest.MinHeartbeatSeconds,
        ["maximum"] = FunctionRequest.MaxHeartbeatSeconds,
    });

    /// <summary>How long to wait for a task.</summary>
    public static Parameter WaitSeconds { get; } = new("waitSeconds", "query", static of => new JsonObject
    {
        ["description"] = "How long to wait for the end of the task, in seconds.",
        ["type"] = "number",
        ["minimum"] = 0,
        ["maximum"] = of.Limits.MaxWaitSeconds,
        ["default"] = 0,
    });

    /// <summary>The key that identifies a repeated request. Every endpoint that can create a task has it.</summary>
    public static Parameter IdempotencyKey { get; } = Header(
        "Idempotency-Key", "The same key with the same request returns the same task. Only requests that create a task use it.",
        """{"minLength":1,"maxLength":255,"pattern":"^[\\x00-\\x7f]*$"}""");

    /// <summary>Where to resume the events of a task.</summary>
    public static Parameter LastEventId { get; } = Header(
        "Last-Event-ID", "The id of the last event that the client has. The app sends only later ones.", """{"pattern":"^[0-9]+$"}""");

    /// <summary>What turns a response into a task.</summary>
    public static Parameter Prefer { get; } = Header(
        "Prefer",
        "respond-async: respond 202 with a task. With wait=N beside it, "
            + "respond with the result if the work ends within N seconds (RFC 7240).",
        """{"examples":["respond-async","respond-async, wait=10"]}""");

    /// <summary>The choice of a task, and the key of its request.</summary>
    public static IReadOnlyList<Parameter> Async { get; } = [Prefer, IdempotencyKey];

    /// <summary>The variant of this document.</summary>
    public static Parameter Responses { get; } = new("responses", "query", static _ => new JsonObject
    {
        ["description"] = "all: every response of each endpoint. one: only the response to a client that sends neither Prefer nor Accept, "
            + "with each stream as binary, for generators that support one type for each method.",
        ["type"] = "string",
        ["enum"] = new JsonArray("all", "one"),
        ["default"] = "all",
    });

    /// <summary>The options of a map whose body has one item per line.</summary>
    public static IReadOnlyList<Parameter> OfMap { get; } =
        Query<MapOptions>("map.", " Only for a body of lines. In a JSON body it is a property.");

    /// <summary>The filter of a list of tasks.</summary>
    public static IReadOnlyList<Parameter> OfTaskList { get; } = Query<TaskListRequest>("list.");

    /// <summary>The schema of a route parameter.</summary>
    /// <param name="name">Its name.</param>
    /// <exception cref="InvalidOperationException">The name is unknown.</exception>
    public static JsonNode InRoute(string name) => JsonNode.Parse(name switch
    {
        "id" => """{"type":"string","description":"The id of the task.","pattern":"^[0-9a-f]{32}$"}""",
        "operation" => """{"type":"string","description":"The name of the operation; io or cpu.","examples":["hash"]}""",
        "name" => """{"type":"string","description":"The name of the operation.","examples":["primes.factor"]}""",
        _ => throw new InvalidOperationException($"The route parameter {{{name}}} is not described."),
    })!;

    private static Parameter Header(string name, string description, string schema) => new(name, "header", _ =>
    {
        var keywords = JsonNode.Parse(schema)!;
        keywords["type"] = "string";
        keywords["description"] = description;
        return keywords;
    });

    private static Parameter[] Query<T>(string scope, string condition = "") =>
        [.. CoreJson.TypeInfo<T>().Properties.Select(property => new Parameter(property.Name, "query", of =>
        {
            var schema = of.Query<T>()[property.Name]!.DeepClone();
            schema["description"] += condition;
            return schema;
        }, scope))];
}
