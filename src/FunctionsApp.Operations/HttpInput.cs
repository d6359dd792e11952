using System.Collections.Frozen;
using System.Globalization;
using System.Net.Http.Headers;
using System.Text;
using FunctionsApp.Core.Json;
using FunctionsApp.Core.Outbound;
using FunctionsApp.Core.Problems;

namespace FunctionsApp.Operations;

/// <summary>The common parts of the inputs of <c>http.request</c> and <c>http.lines</c>.</summary>
internal static class HttpInput
{
    /// <summary>Returns the errors of an input, in the form of <see cref="ICrossChecked"/>.</summary>
    public static IEnumerable<(string Property, string Message)> Check(
        string url, string method, IReadOnlyDictionary<string, string>? headers, RawJson? body)
    {
        if (AbsoluteUrl.Parse(url) is null)
        {
            yield return ("url", "must be an absolute URL, such as https://example.com/");
        }

        if (body is not null && method is "GET" or "HEAD")
        {
            yield return ("body", $"must not be given with the method {method}");
        }

        foreach (var error in RequestHeaders.Check(headers, hasBody: body is not null))
        {
            yield return error;
        }

        if (body is { } given && CharsetError(headers, given) is { } charsetError)
        {
            yield return charsetError;
        }
    }

    /// <summary>Creates the request of an input; throws if the input is invalid.</summary>
    public static OutboundRequest Request(string url, string method, IReadOnlyDictionary<string, string>? headers, RawJson? body)
    {
        foreach (var (property, message) in Check(url, method, headers, body))
        {
            throw new ProblemException(Problem.InvalidRequest("/" + property, message));
        }

        var all = new Dictionary<string, string>(headers ?? FrozenDictionary<string, string>.Empty, StringComparer.OrdinalIgnoreCase);
        if (body is { } given)
        {
            all.TryAdd("Content-Type", IsText(given) ? "text/plain; charset=utf-8" : "application/json");
        }

        return new OutboundRequest(method, new Uri(url))
        {
            Headers = all,
            Body = body is { } value ? Encode(value, ContentType(headers).Type) : default(ReadOnlyMemory<byte>?),
        };
    }

    private static bool IsText(RawJson body) => body.Utf8.Span[0] == '"';

    private static string Text(RawJson body) => IsText(body) ? body.Deserialize(CoreJson.TypeInfo<string>()) : body.ToString();

    private static ReadOnlyMemory<byte> Encode(RawJson body, MediaTypeHeaderValue? type)
    {
        var encoding = ContentText.Named(type) ?? Encoding.UTF8;
        if (encoding is UTF8Encoding && !IsText(body))
        {
            return body.Utf8;
        }

        // These names leave the byte order to a mark (RFC 2781, 4.3).
        var mark = ContentText.CharsetName(type)?.ToLowerInvariant() is "utf-16" or "utf-32" ? "\uFEFF" : "";
        return encoding.GetBytes(mark + Text(body));
    }

    /// <summary>Returns the name of the header as the caller wrote it, and its value.</summary>
    private static (string Name, MediaTypeHeaderValue? Type) ContentType(IReadOnlyDictionary<string, string>? headers)
    {
        foreach (var (name, value) in headers ?? FrozenDictionary<string, string>.Empty)
        {
            if (name.Equals("Content-Type", StringComparison.OrdinalIgnoreCase))
            {
                return (name, MediaTypeHeaderValue.TryParse(value, out var type) ? type : null);
            }
        }

        return default;
    }

    private static (string Property, string Message)? CharsetError(IReadOnlyDictionary<string, string>? headers, RawJson body)
    {
        var (header, type) = ContentType(headers);
        if (ContentText.CharsetName(type) is not { } charset)
        {
            return null;
        }

        var encoding = ContentText.Named(type);
        if (encoding is null or UTF8Encoding)
        {
            return encoding is null
                ? (JsonPointer.Append("headers", header),
                    $"must have a charset that .NET knows, such as utf-8, not '{Excerpt.Of(charset)}'")
                : null;
        }

        try
        {
            encoding.GetByteCount(Text(body));
            return null;
        }
        catch (EncoderFallbackException exception)
        {
            int character = exception.CharUnknown;
            var unknown = character != 0 ? character : char.ConvertToUtf32(exception.CharUnknownHigh, exception.CharUnknownLow);
            return ("body", string.Create(
                CultureInfo.InvariantCulture, $"must have only characters of its charset '{charset}', which lacks U+{unknown:X4}"));
        }
    }
}
