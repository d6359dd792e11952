using System.Buffers;
using System.Globalization;
using System.Net;
using System.Text;

namespace FunctionsApp.Core.Outbound;

/// <summary>A URL's host in the one spelling that decisions are made on: ASCII, lower case, no trailing dot.</summary>
/// <param name="Text">The host.</param>
public readonly record struct HostName(string Text)
{
    // RFC 6761, 6762, 7686, 8375, 9476, ICANN's "internal", and what home and office routers use in their place.
    private static readonly string[] InsideDomains =
        ["alt", "corp", "example", "home", "home.arpa", "internal", "intranet", "invalid", "lan", "local", "localdomain", "localhost", "onion", "private", "test"];

    private static readonly SearchValues<char> EndOfAuthority = SearchValues.Create("/\\?#");

    /// <summary>The host of a URL; its name's international characters are in Punycode. Empty when it has none, or none that can be read.</summary>
    public static HostName Of(Uri url)
    {
        try
        {
            return Of(url.IdnHost);
        }
        catch (UriFormatException)
        {
            // It begins as Punycode does, or ends in half a character, and nobody can say which name it is.
            return new HostName("");
        }
    }

    /// <summary>A host as it stands in an end point.</summary>
    public static HostName Of(string host) => new((host.EndsWith('.') ? host[..^1] : host).ToLowerInvariant());

    /// <summary>The address, when the host is one.</summary>
    public IPAddress? Address => IPAddress.TryParse(Text, out var address) ? address : null;

    /// <summary>
    /// A last label of digits, or of 0x and hexadecimal ones, is no name: some resolvers read such a host as an IPv4
    /// address (https://url.spec.whatwg.org/#ends-in-a-number-checker).
    /// </summary>
    public bool LooksNumeric
    {
        get
        {
            var last = Text.AsSpan(Text.LastIndexOf('.') + 1);
            return last.Length > 0 && (!last.ContainsAnyExceptInRange('0', '9')
                || (last.StartsWith("0x", StringComparison.Ordinal) && last[2..].IndexOfAnyExcept(HexDigits) < 0));
        }
    }

    /// <summary>Only a private network's own name service knows such a name.</summary>
    public bool IsInside
    {
        get
        {
            var name = Text;
            return !name.Contains('.', StringComparison.Ordinal)
                || InsideDomains.Any(domain => name.EndsWith(domain, StringComparison.Ordinal) && name[..^domain.Length].EndsWith('.'));
        }
    }

    private static SearchValues<char> HexDigits { get; } = SearchValues.Create("0123456789abcdef");

    /// <summary>
    /// Whether a URL's host has characters that other software reads as different, ASCII ones: full-width or circled
    /// digits and letters, ligatures, invisible characters. Unicode's tables would tell, but the app runs without them
    /// (invariant globalization), so only letters and marks outside of the compatibility blocks pass.
    /// </summary>
    public static bool IsAmbiguous(Uri url) => url.Host.EnumerateRunes().Any(static rune => !rune.IsAscii && (rune.Value switch
    {
        0xAA or 0xBA => true, // ª º
        >= 0x2100 and <= 0x214F => true, // letterlike symbols
        >= 0x3100 and <= 0x33FF => !IsHangulOrBopomofo(rune.Value),
        >= 0xF900 and <= 0xFFFF => true, // presentation forms, half and full width
        >= 0x1D400 and <= 0x1D7FF => true, // mathematical letters and digits
        _ => false,
    }
    || Rune.GetUnicodeCategory(rune) is not (UnicodeCategory.LowercaseLetter or UnicodeCategory.UppercaseLetter or UnicodeCategory.OtherLetter
        or UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark)));

    /// <summary>The host just as it was written, for a message.</summary>
    public static string AsWritten(Uri url)
    {
        var authority = Authority(url);
        var host = authority[(authority.LastIndexOf('@') + 1)..];
        var end = host.StartsWith('[') ? host.IndexOf(']') + 1 : host.IndexOf(':');
        return Problems.Excerpt.Of((end > 0 ? host[..end] : host).ToString());
    }

    /// <summary>Whether a user name or password stands in the URL, be it an empty one.</summary>
    public static bool HasCredentials(Uri url) => url.UserInfo.Length > 0 || Authority(url).Contains('@');

    private static ReadOnlySpan<char> Authority(Uri url)
    {
        var rest = url.OriginalString.AsSpan().Trim();
        var start = rest.IndexOf("://");
        rest = start < 0 ? rest : rest[(start + 3)..];
        var end = rest.IndexOfAny(EndOfAuthority);
        return end < 0 ? rest : rest[..end];
    }

    private static bool IsHangulOrBopomofo(int value) => value is <= 0x312F or (>= 0x31A0 and <= 0x31BF);
}
