using System.Text.Json.Nodes;
using FunctionsApp.Core.Health;
using FunctionsApp.Core.Operations;
using FunctionsApp.Core.Patterns.Await;
using FunctionsApp.Core.Patterns.Callback;
using FunctionsApp.Core.Patterns.Gather;
using FunctionsApp.Core.Patterns.Map;
using FunctionsApp.Core.Patterns.Sequence;
using FunctionsApp.Core.Patterns.Streaming;
using FunctionsApp.Core.Problems;
using FunctionsApp.Core.Tasks;
using static FunctionsApp.OpenApi.ProblemSamples;

namespace FunctionsApp.OpenApi;

/// <summary>The requests and responses of the functions: everything in the document that their attributes do not describe.</summary>
internal static class EndpointDescriptions
{
    /// <summary>The patterns, in display order.</summary>
    public static IReadOnlyList<(string Name, string Description)> Tags { get; } =
    [
        ("await", "await f(x), asyncio.wait_for: runs one operation."),
        ("sequence", "await a(); await b(): runs operations one after the other."),
        ("callback", "add_done_callback: runs an operation, then a continuation with its outcome."),
        ("gather", "asyncio.gather, TaskGroup, as_completed, wait, Semaphore: runs operations concurrently."),
        ("map", "Pool.map, ThreadPool.map, starmap, imap: runs one operation for many items, on every core or as calls at once."),
        ("stream", "async for: sends the values of an operation when it yields them."),
        ("tasks", "create_task, await task, task.cancel(): work that outlives its request."),
        ("catalog", "Operations and API description."),
        ("health", "Health checks."),
    ];

    /// <summary>The functions by their names, in display order.</summary>
    public static IReadOnlyDictionary<string, EndpointDescription> ByFunction { get; } = new OrderedDictionary<string, EndpointDescription>(
        StringComparer.Ordinal)
    {
        ["Await"] = new("await")
        {
            Runs = RespondsOnce,
            Parameters = [Parameters.TimeoutSeconds],
            Choices = Parameters.Async,
            Body = static of => [Json(of.Input, of.Example)],
            NeedsBody = static of => of.NeedsInput,
            Response = new("The result.", static of => [Json(of.Response<AwaitResponse>("Response", "result", of.Output))]),
            Problems = OfWork,
        },
        ["Sequence"] = new("sequence")
        {
            Choices = Parameters.Async,
            Body = static of => [Json(of.Request<SequenceRequest>(), Parse("""
                {"steps":[{"operation":"echo","input":{"value":"hello"}},{"operation":"hash","input":{"text":"hello"}}]}
                """))],
            Response = new("The results, in the order of the steps.", static of => [Json(of.Response<SequenceResponse>())]),
            Problems = OfWork,
        },
        ["Callback"] = new("callback")
        {
            // A URL as the continuation makes a task of it too.
            Parameters = [Parameters.IdempotencyKey],
            Choices = [Parameters.Prefer],
            Body = static of => [Json(of.Request<CallbackRequest>(), Parse("""
                {"input":{"text":"hello"},"onSuccess":{"operation":"echo"}}
                """))],
            Response = new("The result of the continuation.", static of => [Json(of.Response<CallbackResponse>())]),
            Problems = [.. OfWork, CallbacksNotConfigured],
        },
        ["Gather"] = new("gather")
        {
            Choices = [.. Parameters.Async, Parameters.HeartbeatSeconds],
            Body = static of => [Json(of.Request<GatherRequest>(), Parse("""
                {"calls":[{"id":"slow","operation":"delay","input":{"seconds":0.2}},{"id":"quick","operation":"echo","input":{"value":1}}]}
                """))],
            Response = new("The results, in the order of the calls; in a stream in the order in which they complete.", static of =>
            [
                Json(of.Response<GatherResponse>()),
                Lines(of.Response<GatherResult>(), Schemas.Object("summary", of.Response<GatherSummary>()), of.StreamError),
                Events(of.Response<GatherResult>(), of.Response<GatherSummary>(), of.Response<Problem>()),
            ]),
            Problems = OfWork,
        },
        ["Map"] = new("map")
        {
            Runs = RespondsOnce,
            Choices = [.. Parameters.Async, .. Parameters.OfMap, Parameters.HeartbeatSeconds],
            Body = static of =>
            [
                Json(
                    of.Request<MapRequest>("MapRequest", "items", Schemas.Array(Item)),
                    new JsonObject { ["items"] = new JsonArray(of.Example, of.Example) }),
                new("application/x-ndjson", Item),
            ],
            Response = new("The results, in the order of the items; in a stream meanwhile.", static of =>
            [
                Json(of.Response<MapResponse>("MapResponse", "results", Schemas.Array(of.OutputOrNull))),
                Lines(
                    of.Result, of.Response<MapError>(), Schemas.Object("chunk", of.Response<MapChunk>()),
                    Schemas.Object("summary", of.Response<MapSummary>()), of.StreamError),
                Events(of.Result, of.Response<MapError>(), of.Response<MapChunk>(), of.Response<MapSummary>(), of.Response<Problem>()),
            ]),
            Problems = OfWork,
        },
        ["Stream"] = new("stream")
        {
            Runs = static operation => operation is StreamOperation,
            Parameters = [Parameters.TimeoutSeconds, Parameters.HeartbeatSeconds],
            Body = static of => [Json(of.Input, of.Example)],
            NeedsBody = static of => of.NeedsInput,
            Response = new("The values, when the operation yields them.", static of =>
            [
                Lines(Schemas.Object("value", of.Output), Schemas.Object("end", of.Response<StreamEnd>()), of.StreamError),
                Events(of.Output, of.Response<StreamEnd>(), of.Response<Problem>()),
            ]),
            Problems = OfWork,
        },
        ["CreateTask"] = new("tasks")
        {
            Runs = RespondsOnce,
            Parameters = [Parameters.IdempotencyKey],
            Body = static of =>
            [
                Json(of.Request<TaskRequest>("TaskRequest", "input", of.Input, of.NeedsInput), new JsonObject { ["input"] = of.Example }),
            ],
            Problems = [.. OfWork, CallbacksNotConfigured],
        },
        ["CreatePatternTask"] = new("tasks")
        {
            Parameters = [Parameters.IdempotencyKey],
            Body = static of => [Json(of.PatternTask, Parse("""
                {"pattern":"map","operation":"math.square","request":{"items":[1,2,3]}}
                """))],
            Problems = [.. OfWork, CallbacksNotConfigured],
        },
        ["ListTasks"] = new("tasks")
        {
            Parameters = Parameters.OfTaskList,
            Response = new("The tasks, newest first.", static of => [Json(of.ListedTasks)]),
            Problems = [InvalidRequest],
        },
        ["GetTask"] = new("tasks")
        {
            Parameters = [Parameters.WaitSeconds],
            Response = new("The task.", static of => [Json(of.Response<TaskResponse>())]),
            Problems = [InvalidRequest, UnknownTask, StorageFailed],
        },
        ["CancelTask"] = new("tasks")
        {
            Response = new(
                "The task. It is cancelled, or will be when its running work has stopped.",
                static of => [Json(of.Response<TaskResponse>())], Status: 202),
            Problems = [UnknownTask, AlreadyFinished, StorageFailed],
        },
        ["WatchTask"] = new("tasks")
        {
            Parameters = [Parameters.LastEventId],
            Response = new("The task after each change.", static of => [Events(of.Response<TaskResponse>(), of.Response<Problem>())]),
            Problems = [UnknownTask, StorageFailed],
        },
        ["ListDeliveries"] = new("tasks")
        {
            Response = new("The attempts, oldest first.", static of => [Json(of.Response<DeliveryList>())]),
            Problems = [UnknownTask],
        },
        ["Redeliver"] = new("tasks")
        {
            Response = new("The attempts so far.", static of => [Json(of.Response<DeliveryList>())], Status: 202),
            Problems = [UnknownTask, NothingToDeliver, StorageFailed],
        },
        ["ListOperations"] = new("catalog")
        {
            Response = new("The operations, by name.", static of => [Json(of.Response<OperationList>())]),
        },
        ["GetOperation"] = new("catalog")
        {
            Response = new("The operation.", static of => [Json(of.Response<OperationDescription>())]),
            Problems = [UnknownOperation],
        },
        ["GetOpenApi"] = new("catalog")
        {
            Parameters = [Parameters.Responses],
            Response = new("This document.", static _ => [Json(new JsonObject { ["type"] = "object" })]),
            Problems = [InvalidRequest],
        },
        ["Playground"] = new("catalog")
        {
            Response = new("The page.", static _ => [new Content("text/html", new JsonObject { ["type"] = "string" })]),
        },
        ["HealthLive"] = new("health")
        {
            Response = new("The process responds.", static of => [Json(of.Response<HealthResponse>())]),
        },
        ["HealthReady"] = new("health")
        {
            Response = new("The app accepts new work.", static of => [Json(of.Response<HealthResponse>())]),
            Problems = [StorageFailed],
        },
    };

    private static bool RespondsOnce(Operation operation) => operation is CallableOperation;

    private static Content Json(JsonNode schema, JsonNode? example = null) => new("application/json", schema, example);

    private static Content Lines(params JsonNode[] lines) => new("application/x-ndjson", Described("One line.", Schemas.AnyOf(lines)));

    private static Content Events(params JsonNode[] data) =>
        new("text/event-stream", Described("The data of one event.", Schemas.AnyOf(data)));

    private static JsonObject Described(string description, JsonObject schema)
    {
        schema["description"] = description;
        return schema;
    }

    /// <summary>Any value: generators make nothing useful of a choice between objects and values.</summary>
    private static JsonObject Item =>
        new() { ["description"] = "The operation's input, or a bare value for its first property, or with starmap an array of values." };

    private static JsonNode? Parse(string json) => JsonNode.Parse(json);
}
