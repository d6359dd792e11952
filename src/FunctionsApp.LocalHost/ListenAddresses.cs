using System.Collections.Frozen;
using System.Globalization;
using System.Net;

namespace FunctionsApp.LocalHost;

/// <summary>The addresses that the host listens on.</summary>
/// <param name="Urls">One or more URLs.</param>
/// <param name="AreLoopback">Whether only this machine can reach them all.</param>
internal sealed record ListenAddresses(IReadOnlyList<string> Urls, bool AreLoopback)
{
    /// <summary>The setting of the port.</summary>
    public const string PortSetting = "port";

    /// <summary>The setting of the addresses.</summary>
    public const string UrlsSetting = "urls";

    /// <summary>The default of <see cref="PortSetting"/>, which is that of Core Tools.</summary>
    public const int DefaultPort = 7071;

    private static readonly FrozenSet<string> LoopbackNames =
        FrozenSet.Create(StringComparer.OrdinalIgnoreCase, "localhost", "127.0.0.1", "[::1]");

    /// <summary>Reads <c>urls</c>, or <c>port</c> on 127.0.0.1.</summary>
    /// <exception cref="InvalidOperationException">One of them is invalid.</exception>
    public static ListenAddresses From(IConfiguration configuration)
    {
        var port = configuration[PortSetting] ?? DefaultPort.ToString(CultureInfo.InvariantCulture);
        if (!int.TryParse(port, NumberStyles.Integer, CultureInfo.InvariantCulture, out var number)
            || number is < IPEndPoint.MinPort or > IPEndPoint.MaxPort)
        {
            throw new InvalidOperationException(
                $"{PortSetting} is '{port}': it must be a whole number from {IPEndPoint.MinPort} to {IPEndPoint.MaxPort}.");
        }

        var urls = (configuration[UrlsSetting] ?? $"http://127.0.0.1:{number}")
            .Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        return new ListenAddresses(urls, Array.TrueForAll(urls, static url => IsLoopback(Parse(url))));
    }

    /// <summary>
    /// Returns whether a request may name this host. On loopback only this machine's own names are valid. Otherwise a web
    /// page that the developer visits could let its host name resolve to 127.0.0.1, and the browser would send the page's
    /// requests here, with that name.
    /// </summary>
    public bool Admits(HostString host) => !AreLoopback || LoopbackNames.Contains(host.Host);

    /// <summary>Returns the end points of the URLs of a started server, so that no port is 0.</summary>
    public static IEnumerable<IPEndPoint> EndPoints(IEnumerable<string> urls) =>
        from url in urls
        let address = BindingAddress.Parse(url)
        where !address.IsUnixPipe
        from ip in string.Equals(address.Host, "localhost", StringComparison.OrdinalIgnoreCase)
            ? [IPAddress.Loopback, IPAddress.IPv6Loopback]
            : IPAddress.TryParse(address.Host.Trim('[', ']'), out var one) ? [one]

            // The server binds every other name to all addresses.
            : new[] { IPAddress.IPv6Any }
        select new IPEndPoint(ip, address.Port);

    private static BindingAddress Parse(string url)
    {
        try
        {
            return BindingAddress.Parse(url);
        }
        catch (FormatException exception)
        {
            throw new InvalidOperationException(
                $"{UrlsSetting} has '{url}': it must be an address such as http://127.0.0.1:{DefaultPort}.", exception);
        }
    }

    private static bool IsLoopback(BindingAddress address) =>
        address.IsUnixPipe
        || string.Equals(address.Host, "localhost", StringComparison.OrdinalIgnoreCase)
        || (IPAddress.TryParse(address.Host.Trim('[', ']'), out var ip) && IPAddress.IsLoopback(ip));
}
