using System.Buffers;
using System.Collections.Frozen;
using FunctionsApp.Core.Json;

namespace FunctionsApp.Core.Outbound;

/// <summary>Which request headers a caller may have sent in the app's name.</summary>
public static class RequestHeaders
{
    private static readonly FrozenSet<string> Reserved = new[]
    {
        // Of the connection and the message, which are the app's (RFC 9110, 7.6.1 and 8.6; RFC 9112).
        "connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "http2-settings", "host", "content-length", "expect", "max-forwards",

        // Of proxies: they say on whose behalf a request is sent.
        "forwarded", "via", "cdn-loop", "x-real-ip", "x-client-ip", "x-cluster-client-ip", "true-client-ip", "client-ip", "cf-connecting-ip",
        "disguised-host", "was-default-hostname", "x-site-deployment-id", "x-original-url", "x-original-host", "x-rewrite-url",

        // The trace is the app's to pass on.
        "traceparent", "tracestate", "baggage",

        // What metadata services ask for, as a proof that the request was not forged.
        "metadata", "metadata-flavor", "x-google-metadata-request", "x-identity-header",
    }.ToFrozenSet(StringComparer.OrdinalIgnoreCase);

    private static readonly string[] ReservedPrefixes =
        ["proxy-", "x-forwarded-", "x-functions-", "x-ms-", "x-arr-", "x-azure-", "x-waws-", "x-aws-ec2-metadata-token"];

    private static readonly FrozenSet<string> OfContent =
        new[] { "allow", "expires", "last-modified" }.ToFrozenSet(StringComparer.OrdinalIgnoreCase);

    private static readonly FrozenSet<string> Harmless =
        new[] { "accept", "accept-language", "user-agent", "content-type", "content-encoding", "content-language" }.ToFrozenSet(StringComparer.OrdinalIgnoreCase);

    // RFC 9110, 5.6.2.
    private static readonly SearchValues<char> TokenCharacters =
        SearchValues.Create("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");

    /// <summary>The errors: which property of the input, and what is wrong with it.</summary>
    /// <param name="headers">Name → value.</param>
    /// <param name="hasBody">Whether a body goes with them.</param>
    public static IEnumerable<(string Property, string Message)> Check(IReadOnlyDictionary<string, string>? headers, bool hasBody)
    {
        var seen = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        foreach (var (name, value) in headers ?? FrozenDictionary<string, string>.Empty)
        {
            var error = NameError(name)
                ?? (seen.Add(name) ? null : "is given twice: upper and lower case do not differ in header names")
                ?? (hasBody || !IsOfContent(name) ? null : "must not be given without a body, which it describes")
                ?? (IsValue(value) ? null : "must be printable ASCII characters, without line breaks or white space at its ends");
            if (error is not null)
            {
                yield return (JsonPointer.Append("headers", name), error);
            }
        }
    }

    /// <summary>
    /// Whether a redirect to another origin may take a header along. Any other may be a secret: each service has a name of its
    /// own for its key.
    /// </summary>
    public static bool IsHarmless(string name) => Harmless.Contains(name);

    private static string? NameError(string name) =>
        name.Length == 0 || name.AsSpan().ContainsAnyExcept(TokenCharacters) ? "must have a header name made of letters, digits and hyphens"
        : Reserved.Contains(name) || ReservedPrefixes.Any(prefix => name.StartsWith(prefix, StringComparison.OrdinalIgnoreCase))
            ? $"must not be given: '{name}' is set by the app, a proxy or the platform alone"
        : null;

    private static bool IsOfContent(string name) => name.StartsWith("content-", StringComparison.OrdinalIgnoreCase) || OfContent.Contains(name);

    private static bool IsValue(string value) =>
        value.AsSpan().Trim().Length == value.Length && value.All(static character => character is (>= ' ' and <= '~') or '\t');
}
