using System.Net;
using System.Net.NetworkInformation;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Options;

namespace FunctionsApp.Core.Outbound;

/// <summary>The app's own names, the addresses that it listens on, and the id that marks its requests.</summary>
/// <param name="options">The names.</param>
public sealed class AppIdentity(IOptions<OutboundOptions> options)
{
    private const string IdPrefix = "functionsapp-";
    private const int IdBytes = 8;

    // Computed at first use: every request resolves this class, but few use these values.
    private readonly Lazy<HostEntry[]> _entries = new(() => [.. OwnHosts(options.Value).Select(HostEntry.Parse).OfType<HostEntry>()]);
    private readonly Lazy<string> _id = new(() => IdPrefix + Convert.ToHexStringLower(Digest(options.Value)));
    private IPEndPoint[] _listening = [];

    /// <summary>
    /// The <c>cdn-id</c> (RFC 8586) of this deployment. Instances with the same names share the id. A process without a name is
    /// its own deployment, with a random id. The id is a digest, so receivers do not learn the name.
    /// </summary>
    public string Id => _id.Value;

    /// <summary>Sets where the app listens, once known.</summary>
    /// <param name="endPoints">Addresses and ports. An unspecified address stands for every address of the machine.</param>
    public void Listen(IEnumerable<IPEndPoint> endPoints) => Volatile.Write(ref _listening, [.. endPoints]);

    /// <summary>Returns whether an id in a call chain is the id of any deployment of this app.</summary>
    internal static bool IsId(ReadOnlySpan<char> text) =>
        text.Length == IdPrefix.Length + (2 * IdBytes) && text.StartsWith(IdPrefix, StringComparison.Ordinal)
        && !text[IdPrefix.Length..].ContainsAnyExcept(HostName.HexDigits);

    /// <summary>Returns whether a host is one of the app's own names.</summary>
    internal bool Includes(HostName host, int port) =>
        _entries.Value.Any(entry => string.Equals(entry.Name, host.Text, StringComparison.Ordinal) && (entry.Port ?? port) == port);

    /// <summary>Returns whether a connection to an address would reach the app itself.</summary>
    internal bool Includes(IPAddress address, int port)
    {
        var plain = address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
        return _entries.Value.Any(entry => entry.Network?.Contains(plain) == true && (entry.Port ?? port) == port)
            || Volatile.Read(ref _listening).Any(
                own => own.Port == port
                    && (own.Address.Equals(plain) || IsUnspecified(plain) || (IsUnspecified(own.Address) && IsOfMachine(plain))));
    }

    /// <summary>Returns whether an address is unspecified. The system connects to such an address as to loopback.</summary>
    private static bool IsUnspecified(IPAddress address) => address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any);

    /// <summary>
    /// Returns whether an address is one of the machine's own. Few requests ask: those to a port that the app listens on.
    /// </summary>
    private static bool IsOfMachine(IPAddress address) => IPAddress.IsLoopback(address)
        || NetworkInterface.GetAllNetworkInterfaces().SelectMany(static card => card.GetIPProperties().UnicastAddresses)
            .Any(unicast => unicast.Address.Equals(address));

    private static IEnumerable<string> OwnHosts(OutboundOptions options) =>
        options.OwnHost is { Length: > 0 } host ? options.OwnHosts.Append(host.Split(':')[0]) : options.OwnHosts;

    private static byte[] Digest(OutboundOptions options)
    {
        var names = string.Join(
            '\n', OwnHosts(options).Select(static name => name.Trim().ToLowerInvariant()).Order(StringComparer.Ordinal));
        return names.Length == 0 ? RandomNumberGenerator.GetBytes(IdBytes) : SHA256.HashData(Encoding.UTF8.GetBytes(names))[..IdBytes];
    }
}
