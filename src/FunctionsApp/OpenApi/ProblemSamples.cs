using FunctionsApp.Core.Problems;
using FunctionsApp.Core.Tasks;
using FunctionsApp.Http;

namespace FunctionsApp.OpenApi;

/// <summary>A sample of every type of problem: the type's slug, title and status come from the problem itself.</summary>
internal static class ProblemSamples
{
    public static Problem Unauthorized { get; } =
        HttpProblems.Unauthorized("Send one of the host's keys as x-functions-key, or as ?code= in the URL.");

    public static Problem UnknownOperation { get; } = Problem.UnknownOperation("ehco", ["echo"]);

    public static Problem UnknownTask { get; } = Problem.UnknownTask();

    public static Problem AlreadyFinished { get; } = Problem.AlreadyFinished("The task has already succeeded.");

    public static Problem NothingToDeliver { get; } = Problem.NothingToDeliver("The task has succeeded, and has no URL for that outcome.");

    public static Problem InvalidRequest { get; } =
        Problem.InvalidRequest("/timeoutSeconds", "must be more than 0 and at most 3600 (Limits:MaxTimeoutSeconds)");

    public static Problem CallbacksNotConfigured { get; } = Problem.CallbacksNotConfigured();

    public static Problem StorageFailed { get; } = TaskProblems.NotAccepted().Problem;

    /// <summary>Problems of any request.</summary>
    public static IReadOnlyList<Problem> OfAll { get; } =
    [
        HttpProblems.BadRequest("The host name 'example.com' does not belong to this server."),
        HttpProblems.CrossSite(
            "A web page of 'https://example.com' has sent the request, and Host:AllowedOrigins does not list that origin."),
        Problem.Saturated("The CPU queue has 2 items and no room for 1 more: its limit is 2 (Cpu:MaxQueuedItems).", 1),
        Problem.InternalError(),
        Problem.ShuttingDown(),
        Problem.LoopDetected("The request passed through this app more than once: the app's own calls lead back to it."),
    ];

    /// <summary>Problems of requests without an endpoint.</summary>
    public static IReadOnlyList<Problem> OfServer { get; } =
    [
        HttpProblems.NotFound("/api/nothing"),
        HttpProblems.MethodNotAllowed("/api/gather does not support GET; it supports POST."),
    ];

    /// <summary>Problems of a request that names operations, and of running them.</summary>
    public static IReadOnlyList<Problem> OfWork { get; } =
    [
        Problem.MalformedJson("The text ends where a comma or '}' is expected").At(1, 11),
        Problem.RequestTimeout("The body arrived more slowly than 240 bytes a second for 5 seconds."),
        Problem.TooLarge("A gather has at most 10000 calls (Limits:MaxCalls), not 10001."),
        HttpProblems.UnsupportedMediaType("'text/plain' is not supported; send application/json in UTF-8.", "application/json"),
        InvalidRequest,
        UnknownOperation,
        Problem.WrongKind("'delay' is an io operation, which returns one value: use await."),
        Problem.OperationFailed("out of paper"),
        Problem.DestinationNotAllowed(
            "The host '169.254.169.254' is not allowed: it is not on the public Internet, and Outbound:AllowedHosts does not list it."),
        Problem.UpstreamFailed("'example.com' responded with status 404 (raiseForStatus)."),
        Problem.Timeout("'delay' timed out after 0.2 s (timeoutSeconds)."),
    ];

    /// <summary>Problems of a request that creates a task.</summary>
    public static IReadOnlyList<Problem> OfTask { get; } =
    [
        Problem.IdempotencyKeyReused(),
        StorageFailed,
        Problem.Interrupted("The host ended while the task ran, and no attempt is left (retry.maxAttempts: 10)."),
    ];

    /// <summary>Problems of every type.</summary>
    public static IReadOnlyList<Problem> All { get; } =
    [
        .. OfAll, .. OfServer, .. OfWork, .. OfTask, Unauthorized, UnknownTask, AlreadyFinished, NothingToDeliver, CallbacksNotConfigured,
    ];
}
