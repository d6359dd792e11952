using System.ComponentModel.DataAnnotations;
using System.Globalization;

namespace FunctionsApp.Core.Outbound;

/// <summary>What requests to URLs that callers give may do; configuration section <c>Outbound</c>.</summary>
public sealed record OutboundOptions : IValidatableObject
{
    /// <summary>The configuration section.</summary>
    public const string Section = "Outbound";

    /// <summary>
    /// Destinations that are internal on purpose: host names, IP addresses or networks in CIDR notation, each with an
    /// optional <c>:port</c>; an IPv6 one with a port stands in brackets, as <c>[fd12::/16]:8080</c>. Default none.
    /// </summary>
    public IReadOnlyList<string> AllowedHosts { get; set; } = [];

    /// <summary>
    /// The ports that may be called, beside those that <see cref="AllowedHosts"/> names; none means every port but those that
    /// the Fetch standard blocks. Default none.
    /// </summary>
    public IReadOnlyList<int> AllowedPorts { get; set; } = [];

    /// <summary>
    /// What the app itself is reached by, beside the platform's <c>WEBSITE_HOSTNAME</c> and the addresses that the local host
    /// listens on: custom domains, the address of a load balancer. Written as <see cref="AllowedHosts"/>, which alone opens
    /// them, each by its very name or address. Instances with the same list are one deployment. Default none.
    /// </summary>
    public IReadOnlyList<string> OwnHosts { get; set; } = [];

    /// <summary>Bytes of one answer's body, after decompression. Default 10 MiB.</summary>
    [Range(1_024, 1_073_741_824)]
    public int MaxResponseBytes { get; set; } = 10 * 1024 * 1024;

    /// <summary>Seconds within which a connection must stand, name resolution and TLS included. Default 10.</summary>
    [Range(0.1, 300)]
    public double ConnectTimeoutSeconds { get; set; } = 10;

    /// <summary>The app's own host name, which no caller may have it call; the platform's setting <c>WEBSITE_HOSTNAME</c>.</summary>
    internal string? OwnHost { get; set; }

    /// <inheritdoc/>
    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext) =>
        ValidationErrors(AllowedHosts, nameof(AllowedHosts)).Concat(ValidationErrors(OwnHosts, nameof(OwnHosts)))
            .Concat(AllowedPorts.Where(static port => port is < 1 or > 65_535)
                .Select(static port => new ValidationResult(
                    string.Create(CultureInfo.InvariantCulture, $"{Section}:AllowedPorts has {port}, which is not a port from 1 to 65535."),
                    [nameof(AllowedPorts)])));

    private static IEnumerable<ValidationResult> ValidationErrors(IReadOnlyList<string> hosts, string name) =>
        hosts.Where(static host => HostEntry.Parse(host) is null).Select(host => new ValidationResult(
            $"{Section}:{name} has '{host}', which is not a host name, an IP address or a network such as 10.0.0.0/8, with or without :port; "
            + "IPv6 with a port is written as [fd12::1]:8080.",
            [name]));
}
