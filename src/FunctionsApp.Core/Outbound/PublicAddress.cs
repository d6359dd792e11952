using System.Net;
using System.Net.Sockets;

namespace FunctionsApp.Core.Outbound;

/// <summary>Distinguishes addresses of the public Internet from all others.</summary>
internal static class PublicAddress
{
    /// <summary>The only IPv6 block that is assigned as global unicast (RFC 4291, IANA).</summary>
    /// <remarks>
    /// Addresses outside need no entry below: unspecified and loopback (<c>::</c>, <c>::1</c>), IPv4-compatible
    /// (<c>::/96</c>) and -mapped (<c>::ffff:0:0/96</c>) forms, NAT64 (RFC 6052 <c>64:ff9b::/96</c>, RFC 8215
    /// <c>64:ff9b:1::/48</c>), discard (RFC 6666 <c>100::/64</c>), segment routing (RFC 9602 <c>5f00::/16</c>),
    /// unique-local (RFC 4193 <c>fc00::/7</c>, with the metadata address <c>fd00:ec2::254</c>), link-local
    /// (<c>fe80::/10</c>), site-local (RFC 3879 <c>fec0::/10</c>), multicast (<c>ff00::/8</c>).
    /// </remarks>
    private static readonly IPNetwork GlobalUnicast = IPNetwork.Parse("2000::/3");

    private static readonly IPNetwork[] Special =
    [
        IPNetwork.Parse("0.0.0.0/8"), // RFC 791: this network
        IPNetwork.Parse("10.0.0.0/8"), // RFC 1918: private
        IPNetwork.Parse("100.64.0.0/10"), // RFC 6598: carrier-grade NAT
        IPNetwork.Parse("127.0.0.0/8"), // RFC 1122: loopback
        IPNetwork.Parse("168.63.129.16/32"), // Azure's wire server, which every Azure machine reaches
        IPNetwork.Parse("169.254.0.0/16"), // RFC 3927: link-local, with the metadata services of the clouds
        IPNetwork.Parse("172.16.0.0/12"), // RFC 1918: private
        IPNetwork.Parse("192.0.0.0/24"), // RFC 6890: protocol assignments
        IPNetwork.Parse("192.0.2.0/24"), // RFC 5737: documentation
        IPNetwork.Parse("192.88.99.0/24"), // RFC 7526: 6to4 relays
        IPNetwork.Parse("192.168.0.0/16"), // RFC 1918: private
        IPNetwork.Parse("198.18.0.0/15"), // RFC 2544: benchmarks
        IPNetwork.Parse("198.51.100.0/24"), // RFC 5737: documentation
        IPNetwork.Parse("203.0.113.0/24"), // RFC 5737: documentation
        IPNetwork.Parse("224.0.0.0/4"), // RFC 5771: multicast
        IPNetwork.Parse("240.0.0.0/4"), // RFC 1112: reserved; RFC 919: broadcast
        IPNetwork.Parse("2001::/23"), // RFC 2928: Teredo (RFC 4380), benchmarks (5180), ORCHID (4843, 7343) and other protocols
        IPNetwork.Parse("2001:db8::/32"), // RFC 3849: documentation
        IPNetwork.Parse("2002::/16"), // RFC 3056: 6to4, which embeds an IPv4 address
        IPNetwork.Parse("3ffe::/16"), // RFC 3701: 6bone, returned
        IPNetwork.Parse("3fff::/20"), // RFC 9637: documentation
    ];

    /// <summary>Returns whether an address belongs to the public Internet.</summary>
    /// <remarks>Rejects IPv4-mapped addresses first: <see cref="IPNetwork"/> unwraps them, and finds them in <c>2000::/3</c>.</remarks>
    public static bool Is(IPAddress address) =>
        !address.IsIPv4MappedToIPv6
        && (address.AddressFamily == AddressFamily.InterNetwork || (GlobalUnicast.Contains(address) && !IsIsatap(address)))
        && !Special.Any(network => network.Contains(address));

    /// <summary>Returns whether the last half of an address embeds an IPv4 address (RFC 5214); the first half does not matter.</summary>
    private static bool IsIsatap(IPAddress address)
    {
        Span<byte> bytes = stackalloc byte[16];
        return address.TryWriteBytes(bytes, out _) && bytes[8..12] is [0 or 2, 0, 0x5e, 0xfe];
    }
}
