using System.Buffers;
using System.Globalization;
using System.Net;
using System.Text;

namespace FunctionsApp.Core.Outbound;

/// <summary>A URL's host in its canonical form for all checks: ASCII, lower case, no trailing dot.</summary>
/// <param name="Text">The host.</param>
public readonly record struct HostName(string Text)
{
    // RFC 6761, 6762, 7686, 8375, 9476, ICANN's "internal", and the domains that home and office routers use instead.
    private static readonly string[] InsideDomains =
    [
        "alt", "corp", "example", "home", "home.arpa", "internal", "intranet", "invalid", "lan", "local", "localdomain", "localhost",
        "onion", "private", "test",
    ];

    private static readonly SearchValues<char> EndOfAuthority = SearchValues.Create("/\\?#");

    /// <summary>Returns the host of a URL, with international characters in Punycode. Empty if the host is absent or invalid.</summary>
    public static HostName Of(Uri url)
    {
        try
        {
            return Of(url.IdnHost);
        }
        catch (UriFormatException)
        {
            // The host begins like Punycode or ends in half a character, so its name is undefined.
            return new HostName("");
        }
    }

    /// <summary>Returns the host of an endpoint.</summary>
    public static HostName Of(string host) => new((host.EndsWith('.') ? host[..^1] : host).ToLowerInvariant());

    /// <summary>The address, if the host is an address.</summary>
    public IPAddress? Address => IPAddress.TryParse(Text, out var address) ? address : null;

    /// <summary>
    /// Whether the last label is digits, or 0x and hexadecimal digits. Some resolvers read such a host as an IPv4 address
    /// (https://url.spec.whatwg.org/#ends-in-a-number-checker).
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

    /// <summary>Whether only a private network's own name service resolves the name.</summary>
    public bool IsInside
    {
        get
        {
            var name = Text;
            return !name.Contains('.', StringComparison.Ordinal)
                || InsideDomains.Any(domain => name.EndsWith(domain, StringComparison.Ordinal) && name[..^domain.Length].EndsWith('.'));
        }
    }

    internal static SearchValues<char> HexDigits { get; } = SearchValues.Create("0123456789abcdef");

    /// <summary>
    /// Returns whether a URL's host has characters that other software maps to ASCII: full-width or circled digits and
    /// letters, ligatures, invisible characters. The app runs without Unicode's tables (invariant globalization), so it
    /// accepts only letters and marks outside of the compatibility blocks.
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
    || Rune.GetUnicodeCategory(rune) is not (
        UnicodeCategory.LowercaseLetter or UnicodeCategory.UppercaseLetter or UnicodeCategory.OtherLetter
        or UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark)));

    /// <summary>Returns the host as written in the URL, for a message.</summary>
    public static string AsWritten(Uri url)
    {
        var authority = Authority(url);
        var host = authority[(authority.LastIndexOf('@') + 1)..];
        var end = host.StartsWith('[') ? host.IndexOf(']') + 1 : host.IndexOf(':');
        return Problems.Excerpt.Of((end > 0 ? host[..end] : host).ToString());
    }

    /// <summary>Returns whether the URL has a user name or password, even an empty one.</summary>
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
