using System.Globalization;
using System.Net;
using Microsoft.AspNetCore.HostFiltering;

namespace FunctionsApp.LocalHost;

/// <summary>Where the host listens.</summary>
/// <param name="Urls">One or more URLs.</param>
/// <param name="AreLoopback">Whether only this machine can reach them all.</param>
internal sealed record ListenAddresses(IReadOnlyList<string> Urls, bool AreLoopback)
{
    private const int DefaultPort = 7071;

    /// <summary>Reads <c>urls</c>, or <c>port</c> on 127.0.0.1; by default port 7071, as Core Tools has it.</summary>
    public static ListenAddresses From(IConfiguration configuration)
    {
        var port = configuration.GetValue("port", DefaultPort);
        var urls = (configuration["urls"] ?? string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{port}"))
            .Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        return new ListenAddresses(urls, Array.TrueForAll(urls, static url => IsLoopback(BindingAddress.Parse(url))));
    }

    /// <summary>
    /// On loopback, answers only requests that name this machine. A web page that the developer visits can let its own
    /// host name resolve to 127.0.0.1; the browser would then send it here with that name.
    /// </summary>
    public void RestrictHosts(HostFilteringOptions options)
    {
        options.IncludeFailureMessage = false;
        options.AllowedHosts = AreLoopback ? ["localhost", "127.0.0.1", "[::1]"] : ["*"];
    }

    private static bool IsLoopback(BindingAddress address) =>
        address.IsUnixPipe
        || string.Equals(address.Host, "localhost", StringComparison.OrdinalIgnoreCase)
        || (IPAddress.TryParse(address.Host.Trim('[', ']'), out var ip) && IPAddress.IsLoopback(ip));
}
