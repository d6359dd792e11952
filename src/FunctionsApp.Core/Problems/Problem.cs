using System.Diagnostics;
using System.Text.Json.Serialization;

namespace FunctionsApp.Core.Problems;

/// <summary>
/// An error, as RFC 9457 problem details. It is the body of every error response. A failure among the results of a
/// response has the same form.
/// </summary>
public sealed record Problem
{
    private readonly string _detail;

    /// <summary>Describes a problem type that has no method here.</summary>
    /// <param name="slug">The last part of <see cref="Type"/>.</param>
    /// <param name="title">The problem type in words.</param>
    /// <param name="status">The HTTP status code.</param>
    /// <param name="detail">What happened this time, and what to do about it.</param>
    public Problem(string slug, string title, int status, string detail)
    {
        Type = TypeOf(slug);
        Title = title;
        Status = status;
        _detail = detail;

        // An activity whose ids are not in W3C format has a trace id of zeros.
        var traceId = Activity.Current?.TraceId ?? default;
        TraceId = (traceId == default ? ActivityTraceId.CreateRandom() : traceId).ToHexString();
    }

    /// <summary>Returns the <see cref="Type"/> of a slug.</summary>
    /// <param name="slug">The last part of it.</param>
    public static string TypeOf(string slug) => "/problems/" + slug;

    /// <summary>The problem type: a relative URI, <c>/problems/{slug}</c>.</summary>
    public string Type { get; }

    /// <summary>The last part of <see cref="Type"/>.</summary>
    [JsonIgnore]
    public string Slug => Type[(Type.LastIndexOf('/') + 1)..];

    /// <summary>The problem type in words; the same for every problem of one type.</summary>
    public string Title { get; }

    /// <summary>The HTTP status code of this type.</summary>
    public int Status { get; }

    /// <summary>What happened this time, and what to do about it; with the place in the body, if it has one.</summary>
    public string Detail => Line is { } line && Position is { } position ? $"{_detail} (line {line}, position {position})" : _detail;

    /// <summary>The W3C trace id of the request, 32 hexadecimal digits; the log has the same id.</summary>
    public string TraceId { get; }

    /// <summary>Every error of the request: JSON pointer (RFC 6901) → messages.</summary>
    public IReadOnlyDictionary<string, string[]>? Errors { get; init; }

    /// <summary>
    /// The invalid line of a body that is not JSON or nests too deep, or the line of the invalid item in NDJSON; counted from 1.
    /// </summary>
    public long? Line { get; init; }

    /// <summary>The byte within <see cref="Line"/>, counted from 1.</summary>
    public long? Position { get; init; }

    /// <summary>The call, step or item that failed, counted from 0.</summary>
    public long? Index { get; init; }

    /// <summary>
    /// The id that the caller gave the call that failed, or that of a task of which it is not known whether it was accepted.
    /// </summary>
    public string? Id { get; init; }

    /// <summary>Names near the unknown one, nearest first.</summary>
    public IReadOnlyList<string>? Suggestions { get; init; }

    /// <summary>The maximum size of <see cref="Results"/>, in bytes.</summary>
    public const int MaxResultBytes = 1024 * 1024;

    /// <summary>
    /// The results of the steps that had succeeded before this failure, in UTF-8 JSON; the first ones, up to <see cref="MaxResultBytes"/>.
    /// </summary>
    [JsonConverter(typeof(RawValuesConverter))]
    public IReadOnlyList<ReadOnlyMemory<byte>>? Results { get; init; }

    /// <summary>How many later results <see cref="Results"/> omits; absent if none.</summary>
    public int? OmittedResults { get; init; }

    /// <summary>Seconds to wait before a retry; sent as the <c>Retry-After</c> header.</summary>
    [JsonIgnore]
    public int? RetryAfterSeconds { get; init; }

    /// <summary>A header that the response has beside the problem, such as <c>WWW-Authenticate</c>; null for none.</summary>
    [JsonIgnore]
    public (string Name, string Value)? Header { get; init; }

    /// <summary>Whether the same request may succeed on a retry. Used by the app only, not serialized.</summary>
    [JsonIgnore]
    public bool IsTransient { get; init; }

    /// <summary>Returns the same errors, with <paramref name="pointer"/> before each pointer.</summary>
    /// <param name="pointer">JSON pointer, in the request, to the value that the present pointers start from.</param>
    public Problem Below(string pointer) => Errors is null || pointer.Length == 0 ? this : InvalidRequest(
        Errors.ToDictionary(error => pointer + error.Key, static error => error.Value, StringComparer.Ordinal));

    /// <summary>Returns the same problem with its place in the body, instead of an earlier place.</summary>
    /// <param name="line">Counted from 1.</param>
    /// <param name="position">The byte in the line, counted from 1.</param>
    public Problem At(long line, long position) => this with { Line = line, Position = position };

    /// <summary>Returns the same problem for a text that is part of a body; a problem without a position stays as it is.</summary>
    /// <param name="firstLine">The number of the text's first line in the body.</param>
    /// <param name="firstByte">Where in that line the text starts, from 0.</param>
    public Problem Within(long firstLine, long firstByte) =>
        Line is { } line && Position is { } position ? At(line - 1 + firstLine, line == 1 ? position + firstByte : position) : this;

    /// <summary>400: the body is not JSON.</summary>
    /// <param name="detail">What is wrong. <see cref="At"/> adds where.</param>
    public static Problem MalformedJson(string detail) => new("malformed-json", "The body is not JSON", 400, detail);

    /// <summary>422: the body is JSON, but its shape or a range is invalid.</summary>
    /// <param name="errors">Every error: JSON pointer → messages.</param>
    /// <param name="whole">What the empty pointer leads to.</param>
    public static Problem InvalidRequest(IReadOnlyDictionary<string, string[]> errors, string whole = "The body")
    {
        var (pointer, messages) = errors.First();
        var more = errors.Sum(error => error.Value.Length) - 1;
        return new("invalid-request", "The request is not valid", 422,
            $"{(pointer.Length == 0 ? whole : pointer)} {messages[0]}{(more > 0 ? $", and {more} more (see errors)." : ".")}")
        { Errors = errors };
    }

    /// <summary>422 with a single error.</summary>
    /// <param name="pointer">JSON pointer to the error.</param>
    /// <param name="message">What is required, as "must be …".</param>
    public static Problem InvalidRequest(string pointer, string message) =>
        InvalidRequest(new Dictionary<string, string[]>(StringComparer.Ordinal) { [pointer] = [message] });

    /// <summary>404: no operation has this name.</summary>
    /// <param name="name">The requested name.</param>
    /// <param name="suggestions">The nearest names, nearest first.</param>
    public static Problem UnknownOperation(string name, IReadOnlyList<string> suggestions)
    {
        var detail = $"There is no operation '{Excerpt.Of(name)}'.";
        return new(
            "unknown-operation", "There is no such operation", 404,
            suggestions.Count == 0 ? detail : $"{detail} Did you mean '{suggestions[0]}'?")
        { Suggestions = suggestions };
    }

    /// <summary>422: the operation exists, but this pattern cannot run its kind.</summary>
    /// <param name="detail">The operation, its kind, and the required kind.</param>
    public static Problem WrongKind(string detail) => new("wrong-kind", "The operation is of the wrong kind", 422, detail);

    /// <summary>413: the request exceeds a limit.</summary>
    /// <param name="detail">What is too large, and the limit with its name.</param>
    public static Problem TooLarge(string detail) => new("too-large", "The request is too large", 413, detail);

    /// <summary>403: the outbound guard refuses a URL.</summary>
    /// <param name="detail">The refused URL as the caller wrote it, without what it resolves to.</param>
    public static Problem DestinationNotAllowed(string detail) =>
        new("destination-not-allowed", "The destination is not allowed", 403, detail);

    /// <summary>508: the request comes from the app itself, in a loop.</summary>
    /// <param name="detail">How the app detected the loop.</param>
    public static Problem LoopDetected(string detail) => new("loop-detected", "The request is in a loop", 508, detail);

    /// <summary>501: a callback goes to a URL, but there is no key to sign it with.</summary>
    public static Problem CallbacksNotConfigured() =>
        new("callbacks-not-configured", "Callbacks to URLs are not configured", 501,
            "The app cannot sign webhooks, because it has no signing key: Callbacks:SigningKeys is not set.");

    /// <summary>502: an outbound request could not be completed.</summary>
    /// <param name="detail">How far the request got, and the limit if one was reached; no address.</param>
    public static Problem UpstreamFailed(string detail) => new("upstream-failed", "An outbound request failed", 502, detail);

    /// <summary>429: the app refuses the request because too much work waits.</summary>
    /// <param name="detail">What is full, and its limit.</param>
    /// <param name="retryAfterSeconds">Seconds to wait before a retry.</param>
    public static Problem Saturated(string detail, int retryAfterSeconds) =>
        new("saturated", "Too much work is queued", 429, detail) { RetryAfterSeconds = retryAfterSeconds };

    /// <summary>500: the operation raised an error of its own.</summary>
    /// <param name="detail">The operation's message.</param>
    public static Problem OperationFailed(string detail) => new("operation-failed", "The operation failed", 500, detail);

    /// <summary>500: an unexpected error. The log has its details, under the trace id.</summary>
    public static Problem InternalError() =>
        new("internal-error", "Internal error", 500, "The log has the details under this traceId.");

    /// <summary>504: a timeout.</summary>
    /// <param name="detail">Which time limit, and how long it was.</param>
    public static Problem Timeout(string detail) => new("timeout", "The work timed out", 504, detail);

    /// <summary>404: no task has this id, or the task has expired.</summary>
    public static Problem UnknownTask() =>
        new("unknown-task", "There is no such task", 404, "There is no task with this id: it has expired or never existed.");

    /// <summary>409: the task has ended, so it cannot be cancelled.</summary>
    /// <param name="detail">The outcome of the task.</param>
    public static Problem AlreadyFinished(string detail) => new("already-finished", "The task has already ended", 409, detail);

    /// <summary>409: the task has no webhook to send again.</summary>
    /// <param name="detail">Why not.</param>
    public static Problem NothingToDeliver(string detail) => new("nothing-to-deliver", "There is nothing to deliver", 409, detail);

    /// <summary>422: the idempotency key belongs to another request.</summary>
    public static Problem IdempotencyKeyReused() => new("idempotency-key-reused", "The idempotency key was used for another request", 422,
        "An earlier request with this Idempotency-Key differs from this one. Send the same request again, or another key.");

    /// <summary>500: the host stopped while the task ran, and no attempts are left.</summary>
    /// <param name="detail">How many attempts there were.</param>
    public static Problem Interrupted(string detail) => new("interrupted", "The task was interrupted", 500, detail);

    /// <summary>507: storage could not be written or read, mostly because the disk is full.</summary>
    /// <param name="detail">What was not done.</param>
    public static Problem StorageFailed(string detail) => new("storage-failed", "The storage failed", 507, detail);

    /// <summary>503: the host is stopping and has cancelled the work.</summary>
    public static Problem ShuttingDown() =>
        new("shutting-down", "The host is shutting down", 503, "The work was cancelled because the host is shutting down.")
        {
            RetryAfterSeconds = 5,
        };

    /// <summary>408: the body arrived too slowly.</summary>
    /// <param name="detail">The minimum rate.</param>
    public static Problem RequestTimeout(string detail) => new("request-timeout", "The body arrived too slowly", 408, detail);
}
