using System.Text;
using Microsoft.Net.Http.Headers;

namespace FunctionsApp.LocalHost;

/// <summary>
/// Decodes <c>Content-Length</c>, which has only digits (RFC 9110, section 8.6). The server's parser also reads a sign, and a proxy in
/// front may not: the two would disagree where the body ends. The server refuses what this class decodes as another character.
/// Without it <c>Content-Length: +11</c> is a length: <c>RawRequestTests</c>.
/// </summary>
internal sealed class ContentLengthEncoding : ASCIIEncoding
{
    private static readonly ContentLengthEncoding Instance = new();

    /// <summary>Returns the encoding of a request header; null for the default.</summary>
    public static Encoding? Select(string header) =>
        header.Equals(HeaderNames.ContentLength, StringComparison.OrdinalIgnoreCase) ? Instance : null;

    /// <inheritdoc/>
    public override int GetChars(ReadOnlySpan<byte> bytes, Span<char> chars)
    {
        if (bytes.ContainsAnyExceptInRange((byte)'0', (byte)'9'))
        {
            chars[0] = '\uFFFD';
            return 1;
        }

        // The server has room for one digit more than it accepts.
        return base.GetChars(bytes[..Math.Min(bytes.Length, chars.Length)], chars);
    }
}
