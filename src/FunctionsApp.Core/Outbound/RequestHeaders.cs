using System.Buffers;
using System.Collections.Frozen;
using FunctionsApp.Core.Json;

namespace FunctionsApp.Core.Outbound;

/// <summary>The request headers that a caller may set.</summary>
public static class RequestHeaders
{
    private static readonly FrozenSet<string> Reserved = new[]
    {
        // Headers of the connection and the message, which the app sets (RFC 9110, 7.6.1 and 8.6; RFC 9112).
        "connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "http2-settings", "host", "content-length", "expect",
        "max-forwards",

        // Headers of proxies, which say on whose behalf a request is sent.
        "forwarded", "via", "cdn-loop", "x-real-ip", "x-client-ip", "x-cluster-client-ip", "true-client-ip", "client-ip",
        "cf-connecting-ip",
        "disguised-host", "was-default-hostname", "x-site-deployment-id", "x-original-url", "x-original-host", "x-rewrite-url",

        // The app propagates the trace.
        "traceparent", "tracestate", "baggage",

        // Headers that metadata services require as proof that the request is not forged.
        "metadata", "metadata-flavor", "x-google-metadata-request", "x-identity-header",
    }.ToFrozenSet(StringComparer.OrdinalIgnoreCase);

    private static readonly string[] ReservedPrefixes =
        ["proxy-", "x-forwarded-", "x-functions-", "x-ms-", "x-arr-", "x-azure-", "x-waws-", "x-aws-ec2-metadata-token"];

    private static readonly FrozenSet<string> OfContent =
        new[] { "allow", "expires", "last-modified" }.ToFrozenSet(StringComparer.OrdinalIgnoreCase);

    private static readonly FrozenSet<string> Harmless = new[]
    {
        "accept", "accept-encoding", "accept-language", "user-agent", "content-type", "content-encoding", "content-language",
    }.ToFrozenSet(StringComparer.OrdinalIgnoreCase);

    // RFC 9110, 5.6.2.
    private static readonly SearchValues<char> TokenCharacters =
        SearchValues.Create("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");

    /// <summary>Returns the errors: each has a property of the input and a message.</summary>
    /// <param name="headers">Name → value.</param>
    /// <param name="hasBody">Whether the request has a body.</param>
    public static IEnumerable<(string Property, string Message)> Check(IReadOnlyDictionary<string, string>? headers, bool hasBody)
    {
        var seen = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        foreach (var (name, value) in headers ?? FrozenDictionary<string, string>.Empty)
        {
            var error = NameError(name)
                ?? (seen.Add(name) ? null : "appears more than once: header names ignore upper and lower case")
                ?? (hasBody || !IsOfContent(name) ? null : "must not be given without a body")
                ?? (IsValue(value) ? null : "must be printable ASCII characters, without line breaks or white space at its ends");
            if (error is not null)
            {
                yield return (JsonPointer.Append("headers", name), error);
            }
        }
    }

    /// <summary>
    /// Returns whether a redirect to another origin keeps a header. Any other header may be a secret, because each service
    /// has its own name for its key.
    /// </summary>
    public static bool IsHarmless(string name) => Harmless.Contains(name);

    private static string? NameError(string name) =>
        name.Length == 0 || name.AsSpan().ContainsAnyExcept(TokenCharacters) ? "must have a header name made of letters, digits and hyphens"
        : Reserved.Contains(name) || ReservedPrefixes.Any(prefix => name.StartsWith(prefix, StringComparison.OrdinalIgnoreCase))
            ? $"must not be given: '{name}' is set only by the app, a proxy or the platform"
        : null;

    private static bool IsOfContent(string name) =>
        name.StartsWith("content-", StringComparison.OrdinalIgnoreCase) || OfContent.Contains(name);

    private static bool IsValue(string value) =>
        value.AsSpan().Trim().Length == value.Length && value.All(static character => character is (>= ' ' and <= '~') or '\t');
}
