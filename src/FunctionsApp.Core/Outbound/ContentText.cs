using System.Net.Http.Headers;
using System.Text;

namespace FunctionsApp.Core.Outbound;

/// <summary>Interprets a body by its media type.</summary>
public static class ContentText
{
    private static readonly DecoderReplacementFallback Replacement = new("\uFFFD");

    /// <summary>Returns whether a media type is JSON.</summary>
    public static bool IsJson(MediaTypeHeaderValue? type) =>
        type?.MediaType?.ToLowerInvariant() is { } name
            && (name is "application/json" or "text/json" || name.EndsWith("+json", StringComparison.Ordinal));

    /// <summary>Returns whether a media type is text.</summary>
    public static bool IsText(MediaTypeHeaderValue? type) =>
        type?.MediaType?.ToLowerInvariant() is { } name
        && (name.StartsWith("text/", StringComparison.Ordinal)
            || name.EndsWith("+xml", StringComparison.Ordinal)
            || name is "application/xml" or "application/javascript" or "application/yaml" or "application/x-www-form-urlencoded"
                or "application/x-ndjson" or "application/ndjson" or "application/jsonl" or "application/jsonlines"
            || IsJson(type));

    /// <summary>
    /// Returns the encoding of a text: by its byte order mark, else by its charset, else UTF-8. Invalid bytes decode to U+FFFD.
    /// </summary>
    /// <param name="type">The media type.</param>
    /// <param name="start">The first bytes; more of them while <see cref="MayBeMark"/>, if there are any.</param>
    public static Encoding Charset(MediaTypeHeaderValue? type, ReadOnlySpan<byte> start)
    {
        // As browsers do (https://encoding.spec.whatwg.org/#decode), and UTF-32, whose mark begins like that of UTF-16.
        var named = Named(type);
        return start switch
        {
            [0xEF, 0xBB, 0xBF, ..] => Encoding.UTF8,
            [0xFE, 0xFF, ..] => Encoding.BigEndianUnicode,
            [0xFF, 0xFE, ..] when named is not UTF32Encoding => Encoding.Unicode,
            _ => named ?? Encoding.UTF8,
        };
    }

    /// <summary>Returns whether more bytes are needed to tell whether a text begins with a byte order mark.</summary>
    public static bool MayBeMark(ReadOnlySpan<byte> start) => start switch
    {
        [] or [0xEF] or [0xEF, 0xBB] or [0xFE] or [0xFF] => true,
        _ => false,
    };

    /// <summary>Returns the charset of a media type, without quotes; null if absent.</summary>
    public static string? CharsetName(MediaTypeHeaderValue? type) =>
        type?.CharSet?.Trim('"', '\'', ' ') is { Length: > 0 } name ? name : null;

    /// <summary>
    /// Returns the encoding of a media type's charset, which throws for a character that it lacks; null if the charset is absent or
    /// unknown.
    /// </summary>
    public static Encoding? Named(MediaTypeHeaderValue? type)
    {
        if (CharsetName(type) is not { } name)
        {
            return null;
        }

        // The label of https://encoding.spec.whatwg.org/#names-and-labels that the framework does not know, and the usual one at once.
        if (name.Equals("utf-8", StringComparison.OrdinalIgnoreCase) || name.Equals("utf8", StringComparison.OrdinalIgnoreCase))
        {
            return Encoding.UTF8;
        }

        try
        {
            return CodePagesEncodingProvider.Instance.GetEncoding(name, EncoderFallback.ExceptionFallback, Replacement)
                ?? Encoding.GetEncoding(name, EncoderFallback.ExceptionFallback, Replacement);
        }
        catch (Exception exception) when (exception is ArgumentException or NotSupportedException)
        {
            return null;
        }
    }

    /// <summary>Decodes a whole text, without its byte order mark.</summary>
    public static string Decode(ReadOnlySpan<byte> bytes, MediaTypeHeaderValue? type)
    {
        var text = Charset(type, bytes).GetString(bytes);
        return text.StartsWith('\uFEFF') ? text[1..] : text;
    }
}
