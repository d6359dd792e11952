using System.Buffers;
using System.Globalization;
using System.Net.Http.Headers;
using FunctionsApp.Core.Limits;
using FunctionsApp.Core.Problems;

namespace FunctionsApp.Core.Outbound;

/// <summary>An answer whose head has come, and whose body is read as it comes. Disposing of it early cuts the connection.</summary>
public sealed class StreamedOutboundResponse : IDisposable
{
    private const int BlockBytes = 16 * 1024;

    private readonly HttpResponseMessage _response;
    private Stream? _body;

    internal StreamedOutboundResponse(HttpResponseMessage response, Uri url) => (_response, Url) = (response, url);

    /// <summary>Whose answer it is; not the first URL after redirects.</summary>
    public Uri Url { get; }

    /// <summary>The HTTP status code.</summary>
    public int Status => (int)_response.StatusCode;

    /// <summary>The media type of the body; absent when there is none, or none that can be read.</summary>
    public MediaTypeHeaderValue? ContentType => _response.Content.Headers.ContentType;

    internal Uri? Location => _response.Headers.Location;

    /// <summary>Raises a status that tells of an error.</summary>
    /// <exception cref="ProblemException"><c>upstream-failed</c> for 400 and above.</exception>
    public void EnsureSuccess() => OutboundResponse.EnsureSuccess(Url, Status);

    /// <summary>The pause that the answer asks for before another request, from <paramref name="now"/> on; null when it asks for none.</summary>
    internal TimeSpan? RetryAfter(DateTimeOffset now) =>
        _response.Headers.NonValidated.TryGetValues("Retry-After", out var values) ? Outbound.RetryAfter.Parse(values.First(), now) : null;

    /// <summary>Reads what has come of the body, decompressed; waits when nothing has.</summary>
    /// <param name="buffer">Is filled from its start.</param>
    /// <param name="cancellationToken">Cuts the connection.</param>
    /// <returns>How many bytes were read; 0 at the end.</returns>
    /// <exception cref="ProblemException"><c>upstream-failed</c> when the connection breaks.</exception>
    public async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken)
    {
        try
        {
            _body ??= await _response.Content.ReadAsStreamAsync(cancellationToken);
            return await _body.ReadAsync(buffer, cancellationToken);
        }
        catch (Exception exception) when (exception is IOException or HttpRequestException or InvalidDataException or InvalidOperationException or OperationCanceledException)
        {
            cancellationToken.ThrowIfCancellationRequested();

            // Of the decompressors only that of Brotli takes bad data for an invalid operation.
            throw new ProblemException(exception is InvalidDataException or InvalidOperationException
                ? Problem.UpstreamFailed($"The answer of '{HostName.AsWritten(Url)}' is not compressed as it says.")
                : Problem.UpstreamFailed($"The connection to '{HostName.AsWritten(Url)}' broke before the answer was complete.") with { IsTransient = true });
        }
    }

    /// <summary>Reads all of the body. Its bytes count as results of the request that is served here, until the caller releases them.</summary>
    /// <param name="limit">Bytes after decompression; the value of <see cref="OutboundOptions.MaxResponseBytes"/>.</param>
    /// <param name="cancellationToken">Cuts the connection.</param>
    /// <exception cref="ProblemException"><c>upstream-failed</c> when there are more, or the connection breaks.</exception>
    internal async ValueTask<ReadOnlyMemory<byte>> ReadToEndAsync(int limit, CancellationToken cancellationToken)
    {
        if (_response.Content.Headers.ContentLength > limit && _response.RequestMessage?.Method != HttpMethod.Head)
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

                if (memory is not null)
                {
                    await memory.HoldResultAsync(read, cancellationToken);
                }

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

    /// <summary>The headers: name in lower case → value; repeated ones are joined by <c>", "</c>.</summary>
    internal Dictionary<string, string> ReadHeaders()
    {
        var headers = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var (name, values) in _response.Headers.NonValidated.Concat(_response.Content.Headers.NonValidated))
        {
            headers[name.ToLowerInvariant()] = string.Join(", ", values);
        }

        return headers;
    }

    /// <inheritdoc/>
    public void Dispose() => _response.Dispose();

    private ProblemException TooLong(int limit) => new(Problem.UpstreamFailed(string.Create(CultureInfo.InvariantCulture,
        $"The answer of '{HostName.AsWritten(Url)}' is longer than {limit} bytes (Outbound:MaxResponseBytes).")));
}
