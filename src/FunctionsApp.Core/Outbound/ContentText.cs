using System.Net.Http.Headers;
using System.Text;

namespace FunctionsApp.Core.Outbound;

/// <summary>Interprets a body by its media type.</summary>
public static class ContentText
{
    /// <summary>Returns whether a media type is JSON.</summary>
    public static bool IsJson(MediaTypeHeaderValue? type) =>
        type?.MediaType?.ToLowerInvariant() is { } name && (name is "application/json" or "text/json" || name.EndsWith("+json", StringComparison.Ordinal));

    /// <summary>Returns whether a media type is text.</summary>
    public static bool IsText(MediaTypeHeaderValue? type) =>
        type?.MediaType?.ToLowerInvariant() is { } name
        && (name.StartsWith("text/", StringComparison.Ordinal)
            || name.EndsWith("+xml", StringComparison.Ordinal)
            || name is "application/xml" or "application/javascript" or "application/x-ndjson" or "application/jsonl" or "application/yaml"
                or "application/x-www-form-urlencoded"
            || IsJson(type));

    /// <summary>Returns the encoding of the text; UTF-8 if the charset is absent or unknown. Invalid bytes decode to U+FFFD.</summary>
    public static Encoding Charset(MediaTypeHeaderValue? type)
    {
        var name = type?.CharSet?.Trim('"', '\'', ' ');
        if (string.IsNullOrEmpty(name))
        {
            return Encoding.UTF8;
        }

        try
        {
            return CodePagesEncodingProvider.Instance.GetEncoding(name) ?? Encoding.GetEncoding(name);
        }
        catch (Exception exception) when (exception is ArgumentException or NotSupportedException)
        {
            return Encoding.UTF8;
        }
    }

    /// <summary>Decodes a whole text, without its byte order mark.</summary>
    public static string Decode(ReadOnlySpan<byte> bytes, MediaTypeHeaderValue? type)
    {
        var text = Charset(type).GetString(bytes);
        return text.StartsWith('\uFEFF') ? text[1..] : text;
    }
}
