using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace FunctionsApp.Core.Outbound;

/// <summary>
/// One entry of <see cref="OutboundOptions.AllowedHosts"/> or <see cref="OutboundOptions.OwnHosts"/>: a name or a network, on one port or
/// on any.
/// </summary>
internal sealed record HostEntry(string? Name, IPNetwork? Network, int? Port)
{
    /// <summary>Whether the entry is a single host, not a network of many.</summary>
    public bool IsOne =>
        Network is not { } network || network.PrefixLength == (network.BaseAddress.AddressFamily == AddressFamily.InterNetwork ? 32 : 128);

    /// <summary>Parses an entry; returns null if it is invalid.</summary>
    public static HostEntry? Parse(string? entry)
    {
        if (Split(entry?.Trim() ?? "") is not var (host, port) || host.Length == 0)
        {
            return null;
        }

        if (ParseNetwork(host) is { } network)
        {
            return new HostEntry(null, network, port);
        }

        return Uri.CheckHostName(host) == UriHostNameType.Dns
            && HostName.Of(new Uri($"http://{host}/")) is { LooksNumeric: false, Text.Length: > 0 } name
            ? new HostEntry(name.Text, null, port)
            : null;
    }

    /// <summary>Splits off the port; returns null if the port is invalid.</summary>
    private static (string Host, int? Port)? Split(string entry)
    {
        var end = entry.StartsWith('[') ? entry.IndexOf(']', StringComparison.Ordinal) : -1;
        if (end > 0)
        {
            var host = entry[1..end];
            return !host.Contains(':', StringComparison.Ordinal) ? null
                : end == entry.Length - 1 ? (host, null)
                : WithPort(host, entry[(end + 1)..]);
        }

        var colon = entry.IndexOf(':', StringComparison.Ordinal);
        return colon < 0 || colon != entry.LastIndexOf(':') ? (entry, null) : WithPort(entry[..colon], entry[colon..]);
    }

    private static (string Host, int? Port)? WithPort(string host, string port) =>
        port.StartsWith(':')
            && int.TryParse(port.AsSpan(1), NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            && number is > 0 and <= 65_535
            ? (host, number)
            : null;

    private static IPNetwork? ParseNetwork(string text)
    {
        var slash = text.IndexOf('/', StringComparison.Ordinal);
        if (!IPAddress.TryParse(slash < 0 ? text : text.AsSpan(0, slash), out var address))
        {
            return null;
        }

        // The framework parses 10/8 as 0.0.0.10/8, which is never intended.
        if (address.AddressFamily == AddressFamily.InterNetwork && !text.StartsWith(address.ToString(), StringComparison.Ordinal))
        {
            return null;
        }

        return slash < 0 ? new IPNetwork(address, address.AddressFamily == AddressFamily.InterNetwork ? 32 : 128)
            : IPNetwork.TryParse(text, out var network) ? network
            : null;
    }
}
