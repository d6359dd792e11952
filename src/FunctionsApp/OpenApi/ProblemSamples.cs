using FunctionsApp.Core.Problems;
using FunctionsApp.Http;

namespace FunctionsApp.OpenApi;

/// <summary>A sample of every type of problem: the type's slug, title and status come from the problem itself.</summary>
internal static class ProblemSamples
{
    public static Problem BadRequest { get; } = HttpProblems.BadRequest("The host name 'example.com' does not belong to this server.");

    public static Problem MalformedJson { get; } = Problem.MalformedJson("The text ends where a comma or '}' is expected").At(1, 11);

    public static Problem Unauthorized { get; } =
        HttpProblems.Unauthorized("Send one of the host's keys as x-functions-key, or as ?code= in the URL.");

    public static Problem CrossSite { get; } = HttpProblems.CrossSite(
        "A web page of 'https://example.com' has sent the request, and Host:AllowedOrigins does not list that origin.");

    public static Problem DestinationNotAllowed { get; } = Problem.DestinationNotAllowed(
        "The host '169.254.169.254' is not allowed: it is not on the public Internet, and Outbound:AllowedHosts does not list it.");

    public static Problem LoopDetected { get; } = Problem.LoopDetected(
        "The request passed through this app more than once: the app's own calls lead back to it.");

    public static Problem UnknownOperation { get; } = Problem.UnknownOperation("ehco", ["echo"]);

    public static Problem UnknownTask { get; } = Problem.UnknownTask();

    public static Problem NotFound { get; } = HttpProblems.NotFound("/api/nothing");

    public static Problem MethodNotAllowed { get; } = HttpProblems.MethodNotAllowed("/api/gather does not support GET; it supports POST.");

    public static Problem RequestTimeout { get; } = Problem.RequestTimeout(
        "The body arrived more slowly than 240 bytes a second for 5 seconds.");

    public static Problem AlreadyFinished { get; } = Problem.AlreadyFinished("The task has already succeeded.");

    public static Problem NothingToDeliver { get; } = Problem.NothingToDeliver("The task has succeeded, and has no URL for that outcome.");

    public static Problem TooLarge { get; } = Problem.TooLarge("A gather has at most 10000 calls (Limits:MaxCalls), not 10001.");

    public static Problem UnsupportedMediaType { get; } = HttpProblems.UnsupportedMediaType(
        "'text/plain' is not supported; send application/json in UTF-8.", "application/json");

    public static Problem InvalidRequest { get; } =
        Problem.InvalidRequest("/timeoutSeconds", "must be more than 0 and at most 3600 (Limits:MaxTimeoutSeconds)");

    public static Problem WrongKind { get; } = Problem.WrongKind("'delay' is an io operation, which returns one value: use await.");

    public static Problem IdempotencyKeyReused { get; } = Problem.IdempotencyKeyReused();

    public static Problem Saturated { get; } = Problem.Saturated(
        "The CPU queue has 2 items and no room for 1 more: its limit is 2 (Cpu:MaxQueuedItems).", 1);

    public static Problem OperationFailed { get; } = Problem.OperationFailed("out of paper");

    public static Problem InternalError { get; } = Problem.InternalError();

    public static Problem Interrupted { get; } = Problem.Interrupted(
        "The host ended while the task ran, and no attempt is left (retry.maxAttempts: 10).");

    public static Problem CallbacksNotConfigured { get; } = Problem.CallbacksNotConfigured();

    public static Problem UpstreamFailed { get; } = Problem.UpstreamFailed("'example.com' responded with status 404 (raiseForStatus).");

    public static Problem ShuttingDown { get; } = Problem.ShuttingDown();

    public static Problem Timeout { get; } = Problem.Timeout("'delay' timed out after 0.2 s (timeoutSeconds).");

    public static Problem StorageFailed { get; } =
        Problem.StorageFailed("The task could not be written to the disk, and has not been accepted.");

    /// <summary>Problems of any request.</summary>
    public static IReadOnlyList<Problem> OfAll { get; } = [BadRequest, CrossSite, Saturated, InternalError, ShuttingDown, LoopDetected];

    /// <summary>Problems of requests without an endpoint.</summary>
    public static IReadOnlyList<Problem> OfServer { get; } = [NotFound, MethodNotAllowed];

    /// <summary>Problems of a body.</summary>
    public static IReadOnlyList<Problem> OfBody { get; } = [MalformedJson, RequestTimeout, TooLarge, UnsupportedMediaType, InvalidRequest];

    /// <summary>Problems of a request that names operations, and of running them.</summary>
    public static IReadOnlyList<Problem> OfWork { get; } =
        [.. OfBody, UnknownOperation, WrongKind, OperationFailed, DestinationNotAllowed, UpstreamFailed, Timeout];

    /// <summary>Problems of a request that creates a task.</summary>
    public static IReadOnlyList<Problem> OfTask { get; } = [IdempotencyKeyReused, StorageFailed, Interrupted];

    /// <summary>Problems of every type.</summary>
    public static IReadOnlyList<Problem> All { get; } =
    [
        .. OfAll, .. OfServer, .. OfWork, .. OfTask, Unauthorized, UnknownTask, AlreadyFinished, NothingToDeliver, CallbacksNotConfigured,
    ];
}
