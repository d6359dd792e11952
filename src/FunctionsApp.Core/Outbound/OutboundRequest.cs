namespace FunctionsApp.Core.Outbound;

/// <summary>A request to a caller's URL.</summary>
/// <param name="Method">The HTTP method, in capitals.</param>
/// <param name="Url">An absolute URL, which the guard checks.</param>
public sealed record OutboundRequest(string Method, Uri Url)
{
    /// <summary>Name → value, including the body's headers. No header of the caller's own request is forwarded.</summary>
    public IReadOnlyDictionary<string, string> Headers { get; init; } = System.Collections.Frozen.FrozenDictionary<string, string>.Empty;

    /// <summary>The body; absent means none.</summary>
    public ReadOnlyMemory<byte>? Body { get; init; }

    /// <summary>
    /// The time limit, in seconds: with all retries for a whole response, otherwise until the head of the response. Null
    /// means that only the cancellation token ends the request.
    /// </summary>
    public double? TimeoutSeconds { get; init; } = 30;

    /// <summary>Whether to follow a redirect, instead of returning it as the response.</summary>
    public bool FollowRedirects { get; init; } = true;

    /// <summary>The maximum number of retries, 0 to <see cref="OutboundClient.MaxRetries"/>.</summary>
    public int MaxRetries { get; init; }

    /// <summary>Whether sending the request twice has the same effect as sending it once (RFC 9110, 9.2.2).</summary>
    internal bool IsIdempotent => Method is "GET" or "HEAD" or "OPTIONS" or "PUT" or "DELETE";
}
