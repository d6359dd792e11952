using System.Globalization;
using FunctionsApp.Core.Limits;
using FunctionsApp.Core.Outbound;
using FunctionsApp.Core.Problems;
using Microsoft.Extensions.Options;

namespace FunctionsApp.Core.Webhooks;

/// <summary>
/// Sends webhooks, signed according to Standard Webhooks
/// (https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md). The sender has no queue:
/// the caller decides what to send, and when.
/// </summary>
public sealed class WebhookSender(
    OutboundClient client, OutboundGuard guard, SigningKeys keys, IOptions<WebhookOptions> options, ProblemDescriber describer,
    TimeProvider time)
{
    /// <summary>The maximum length of a URL, in characters.</summary>
    public const int MaxUrlCharacters = 2_048;

    private readonly double _timeoutSeconds = options.Value.TimeoutSeconds;

    /// <summary>Whether there is a key, or one will be generated before the first webhook. Without a key, nothing is sent.</summary>
    public bool CanSign => keys.Current.Count > 0 || keys.NeedsGenerated;

    /// <summary>Checks the URL for an outcome before the work starts. Does no name resolution.</summary>
    /// <param name="url">Absolute, http or https, without credentials, at most 2,048 characters.</param>
    /// <param name="pointer">JSON pointer to the URL in the request, for an error.</param>
    /// <returns>The URL; store its <see cref="Uri.OriginalString"/>.</returns>
    /// <exception cref="ProblemException">
    /// <c>invalid-request</c>, <c>destination-not-allowed</c> or <c>callbacks-not-configured</c>.
    /// </exception>
    public Uri Check(string url, string pointer)
    {
        if (url.Length > MaxUrlCharacters)
        {
            throw new ProblemException(Problem.InvalidRequest(
                pointer, string.Create(CultureInfo.InvariantCulture, $"must be at most {MaxUrlCharacters} characters long")));
        }

        if (AbsoluteUrl.Parse(url) is not { Scheme: "http" or "https" } parsed)
        {
            throw new ProblemException(
                Problem.InvalidRequest(pointer, "must be an absolute http or https URL, such as https://example.com/"));
        }

        guard.Check(parsed);
        return CanSign ? parsed : throw new ProblemException(Problem.CallbacksNotConfigured());
    }

    /// <summary>Makes one attempt, with its own timestamp and signatures. Every outcome except cancellation is a result.</summary>
    /// <param name="url">The receiver. The guard checks the URL again, and its addresses.</param>
    /// <param name="id">The message's id, the same in every attempt: visible ASCII without a dot, and never chosen by a caller.</param>
    /// <param name="body">JSON in UTF-8.</param>
    /// <param name="cancellationToken">Closes the connection, unless the response has arrived.</param>
    /// <exception cref="OperationCanceledException"><paramref name="cancellationToken"/> was cancelled before a response.</exception>
    public async Task<WebhookResult> SendAsync(Uri url, string id, ReadOnlyMemory<byte> body, CancellationToken cancellationToken)
    {
        var (startedAt, clock) = (time.GetUtcNow(), new RequestClock(time));
        using var limit = new TimeLimit(time, _timeoutSeconds, cancellationToken);
        WebhookResult result;
        try
        {
            var request = CanSign ? Request(url, id, startedAt, body) : throw new ProblemException(Problem.CallbacksNotConfigured());
            using var response = await client.OpenAsync(request, limit.Token);
            result = Judge(response);
        }
        catch (OperationCanceledException) when (limit.RanOut)
        {
            result = new WebhookResult(WebhookOutcome.Failed, Error: string.Create(CultureInfo.InvariantCulture,
                $"'{HostName.AsWritten(url)}' did not respond within {_timeoutSeconds} s (Callbacks:TimeoutSeconds)."));
        }
        catch (Exception exception) when (exception is not OperationCanceledException || !cancellationToken.IsCancellationRequested)
        {
            result = new WebhookResult(WebhookOutcome.Failed, Error: describer.Describe(exception, $"webhook {id}").Detail);
        }

        return result with { StartedAt = startedAt, ElapsedMs = clock.ElapsedMs };
    }

    private OutboundRequest Request(Uri url, string id, DateTimeOffset at, ReadOnlyMemory<byte> body)
    {
        var timestamp = at.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);
        return new OutboundRequest("POST", url)
        {
            Headers = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase)
            {
                ["content-type"] = "application/json",
                ["user-agent"] = "FunctionsApp-Webhooks",
                ["webhook-id"] = id,
                ["webhook-timestamp"] = timestamp,
                ["webhook-signature"] = string.Join(' ', keys.Current.Select(key => key.Sign(id, timestamp, body.Span))),
            },
            Body = body,
            FollowRedirects = false,

            // SendAsync has the time limit.
            TimeoutSeconds = null,
        };
    }

    private WebhookResult Judge(StreamedOutboundResponse response)
    {
        var host = HostName.AsWritten(response.Url);
        return response.Status switch
        {
            >= 200 and <= 299 => new WebhookResult(WebhookOutcome.Delivered, response.Status),
            >= 300 and <= 399 => new WebhookResult(WebhookOutcome.Refused, response.Status,
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"'{host}' responded with status {response.Status}: the app does not follow redirects.")),
            410 => new WebhookResult(WebhookOutcome.Refused, response.Status, $"'{host}' responded with status 410: the receiver is gone."),
            _ => new WebhookResult(WebhookOutcome.Failed, response.Status,
                string.Create(CultureInfo.InvariantCulture, $"'{host}' responded with status {response.Status}."),
                RetryAfter: response.RetryAfter(time.GetUtcNow())),
        };
    }
}
