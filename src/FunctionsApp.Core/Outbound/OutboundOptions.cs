using System.ComponentModel.DataAnnotations;
using System.Globalization;

namespace FunctionsApp.Core.Outbound;

/// <summary>The options of requests to callers' URLs; configuration section <c>Outbound</c>.</summary>
public sealed record OutboundOptions : IValidatableObject
{
    /// <summary>The configuration section.</summary>
    public const string Section = "Outbound";

    /// <summary>
    /// Internal destinations that callers may reach: host names, IP addresses or networks in CIDR notation, each with an
    /// optional <c>:port</c>. IPv6 with a port is in brackets, such as <c>[fd12::/16]:8080</c>. Default none.
    /// </summary>
    public IReadOnlyList<string> AllowedHosts { get; set; } = [];

    /// <summary>
    /// The allowed ports, in addition to the ports in <see cref="AllowedHosts"/>. None means every port except those that the
    /// Fetch standard blocks. Default none.
    /// </summary>
    public IReadOnlyList<int> AllowedPorts { get; set; } = [];

    /// <summary>
    /// The app's own names and addresses, such as custom domains or a load balancer's address. The platform's
    /// <c>WEBSITE_HOSTNAME</c> and the addresses that the local host listens on are included. Same format as <see cref="AllowedHosts"/>;
    /// only an entry there with the same name or address allows them. Instances with the same list are one deployment. Default none.
    /// </summary>
    public IReadOnlyList<string> OwnHosts { get; set; } = [];

    /// <summary>The maximum bytes of a response body, after decompression. Default 10 MiB.</summary>
    [Range(1_024, 1_073_741_824)]
    public int MaxResponseBytes { get; set; } = 10 * 1024 * 1024;

    /// <summary>The time limit of a connection, name resolution and TLS included, in seconds. Default 10.</summary>
    [Range(0.1, 300)]
    public double ConnectTimeoutSeconds { get; set; } = 10;

    /// <summary>The app's own host name, which callers must not reach: the platform's setting <c>WEBSITE_HOSTNAME</c>.</summary>
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
            $"{Section}:{name} has '{host}', "
            + "which is not a host name, an IP address or a network such as 10.0.0.0/8, with or without :port; "
            + "IPv6 with a port is written as [fd12::1]:8080.",
            [name]));
}
