using System.Collections.Frozen;
using System.Globalization;
using System.IO.Pipelines;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using FunctionsApp.Core.Json;
using FunctionsApp.Core.Json.Schema;
using FunctionsApp.Core.Limits;
using FunctionsApp.Core.Problems;
using FunctionsApp.Core.Tasks;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Extensions.Options;
using Microsoft.Net.Http.Headers;

namespace FunctionsApp.Http;

/// <summary>What the requests of all functions use.</summary>
public sealed record RequestServices(
    RequestReader Reader, WorkGate Gate, RequestProblems Problems, IOptions<LimitsOptions> Limits, IOptions<ForwardingOptions> Forwarding,
    TimeProvider Time);

/// <summary>A request as a function sees it: its body as JSON, its query as values, and its cancellation.</summary>
public sealed class FunctionRequest
{
    /// <summary>The query parameters that the Functions host uses itself.</summary>
    private static readonly FrozenSet<string> PlatformParameters = FrozenSet.Create(StringComparer.OrdinalIgnoreCase, "code", "clientId");

    /// <summary>The parameter of <see cref="Heartbeat"/>.</summary>
    public const string HeartbeatParameter = "heartbeatSeconds";

    internal const double MinHeartbeatSeconds = 1;
    internal const double MaxHeartbeatSeconds = 60;

    private const int MaxKeyCharacters = 255;

    private readonly HttpRequest _request;
    private readonly RequestServices _services;
    private readonly RequestMemory _memory;
    private ReadOnlyMemory<byte> _body;

    /// <exception cref="ProblemException">
    /// <c>invalid-request</c> when the query's <c>heartbeatSeconds</c> is not a number from 1 to 60.
    /// </exception>
    internal FunctionRequest(HttpRequest request, RequestServices services, RequestMemory memory, CancellationToken cancelled)
    {
        (_request, _services, _memory, Cancelled) = (request, services, memory, cancelled);
        Heartbeat = ReadSeconds(HeartbeatParameter) switch
        {
            null => null,
            >= MinHeartbeatSeconds and <= MaxHeartbeatSeconds and var seconds => TimeSpan.FromSeconds(seconds),
            _ => throw new ProblemException(
                Problem.InvalidRequest("/" + HeartbeatParameter, $"must be from {MinHeartbeatSeconds} to {MaxHeartbeatSeconds}")),
        };
    }

    /// <summary>Cancelled when the client disconnects or the host stops.</summary>
    public CancellationToken Cancelled { get; }

    /// <summary>Whether the client wants no body: status and headers are those of a GET response.</summary>
    public bool IsHead => HttpMethods.IsHead(_request.Method);

    /// <summary>The client's preference, from its <c>Prefer</c> header.</summary>
    public Preference Preference => Preference.Of(_request.Headers);

    /// <summary>Reports in the response which preferences were applied.</summary>
    internal void ReportApplied(string preferences) => _request.HttpContext.Response.Headers["Preference-Applied"] = preferences;

    /// <summary>The last event that the client has received, from its <c>Last-Event-ID</c>; 0 for none.</summary>
    public long LastEventId =>
        long.TryParse(_request.Headers["Last-Event-ID"], NumberStyles.None, CultureInfo.InvariantCulture, out var id) ? id : 0;

    /// <summary>The query's <c>timeoutSeconds</c>; the service checks its range.</summary>
    /// <exception cref="ProblemException"><c>invalid-request</c> when it is not a number.</exception>
    public double? TimeoutSeconds => ReadSeconds("timeoutSeconds");

    /// <summary>How long a streamed response may be silent, from the query's <c>heartbeatSeconds</c>; null when absent.</summary>
    public TimeSpan? Heartbeat { get; }

    /// <summary>Reads a number of seconds from the query; absent means null. The service checks its range.</summary>
    /// <param name="name">The parameter.</param>
    /// <exception cref="ProblemException"><c>invalid-request</c> when it is not a number.</exception>
    public double? ReadSeconds(string name)
    {
        // Most requests have no query, and the server would make a collection of it all the same.
        var text = _request.QueryString.HasValue ? _request.Query[name] : default;
        return text.Count == 0
            ? null
            : double.TryParse(text.ToString(), NumberStyles.Float, CultureInfo.InvariantCulture, out var seconds)
                ? seconds
                : throw new ProblemException(Problem.InvalidRequest("/" + name, "must be a number of seconds"));
    }

    /// <summary>
    /// The format that the client prefers, from its <c>Accept</c>; null when it prefers none, or ranks anything (<c>*/*</c>) first.
    /// </summary>
    public ResponseFormat? Format => MediaTypeHeaderValue.TryParseList(_request.Headers.Accept, out var accepted)
        ? accepted.Where(static type => type.Quality != 0).OrderDescending(MediaTypeHeaderValueComparer.QualityComparer)
            .TakeWhile(static type => !IsAny(type)).Select(MediaTypes.FormatOf).FirstOrDefault(static format => format is not null)
        : null;

    /// <summary>Whether the client prefers results as they complete to a response in one piece.</summary>
    public bool WantsStream => Format is ResponseFormat.Lines or ResponseFormat.EventStream;

    /// <summary>Whether the function reads NDJSON as well as JSON; a refusal of another type then names both.</summary>
    public bool ReadsLines { get; set; }

    /// <summary>Whether the body is NDJSON: one value per line, read as it arrives.</summary>
    public bool HasLines => MediaTypeHeaderValue.TryParse(_request.ContentType, out var type) && MediaTypes.IsLines(type);

    /// <summary>
    /// Opens the body as it arrives, at any rate: an upload may pause as its response does. If responses must wait for uploads,
    /// the body is read first, into a temporary file if it is long.
    /// </summary>
    /// <exception cref="ProblemException"><c>unsupported-media-type</c>; <c>storage-failed</c> when it could not be stored.</exception>
    public async Task<PipeReader> OpenLinesAsync()
    {
        EnsureReadable(asLines: true);
        if (_request.HttpContext.Features.Get<IHttpMinRequestBodyDataRateFeature>() is { } limit)
        {
            limit.MinDataRate = null;
        }

        if (_services.Forwarding.Value.RespondsDuringUpload)
        {
            return _request.BodyReader;
        }

        _request.EnableBuffering();
        try
        {
            await _request.Body.DrainAsync(Cancelled);
        }
        catch (IOException exception) when (exception
            is not (BadHttpRequestException or ConnectionResetException or { InnerException: OverflowException }))
        {
            throw new ProblemException(Problem.StorageFailed(
                "The body could not be stored in a temporary file: there is no space, or no directory for temporary files."));
        }

        _request.Body.Position = 0;
        return PipeReader.Create(_request.Body);
    }

    /// <summary>Reads options from the query: the values that are properties in JSON.</summary>
    /// <param name="others">Other parameters that the query may have.</param>
    /// <exception cref="ProblemException"><c>invalid-request</c> with every error.</exception>
    public T ReadQuery<T>(params string[] others)
    {
        var query = new JsonObject();
        foreach (var (name, values) in _request.Query.Where(
            parameter => !PlatformParameters.Contains(parameter.Key) && !others.Contains(parameter.Key)))
        {
            query[name] = AsJson(values.ToString());
        }

        return _services.Reader.Read<T>(JsonSerializer.SerializeToUtf8Bytes(query, CoreJson.Options));
    }

    /// <summary>Reads a body that is an operation's input; no body means <c>{}</c>.</summary>
    /// <exception cref="ProblemException"><c>malformed-json</c>, <c>too-large</c>, <c>unsupported-media-type</c>.</exception>
    public ValueTask<RawJson> ReadInputAsync() => ReadAsync(_services.Reader.ReadInput);

    /// <summary>Reads a body, and parses it: a large one behind the gate.</summary>
    /// <param name="parse">Parses UTF-8; by default as the request of a pattern.</param>
    /// <exception cref="ProblemException">
    /// <c>too-large</c>, <c>unsupported-media-type</c>, and what parsing throws: <c>malformed-json</c>, <c>invalid-request</c>.
    /// </exception>
    public async ValueTask<T> ReadAsync<T>(Func<ReadOnlyMemory<byte>, T>? parse = null)
    {
        if (_request.ContentLength is not 0)
        {
            EnsureReadable(asLines: false);
        }

        var reader = new BodyReader(_request, _memory, _services.Limits.Value.MaxRequestBytes, _services.Time);
        _body = await reader.ReadAsync(Cancelled);

        // From here on, a large body is parsed behind the gate, as one of few at once.
        await _services.Gate.EnterAsync(_body.Length);
        return parse is null ? _services.Reader.Read<T>(_body) : parse(_body);
    }

    /// <summary>Returns a response of values as they arrive. It starts with the first one: an earlier error has its own status.</summary>
    /// <param name="events">The content of the response; without events it is 204.</param>
    /// <param name="toLine">Converts an event.</param>
    /// <param name="timeoutSeconds">The time limit of the work, if it has its own; after it a stalled reader is disconnected.</param>
    /// <param name="format">The format of the response; by default what the client asks for.</param>
    public IResult Stream<T>(
        IAsyncEnumerable<T> events, Func<T, StreamLine> toLine, double? timeoutSeconds = null, ResponseFormat? format = null)
    {
        // The service refuses any other time limit when the first event is requested.
        double maximum = _services.Limits.Value.MaxTimeoutSeconds;
        var limit = TimeSpan.FromSeconds(timeoutSeconds > 0 && timeoutSeconds < maximum ? timeoutSeconds.Value : maximum);
        var isEventStream = (format ?? Format) == ResponseFormat.EventStream;
        return new StreamResult<T>(this, events, toLine, isEventStream, limit, _services);
    }

    /// <summary>Returns the origin of a task; call it after reading the body.</summary>
    /// <param name="segments">The number of segments of the function's route.</param>
    /// <exception cref="ProblemException"><c>invalid-request</c> for an invalid <c>Idempotency-Key</c>.</exception>
    public TaskOrigin OriginOf(int segments)
    {
        var path = (_request.PathBase + _request.Path).ToString().TrimEnd('/').AsSpan();
        for (var i = 0; i < segments; i++)
        {
            path = path[..path.LastIndexOf('/')];
        }

        var keys = _request.Headers["Idempotency-Key"];
        return keys switch
        {
            [] => new TaskOrigin($"{path}/tasks"),
            [{ Length: > 0 and <= MaxKeyCharacters } key] when Ascii.IsValid(key) => new TaskOrigin($"{path}/tasks", key, Fingerprint()),
            _ => throw new ProblemException(Problem.InvalidRequest("/Idempotency-Key", "must be one header of 1 to 255 ASCII characters")),
        };
    }

    /// <summary>Returns a digest of the request: method, path, query without the function key, body.</summary>
    private string Fingerprint()
    {
        using var digest = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var query = _request.Query.Where(static parameter => !PlatformParameters.Contains(parameter.Key))
            .OrderBy(static parameter => parameter.Key, StringComparer.Ordinal);
        digest.AppendData(Encoding.UTF8.GetBytes($"{_request.Method} {_request.Path}{QueryString.Create(query)}\n"));
        digest.AppendData(_body.Span);
        return Convert.ToHexStringLower(digest.GetHashAndReset());
    }

    private static bool IsAny(MediaTypeHeaderValue type) =>
        type.MatchesAllTypes || (type.MatchesAllSubTypes && type.Type.Equals("application", StringComparison.OrdinalIgnoreCase));

    /// <summary>Parses a number, a boolean or null as JSON; anything else is text.</summary>
    private static JsonNode? AsJson(string value)
    {
        try
        {
            return JsonNode.Parse(value) switch
            {
                null => null,
                JsonValue scalar when scalar.GetValueKind() != JsonValueKind.String => scalar,
                _ => value,
            };
        }
        catch (JsonException)
        {
            return value;
        }
    }

    private void EnsureReadable(bool asLines)
    {
        EnsureNoOtherCoding("Transfer-Encoding", "chunked");
        EnsureNoOtherCoding("Content-Encoding", "identity");

        // A missing content type means JSON; an explicit one must be correct.
        if (string.IsNullOrEmpty(_request.ContentType)
            || _request.ContentType.Equals(asLines ? MediaTypes.Lines : MediaTypes.Json, StringComparison.OrdinalIgnoreCase))
        {
            return;
        }

        if (!MediaTypeHeaderValue.TryParse(_request.ContentType, out var type)
            || !(asLines ? MediaTypes.IsLines(type) : MediaTypes.IsJson(type))
            || !MediaTypes.IsUtf8(type))
        {
            string[] types = ReadsLines ? [MediaTypes.Json, MediaTypes.Lines] : [MediaTypes.Json];
            throw new ProblemException(HttpProblems.UnsupportedMediaType(
                $"'{Excerpt.Of(_request.ContentType)}' is not supported; send {string.Join(" or ", types)} in UTF-8.",
                string.Join(", ", types)));
        }
    }

    private void EnsureNoOtherCoding(string header, string coding)
    {
        if (_request.Headers[header] is { Count: > 0 } codings
            && codings.ToString().Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)
                .Any(other => !other.Equals(coding, StringComparison.OrdinalIgnoreCase)))
        {
            throw new ProblemException(HttpProblems.UnsupportedCoding(
                $"A body with {header} '{Excerpt.Of(codings.ToString())}' is not supported; send the body without it."));
        }
    }
}
