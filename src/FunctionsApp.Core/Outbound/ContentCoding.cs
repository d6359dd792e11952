using System.IO.Compression;
using System.Net.Http.Headers;

namespace FunctionsApp.Core.Outbound;

/// <summary>The content codings (RFC 9110, 8.4.1) that the app decodes.</summary>
/// <remarks>
/// The decoders recognize data that was cut only with the switch <c>System.IO.Compression.UseStrictValidation</c>, which
/// Directory.Build.props sets. They ignore bytes after the end, as browsers do.
/// </remarks>
internal static class ContentCoding
{
    /// <summary>The value of <c>Accept-Encoding</c>.</summary>
    public const string Accepted = "gzip, deflate, br";

    /// <summary>Returns the codings of a body in the order in which they were applied; null if there are none.</summary>
    public static string? Of(HttpResponseMessage response)
    {
        // The connection decodes chunked alone, so another transfer coding is as good as a content coding.
        var content = Value(response.Content.Headers, "Content-Encoding");
        var transfer = Value(response.Headers, "Transfer-Encoding");
        if (content is null && transfer is null or "chunked")
        {
            return null;
        }

        var codings = string.Join(", ", $"{content},{transfer}".ToLowerInvariant()
            .Split(',', StringSplitOptions.TrimEntries)
            .Where(static coding => coding is not ("" or "identity" or "chunked")));
        return codings.Length == 0 ? null : codings;

        static string? Value(HttpHeaders headers, string name) =>
            headers.NonValidated.TryGetValues(name, out var values) ? values.ToString() : null;
    }

    /// <summary>Returns whether <see cref="Decode"/> knows what <see cref="Of"/> returned.</summary>
    public static bool IsKnown(string? codings) => codings is "gzip" or "x-gzip" or "deflate" or "br";

    /// <summary>Returns a stream that decodes another one, and throws if its data is invalid or ends too early.</summary>
    /// <param name="coding">A known coding.</param>
    /// <param name="encoded">The stream to read, and to dispose of.</param>
    /// <param name="first">The first byte of the stream, which is still to be read from it.</param>
    public static Stream Decode(string coding, Stream encoded, byte first) => coding switch
    {
        "br" => new BrotliStream(encoded, CompressionMode.Decompress),

        // The zlib format, by the standard; some servers omit its header, which begins with the method 8.
        "deflate" => (first & 0x0F) == 8
            ? new ZLibStream(encoded, CompressionMode.Decompress)
            : new DeflateStream(encoded, CompressionMode.Decompress),
        _ => new GZipStream(encoded, CompressionMode.Decompress),
    };
}
