using System.Collections.Frozen;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using FunctionsApp.Core.Limits;
using FunctionsApp.Core.Problems;
using Microsoft.Extensions.Options;

namespace FunctionsApp.Core.Outbound;

/// <summary>
/// Sends requests to callers' URLs. The <see cref="OutboundGuard"/> checks each request and each redirect. All requests
/// share one connection pool.
/// </summary>
public sealed class OutboundClient : IDisposable
{
    /// <summary>The maximum number of retries of one request.</summary>
    public const int MaxRetries = 10;

    private const int MaxRedirects = 5;
    private const int MaxConnectionsPerServer = 512;
    private const double MinPauseSeconds = 0.2;
    private const double MaxPauseSeconds = 30;

    private readonly OutboundGuard _guard;
    private readonly OutboundOptions _options;
    private readonly TimeProvider _time;

    /// <summary>Sends with the handler of <see cref="Pool"/>, which connects by <see cref="OutboundGuard.ConnectAsync"/>.</summary>
    private readonly HttpMessageInvoker _http;

    /// <summary>Creates the client and its connection pool.</summary>
    /// <param name="guard">Checks each request.</param>
    /// <param name="options">The limits.</param>
    /// <param name="time">The clock.</param>
    /// <param name="handler">Sends the requests; null for the connection pool.</param>
    internal OutboundClient(
        OutboundGuard guard, IOptions<OutboundOptions> options, TimeProvider time, HttpMessageHandler? handler = null)
    {
        (_guard, _options, _time) = (guard, options.Value, time);
        _http = new HttpMessageInvoker(handler ?? Pool(guard, options.Value));
    }

    /// <summary>
    /// Sends a request and reads the whole response, whatever its status. Retries an idempotent request after a pause when
    /// the connection fails or the status is 408, 429, 502, 503 or 504.
    /// </summary>
    /// <param name="request">The request.</param>
    /// <param name="cancellationToken">Closes the connection.</param>
    /// <exception cref="ProblemException">
    /// <c>destination-not-allowed</c>; <c>upstream-failed</c> without a response, or if it exceeds a limit; <c>timeout</c>.
    /// </exception>
    public async ValueTask<OutboundResponse> SendAsync(OutboundRequest request, CancellationToken cancellationToken)
    {
        using var limit = new TimeLimit(_time, request.TimeoutSeconds, cancellationToken);
        return await limit.RunAsync(token => RetryAsync(request, new RequestClock(_time), token), NameOf(request));
    }

    /// <summary>Sends a request once, and returns when the head of the response has arrived.</summary>
    /// <param name="request">The request.</param>
    /// <param name="cancellationToken">Closes the connection; reading the body needs its own token.</param>
    /// <exception cref="ProblemException">
    /// <c>destination-not-allowed</c>; <c>upstream-failed</c> without a response; <c>timeout</c>.
    /// </exception>
    public async ValueTask<StreamedOutboundResponse> OpenAsync(OutboundRequest request, CancellationToken cancellationToken)
    {
        using var limit = new TimeLimit(_time, request.TimeoutSeconds, cancellationToken);
        return await limit.RunAsync(token => FollowAsync(request, token), NameOf(request));
    }

    /// <inheritdoc/>
    public void Dispose() => _http.Dispose();

    private static string NameOf(OutboundRequest request) => $"The request to '{HostName.AsWritten(request.Url)}'";

    private async ValueTask<OutboundResponse> RetryAsync(OutboundRequest request, RequestClock clock, CancellationToken cancellationToken)
    {
        for (var (attempt, retries) = (1, request.IsIdempotent ? request.MaxRetries : 0); ; attempt++, retries--)
        {
            var pause = Backoff(attempt);
            try
            {
                using var streamed = await FollowAsync(request, cancellationToken);
                var body = await streamed.ReadToEndAsync(_options.MaxResponseBytes, cancellationToken);
                pause = RetryAfter.Longer(pause, streamed.RetryAfter(_time.GetUtcNow()));

                // If no retry can start within the time limit, this response is more useful than a timeout.
                if (retries == 0 || streamed.Status is not (408 or 429 or 502 or 503 or 504)
                    || pause.TotalMilliseconds >= (request.TimeoutSeconds * 1_000) - clock.ElapsedMs)
                {
                    return new OutboundResponse(
                        streamed.Url, streamed.Status, streamed.ReadHeaders(), streamed.ContentType, body, streamed.UndecodedCodings,
                        attempt);
                }

                RequestMemory.Current?.ReleaseResult(body.Length);
            }
            catch (ProblemException failure) when (failure.Problem.IsTransient && retries > 0)
            {
                // The next attempt may succeed.
            }

            await Task.Delay(pause, _time, cancellationToken);
        }
    }

    private async ValueTask<StreamedOutboundResponse> FollowAsync(OutboundRequest request, CancellationToken cancellationToken)
    {
        for (var redirects = 0; ; redirects++)
        {
            _guard.Check(request.Url);
            var response = await SendOnceAsync(request, cancellationToken);
            var handedOver = false;
            try
            {
                if (!request.FollowRedirects || Redirect(request, response) is not { } next)
                {
                    handedOver = true;
                    return response;
                }

                request = redirects < MaxRedirects ? next : throw new ProblemException(Problem.UpstreamFailed(string.Create(
                    CultureInfo.InvariantCulture,
                    $"'{HostName.AsWritten(request.Url)}' redirects again after {MaxRedirects} redirects, which is the limit.")));
            }
            finally
            {
                if (!handedOver)
                {
                    response.Dispose();
                }
            }
        }
    }

    private async ValueTask<StreamedOutboundResponse> SendOnceAsync(OutboundRequest request, CancellationToken cancellationToken)
    {
        using var message = new HttpRequestMessage(new HttpMethod(request.Method), request.Url)
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionOrLower,
            Content = request.Body is { } body ? new ReadOnlyMemoryContent(body) : null,
        };
        foreach (var (name, value) in request.Headers)
        {
            if (!message.Headers.TryAddWithoutValidation(name, value))
            {
                message.Content?.Headers.TryAddWithoutValidation(name, value);
            }
        }

        if (!message.Headers.NonValidated.Contains("Accept-Encoding"))
        {
            // A part of a compressed body could not be decoded.
            var isPart = message.Headers.NonValidated.Contains("Range");
            message.Headers.TryAddWithoutValidation("Accept-Encoding", isPart ? "identity" : ContentCoding.Accepted);
        }

        _guard.Mark(message);
        try
        {
            return new StreamedOutboundResponse(await _http.SendAsync(message, cancellationToken), request.Url);
        }
        catch (Exception exception) when (exception is HttpRequestException or IOException or SocketException or OperationCanceledException)
        {
            cancellationToken.ThrowIfCancellationRequested();
            throw new ProblemException(Describe(exception, request.Url));
        }
    }

    /// <summary>Describes a failure without an address, so that callers do not learn addresses of the internal network.</summary>
    private Problem Describe(Exception exception, Uri url)
    {
        if (exception.GetBaseException() is DestinationRefusedException)
        {
            return OutboundGuard.Refusal(url);
        }

        var host = HostName.AsWritten(url);
        var origin = string.Create(CultureInfo.InvariantCulture, $"{host}:{url.Port}");
        var error = (exception as HttpRequestException)?.HttpRequestError;
        var problem = exception is OperationCanceledException
            ? Problem.Timeout(string.Create(CultureInfo.InvariantCulture,
                $"Connecting to '{origin}' took longer than {_options.ConnectTimeoutSeconds} s (Outbound:ConnectTimeoutSeconds)."))
            : Problem.UpstreamFailed(error switch
            {
                HttpRequestError.NameResolutionError => $"The host name '{host}' could not be resolved.",
                HttpRequestError.ConnectionError => $"Connecting to '{origin}' failed{ReasonOf(exception)}.",
                HttpRequestError.SecureConnectionError => $"Connecting to '{origin}' failed: its certificate or TLS was not accepted.",
                HttpRequestError.ConfigurationLimitExceeded => $"The response headers of '{host}' are too long.",
                HttpRequestError.InvalidResponse => $"The response of '{host}' is not HTTP.",
                _ => $"The connection to '{host}' broke before a response arrived.",
            });
        return problem with
        {
            IsTransient = error switch
            {
                HttpRequestError.NameResolutionError =>
                    exception.GetBaseException() is SocketException { SocketErrorCode: SocketError.TryAgain },
                HttpRequestError.SecureConnectionError or HttpRequestError.ConfigurationLimitExceeded or HttpRequestError.InvalidResponse =>
                    false,
                _ => true,
            },
        };
    }

    private static string ReasonOf(Exception exception) => (exception.GetBaseException() as SocketException)?.SocketErrorCode switch
    {
        SocketError.ConnectionRefused => ": connection refused",
        SocketError.ConnectionReset or SocketError.ConnectionAborted => ": connection reset",
        SocketError.TimedOut => ": no response",
        SocketError.HostUnreachable or SocketError.NetworkUnreachable or SocketError.HostDown or SocketError.NetworkDown => ": no route",
        _ => "",
    };

    /// <summary>
    /// Follows a redirect like fetch (https://fetch.spec.whatwg.org/#http-redirect-fetch); returns null without a redirect.
    /// </summary>
    private static OutboundRequest? Redirect(OutboundRequest request, StreamedOutboundResponse response)
    {
        if (response.Status is not (301 or 302 or 303 or 307 or 308)
            || response.Location is not { } location
            || !Uri.TryCreate(request.Url, location, out var target))
        {
            return null;
        }

        if (request.Url.Scheme is "https" && target.Scheme is "http")
        {
            throw new ProblemException(Problem.DestinationNotAllowed(
                $"'{HostName.AsWritten(request.Url)}' redirects from https to http, which is not allowed."));
        }

        var becomesGet = response.Status is 303
            ? request.Method is not ("GET" or "HEAD")
            : response.Status is 301 or 302 && request.Method is "POST";
        var sameOrigin =
            Uri.Compare(request.Url, target, UriComponents.SchemeAndServer, UriFormat.Unescaped, StringComparison.OrdinalIgnoreCase) == 0;
        var next = request with
        {
            Url = target,
            Headers = request.Headers
                .Where(header => sameOrigin || RequestHeaders.IsHarmless(header.Key))
                .Where(header => !becomesGet || !header.Key.StartsWith("content-", StringComparison.OrdinalIgnoreCase))
                .ToFrozenDictionary(StringComparer.OrdinalIgnoreCase),
        };
        return becomesGet ? next with { Method = "GET", Body = null } : next;
    }

    private static SocketsHttpHandler Pool(OutboundGuard guard, OutboundOptions options) => new()
    {
        ConnectCallback = guard.ConnectAsync,
        ConnectTimeout = TimeSpan.FromSeconds(options.ConnectTimeoutSeconds),
        UseProxy = false,
        UseCookies = false,
        AllowAutoRedirect = false,
        EnableMultipleHttp2Connections = true,

        // One gather may have ten thousand calls to one host. Most of them wait for a connection, to save ports.
        MaxConnectionsPerServer = MaxConnectionsPerServer,
        ActivityHeadersPropagator = new TraceParentPropagator(),

        // Resolves and checks a name again, because its addresses may change.
        PooledConnectionLifetime = TimeSpan.FromMinutes(2),

        // The connection of an unread body is used again after a short rest of it, such as the response to a webhook, and else closed.
        MaxResponseDrainSize = 4 * 1_024,
        ResponseDrainTimeout = TimeSpan.FromMilliseconds(100),
    };

    /// <summary>Returns the pause after an attempt. It doubles; jitter of up to a half spreads the requests.</summary>
    private static TimeSpan Backoff(int attempt) =>
        TimeSpan.FromSeconds(Math.Min(MinPauseSeconds * (1 << (attempt - 1)), MaxPauseSeconds) * (1 + (Random.Shared.NextDouble() / 2)));
}
