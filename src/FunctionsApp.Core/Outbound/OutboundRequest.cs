namespace FunctionsApp.Core.Outbound;

/// <summary>A request to a URL that a caller gave.</summary>
/// <param name="Method">The HTTP method, in capitals.</param>
/// <param name="Url">Absolute; the guard checks it.</param>
public sealed record OutboundRequest(string Method, Uri Url)
{
    /// <summary>Name → value, the body's own headers among them. None is passed on from elsewhere.</summary>
    public IReadOnlyDictionary<string, string> Headers { get; init; } = System.Collections.Frozen.FrozenDictionary<string, string>.Empty;

    /// <summary>The body; absent means none.</summary>
    public ReadOnlyMemory<byte>? Body { get; init; }

    /// <summary>
    /// When to give up, in seconds: with all retries when the whole answer is asked for, else until its head has come. Null
    /// leaves that to the caller's cancellation.
    /// </summary>
    public double? TimeoutSeconds { get; init; } = 30;

    /// <summary>Whether a redirect is followed, or is itself the answer.</summary>
    public bool FollowRedirects { get; init; } = true;

    /// <summary>How often to try again, 0 to <see cref="OutboundClient.MaxRetries"/>.</summary>
    public int MaxRetries { get; init; }

    /// <summary>Whether sending it twice does what sending it once does (RFC 9110, 9.2.2).</summary>
    internal bool IsIdempotent => Method is "GET" or "HEAD" or "OPTIONS" or "PUT" or "DELETE";
}
