using System.Buffers;
using System.Globalization;
using System.IO.Pipelines;
using System.Net;
using System.Net.Http.Headers;
using FunctionsApp.Core.Limits;
using FunctionsApp.Core.Problems;

namespace FunctionsApp.Core.Outbound;

/// <summary>A response whose head has arrived, and whose body is read as it arrives. Disposing of it early closes the connection.</summary>
public sealed class StreamedOutboundResponse : IDisposable
{
    private const int BlockBytes = 16 * 1024;

    private readonly HttpResponseMessage _response;
    private readonly string? _codings;
    private PipeReader? _encoded;
    private Stream? _body;
    private bool _isDecoded;
    private long _bytes;

    internal StreamedOutboundResponse(HttpResponseMessage response, Uri url)
    {
        (_response, Url) = (response, url);
        _codings = ContentCoding.Of(response);
    }

    /// <summary>The URL that responded; after redirects, the last one.</summary>
    public Uri Url { get; }

    /// <summary>The HTTP status code.</summary>
    public int Status => (int)_response.StatusCode;

    /// <summary>The media type of the body; null if absent or invalid.</summary>
    public MediaTypeHeaderValue? ContentType => _response.Content.Headers.ContentType;

    /// <summary>
    /// The content codings that the body still has, such as <c>zstd</c>, because the app does not decode them, or because the body is
    /// only a part (206); null for none.
    /// </summary>
    public string? UndecodedCodings => CanDecode ? null : _codings;

    private bool CanDecode => ContentCoding.IsKnown(_codings) && _response.StatusCode is not HttpStatusCode.PartialContent;

    private bool HasBody => _response.StatusCode is not (HttpStatusCode.NoContent or HttpStatusCode.NotModified)
        && _response.RequestMessage?.Method != HttpMethod.Head;

    /// <summary>Whether the body ends only with the connection, so that a broken connection looks like its end.</summary>
    private bool EndsWithConnection => HasBody
        && _response.Version.Major < 2
        && _response.Content.Headers.ContentLength is null
        && _response.Headers.TransferEncodingChunked is not true;

    internal Uri? Location => _response.Headers.Location;

    /// <summary>Throws if the status is an error.</summary>
    /// <exception cref="ProblemException"><c>upstream-failed</c> for 400 and above.</exception>
    public void EnsureSuccess() => OutboundResponse.EnsureSuccess(Url, Status);

    /// <summary>Returns the pause that the response requests before a retry, from <paramref name="now"/> on; null for none.</summary>
    internal TimeSpan? RetryAfter(DateTimeOffset now) =>
        _response.Headers.NonValidated.TryGetValues("Retry-After", out var values) ? Outbound.RetryAfter.Parse(values.First(), now) : null;

    /// <summary>Throws if the body still has a content coding.</summary>
    /// <exception cref="ProblemException"><c>upstream-failed</c>.</exception>
    public void EnsureDecoded() => OutboundResponse.EnsureDecoded(Url, UndecodedCodings);

    /// <summary>Reads available bytes of the body, decompressed; waits if there are none.</summary>
    /// <param name="buffer">The buffer to fill from its start; not empty.</param>
    /// <param name="cancellationToken">Closes the connection.</param>
    /// <returns>How many bytes were read; 0 at the end.</returns>
    /// <exception cref="ProblemException"><c>upstream-failed</c> when the connection breaks, or the body is cut or invalid.</exception>
    public async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken)
    {
        try
        {
            _body ??= await OpenBodyAsync(cancellationToken);
            var read = await _body.ReadAsync(buffer, cancellationToken);
            _bytes += read;
            if (read == 0)
            {
                await EnsureWholeAsync(cancellationToken);
            }

            return read;
        }
        catch (Exception exception) when (exception
            is IOException or HttpRequestException or InvalidDataException or InvalidOperationException or OperationCanceledException)
        {
            cancellationToken.ThrowIfCancellationRequested();

            // Only the Brotli decompressor reports bad data as an invalid operation.
            var host = HostName.AsWritten(Url);
            var (detail, isTransient) = exception is InvalidDataException or InvalidOperationException
                ? ($"The response of '{host}' was cut off, or its compression is invalid.", EndsWithConnection)
                : ($"The connection to '{host}' broke before the response was complete.", true);
            throw new ProblemException(Problem.UpstreamFailed(detail) with { IsTransient = isTransient });
        }
    }

    /// <summary>Reads the whole body. Its bytes count as results of the current request until the caller releases them.</summary>
    /// <param name="limit">The maximum bytes after decompression: <see cref="OutboundOptions.MaxResponseBytes"/>.</param>
    /// <param name="cancellationToken">Closes the connection.</param>
    /// <exception cref="ProblemException"><c>upstream-failed</c> if the body is longer, or the connection breaks.</exception>
    internal async ValueTask<ReadOnlyMemory<byte>> ReadToEndAsync(int limit, CancellationToken cancellationToken)
    {
        if (_response.Content.Headers.ContentLength > limit && HasBody && !CanDecode)
        {
            throw TooLong(limit);
        }

        var memory = RequestMemory.Current;
        var block = ArrayPool<byte>.Shared.Rent(BlockBytes);
        using var body = new MemoryStream();
        try
        {
            while (await ReadAsync(block, cancellationToken) is var read && read > 0)
            {
                if (read > limit - body.Length)
                {
                    throw TooLong(limit);
                }

                memory?.HoldResult(read);
                body.Write(block, 0, read);
            }

            return body.GetBuffer().AsMemory(0, (int)body.Length);
        }
        catch
        {
            memory?.ReleaseResult(body.Length);
            throw;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(block);
        }
    }

    /// <summary>
    /// Returns the headers: name in lower case → value. Repeated headers are joined by <c>", "</c>. After the body was decoded, those
    /// that describe the encoded one are absent.
    /// </summary>
    internal Dictionary<string, string> ReadHeaders()
    {
        var headers = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var (name, values) in _response.Headers.NonValidated.Concat(_response.Content.Headers.NonValidated))
        {
            headers[name.ToLowerInvariant()] = string.Join(", ", values);
        }

        if (_isDecoded)
        {
            headers.Remove("content-encoding");
            headers.Remove("content-length");
        }

        return headers;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _body?.Dispose();
        _encoded?.Complete();
        _response.Dispose();
    }

    private async ValueTask<Stream> OpenBodyAsync(CancellationToken cancellationToken)
    {
        var body = await _response.Content.ReadAsStreamAsync(cancellationToken);
        if (!CanDecode)
        {
            return body;
        }

        _encoded = PipeReader.Create(body);
        var start = (await _encoded.ReadAsync(cancellationToken)).Buffer;
        if (start.IsEmpty)
        {
            // No coding encodes an empty body as no bytes, but servers do that.
            return EndsWithConnection ? throw new InvalidDataException() : Stream.Null;
        }

        var first = start.FirstSpan[0];
        _encoded.AdvanceTo(start.Start);
        _isDecoded = true;
        return ContentCoding.Decode(_codings!, _encoded.AsStream(), first);
    }

    /// <summary>Throws if the body ended before the response did.</summary>
    private async ValueTask EnsureWholeAsync(CancellationToken cancellationToken)
    {
        if (_encoded is null)
        {
            // Checked by the connection of HTTP/1.1, and not by that of HTTP/2.
            if (HasBody && _bytes < _response.Content.Headers.ContentLength)
            {
                throw new HttpIOException(HttpRequestError.ResponseEnded);
            }

            return;
        }

        // The response may have been cut even after the end of the compressed data.
        ReadResult rest;
        do
        {
            rest = await _encoded.ReadAsync(cancellationToken);
            _encoded.AdvanceTo(rest.Buffer.End);
        }
        while (!rest.IsCompleted);
    }

    private ProblemException TooLong(int limit) => new(Problem.UpstreamFailed(string.Create(CultureInfo.InvariantCulture,
        $"The response of '{HostName.AsWritten(Url)}' is longer than {limit} bytes (Outbound:MaxResponseBytes).")));
}
