using System.Net;

namespace FunctionsApp.Core.Outbound;

/// <summary>Finds the addresses of a host name.</summary>
public interface IHostResolver
{
    /// <summary>All addresses, in the order in which they are to be tried.</summary>
    /// <param name="host">A host name.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="System.Net.Sockets.SocketException">The name cannot be resolved.</exception>
    Task<IPAddress[]> ResolveAsync(string host, CancellationToken cancellationToken);
}

/// <summary>Asks the system.</summary>
internal sealed class DnsResolver : IHostResolver
{
    public Task<IPAddress[]> ResolveAsync(string host, CancellationToken cancellationToken) => Dns.GetHostAddressesAsync(host, cancellationToken);
}
