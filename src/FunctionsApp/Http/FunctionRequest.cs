using System.Globalization;
using FunctionsApp.Core.Json;
using FunctionsApp.Core.Problems;
using Microsoft.AspNetCore.Http;
using Microsoft.Net.Http.Headers;

namespace FunctionsApp.Http;

/// <summary>A request as a function sees it: its body as JSON, its query as values, and when it is over.</summary>
public sealed class FunctionRequest
{
    private readonly HttpRequest _request;
    private readonly RequestReader _reader;
    private readonly int _maxBytes;

    internal FunctionRequest(HttpRequest request, RequestReader reader, int maxBytes, CancellationToken cancelled)
    {
        _request = request;
        _reader = reader;
        _maxBytes = maxBytes;
        Cancelled = cancelled;
    }

    /// <summary>Cancelled when the client goes away or the host stops.</summary>
    public CancellationToken Cancelled { get; }

    /// <summary>The query's <c>timeoutSeconds</c>; its range is the service's matter.</summary>
    /// <exception cref="ProblemException"><c>invalid-request</c> when it is no number.</exception>
    public double? TimeoutSeconds
    {
        get
        {
            var text = _request.Query["timeoutSeconds"];
            return text.Count == 0
                ? null
                : double.TryParse(text.ToString(), NumberStyles.Float, CultureInfo.InvariantCulture, out var seconds)
                    ? seconds
                    : throw new ProblemException(Problem.InvalidRequest("/timeoutSeconds", "must be a number of seconds"));
        }
    }

    /// <summary>What the client would rather have, by its <c>Accept</c>; null when it does not mind.</summary>
    public AnswerFormat? Format => MediaTypeHeaderValue.TryParseList(_request.Headers.Accept, out var accepted)
        ? accepted.Where(static type => type.Quality != 0).OrderByDescending(static type => type.Quality ?? 1).Select(FormatOf).FirstOrDefault(static format => format is not null)
        : null;

    /// <summary>Whether the client would rather have results as they come than an answer in one piece.</summary>
    public bool WantsStream => Format is AnswerFormat.Lines or AnswerFormat.EventStream;

    /// <summary>Reads a body that is an operation's input; no body means <c>{}</c>.</summary>
    /// <exception cref="ProblemException"><c>malformed-json</c>, <c>too-large</c>, <c>unsupported-media-type</c>.</exception>
    public async Task<RawJson> ReadInputAsync() => _reader.ReadInput(await ReadBodyAsync());

    /// <summary>Reads a body that is a pattern's request.</summary>
    /// <exception cref="ProblemException"><c>malformed-json</c>, <c>invalid-request</c>, <c>too-large</c>, <c>unsupported-media-type</c>.</exception>
    public async Task<T> ReadAsync<T>() => _reader.Read<T>(await ReadBodyAsync());

    private static AnswerFormat? FormatOf(MediaTypeHeaderValue type) => type.MediaType.Value?.ToUpperInvariant() switch
    {
        "APPLICATION/JSON" => AnswerFormat.Json,
        "APPLICATION/X-NDJSON" => AnswerFormat.Lines,
        "TEXT/EVENT-STREAM" => AnswerFormat.EventStream,
        _ => null,
    };

    private async Task<ReadOnlyMemory<byte>> ReadBodyAsync()
    {
        if (_request.ContentLength > _maxBytes)
        {
            throw new ProblemException(TooLarge());
        }

        if (_request.ContentLength is not 0)
        {
            EnsureJson();
        }

        var body = _request.BodyReader;
        while (true)
        {
            var read = await body.ReadAsync(Cancelled);
            if (read.Buffer.Length > _maxBytes)
            {
                body.AdvanceTo(read.Buffer.Start);
                throw new ProblemException(TooLarge());
            }

            if (read.IsCompleted)
            {
                var bytes = System.Buffers.BuffersExtensions.ToArray(read.Buffer);
                body.AdvanceTo(read.Buffer.End);
                return bytes;
            }

            // Nothing is consumed before all of it is there: JSON is parsed in one piece, whose size is limited.
            body.AdvanceTo(read.Buffer.Start, read.Buffer.End);
        }
    }

    private Problem TooLarge() => Problem.TooLarge(string.Create(CultureInfo.InvariantCulture,
        $"The body is larger than {_maxBytes} bytes (Limits:MaxRequestBytes)."));

    private void EnsureJson()
    {
        if (_request.Headers.ContentEncoding is { Count: > 0 } encoding && !string.Equals(encoding.ToString(), "identity", StringComparison.OrdinalIgnoreCase))
        {
            throw new ProblemException(Problem.UnsupportedMediaType($"A body with Content-Encoding '{encoding}' is not read; send it as it is."));
        }

        // A client that does not say what it sends means JSON; one that says so is taken at its word.
        if (string.IsNullOrEmpty(_request.ContentType))
        {
            return;
        }

        var isJson = MediaTypeHeaderValue.TryParse(_request.ContentType, out var type)
            && (type.MediaType.Equals("application/json", StringComparison.OrdinalIgnoreCase) || type.Suffix.Equals("json", StringComparison.OrdinalIgnoreCase))
            && (!type.Charset.HasValue || type.Charset.Equals("utf-8", StringComparison.OrdinalIgnoreCase) || type.Charset.Equals("\"utf-8\"", StringComparison.OrdinalIgnoreCase));
        if (!isJson)
        {
            throw new ProblemException(Problem.UnsupportedMediaType($"'{_request.ContentType}' is not read; send application/json in UTF-8."));
        }
    }
}

/// <summary>The form of an answer.</summary>
public enum AnswerFormat
{
    /// <summary>In one piece: <c>application/json</c>.</summary>
    Json,

    /// <summary>A line of JSON for each result: <c>application/x-ndjson</c>.</summary>
    Lines,

    /// <summary>An event for each result: <c>text/event-stream</c>.</summary>
    EventStream,
}
