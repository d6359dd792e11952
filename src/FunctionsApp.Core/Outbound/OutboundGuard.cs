using System.Net;
using System.Net.Sockets;
using FunctionsApp.Core.Problems;
using FunctionsApp.Core.Requests;
using Microsoft.Extensions.Options;

namespace FunctionsApp.Core.Outbound;

/// <summary>
/// Prevents callers from reaching internal hosts through the app (server-side request forgery). The guard checks a URL
/// before a request, and its addresses when it connects to them. Earlier resolutions of a name do not count, so a name
/// whose address changes (DNS rebinding) gains nothing.
/// </summary>
public sealed class OutboundGuard(IOptions<OutboundOptions> options, IHostResolver resolver, AppIdentity app)
{
    private static readonly HttpRequestOptionsKey<CallChain?> CallerKey = new("FunctionsApp.CallChain");

    private readonly HostEntry[] _allowed = [.. options.Value.AllowedHosts.Select(HostEntry.Parse).OfType<HostEntry>()];
    private readonly IReadOnlyList<int> _allowedPorts = options.Value.AllowedPorts;

    /// <summary>Checks the URL itself. Does no name resolution, and takes the same time for every host.</summary>
    /// <param name="url">An absolute URL.</param>
    /// <exception cref="ProblemException"><c>destination-not-allowed</c>.</exception>
    public void Check(Uri url)
    {
        if (url.Scheme is not ("http" or "https"))
        {
            throw new ProblemException(
                Problem.DestinationNotAllowed($"The scheme '{Excerpt.Of(url.Scheme)}' is not allowed: only http and https are."));
        }

        if (HostName.HasCredentials(url))
        {
            throw new ProblemException(Problem.DestinationNotAllowed(
                $"The URL of '{HostName.AsWritten(url)}' has credentials, which is not allowed: send an Authorization header instead."));
        }

        var host = HostName.Of(url);
        if (!AllowsPort(url.Port) && !_allowed.Any(entry => entry.Port == url.Port))
        {
            throw new ProblemException(Problem.DestinationNotAllowed(
                string.Create(
                    System.Globalization.CultureInfo.InvariantCulture,
                    $"Port {url.Port} of '{HostName.AsWritten(url)}' is not allowed (Outbound:AllowedPorts).")));
        }

        if (host.Text.Length == 0 || HostName.IsAmbiguous(url) || !AllowsHost(host, url.Port))
        {
            throw new ProblemException(Refusal(url));
        }
    }

    /// <summary>Returns the one problem for every refused host, because different reasons would reveal the internal network.</summary>
    /// <param name="url">The refused URL.</param>
    public static Problem Refusal(Uri url) => Problem.DestinationNotAllowed(
        $"The host '{HostName.AsWritten(url)}' is not allowed: "
        + "it is not on the public Internet, and Outbound:AllowedHosts does not list it.");

    /// <summary>Resolves a host to addresses that are all allowed.</summary>
    /// <param name="host">The host of a URL that has passed <see cref="Check"/>.</param>
    /// <param name="port">The port to connect to.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="DestinationRefusedException">One of the addresses is not allowed, so none is used.</exception>
    /// <exception cref="SocketException">The name cannot be resolved.</exception>
    internal async ValueTask<IPAddress[]> ResolveAsync(string host, int port, CancellationToken cancellationToken)
    {
        var name = HostName.Of(host);
        var addresses = name.Address is { } literal ? [literal] : await resolver.ResolveAsync(host, cancellationToken);
        if (addresses.Length == 0)
        {
            throw new SocketException((int)SocketError.HostNotFound);
        }

        return IsListed(name, port) || addresses.All(address => AllowsAddress(address, port))
            ? addresses
            : throw new DestinationRefusedException();
    }

    /// <summary>Connects only to addresses that it has just checked.</summary>
    internal async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken cancellationToken)
    {
        var (host, port) = (context.DnsEndPoint.Host, context.DnsEndPoint.Port);

        // The connection pool connects in its own execution context.
        if (context.InitialRequestMessage.Options.TryGetValue(CallerKey, out var chain) && chain is not null)
        {
            RequestContext.Set(chain);
        }

        var addresses = await ResolveAsync(host, port, cancellationToken);
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(addresses, port, cancellationToken);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>Marks a request for <see cref="ConnectAsync"/>, and for the app itself if the request returns to it.</summary>
    internal void Mark(HttpRequestMessage message)
    {
        var (host, port) = (HostName.Of(message.RequestUri!), message.RequestUri!.Port);
        var isAllowed = IsListed(host, port) || (host.Address is { } address && IsListed(address, port, byItself: true));
        var chain = RequestContext.Get<CallChain>();
        message.Headers.TryAddWithoutValidation(CallChain.Header, CallChain.Extend(chain?.Text, app, isAllowed));
        message.Options.Set(CallerKey, chain);
    }

    private bool AllowsHost(HostName host, int port)
    {
        if (IsListed(host, port))
        {
            return true;
        }

        if (app.Includes(host, port) || host.Text.Contains('%', StringComparison.Ordinal))
        {
            return false;
        }

        if (host.Address is { } address)
        {
            return AllowsAddress(address, port);
        }

        // Without an allowed network, an internal name cannot be reached. Resolving it would only reveal whether it exists.
        return !host.LooksNumeric && (!host.IsInside || _allowed.Any(static entry => entry.Network is not null));
    }

    /// <summary>Returns whether the name itself is listed, which allows every address of it.</summary>
    private bool IsListed(HostName host, int port) =>
        _allowed.Any(
            entry => entry.Name is not null && string.Equals(entry.Name, host.Text, StringComparison.Ordinal) && Covers(entry, port));

    /// <summary>Returns whether an address is listed.</summary>
    /// <param name="address">The address.</param>
    /// <param name="port">The address's port.</param>
    /// <param name="byItself">Whether only an entry for this single address counts.</param>
    private bool IsListed(IPAddress address, int port, bool byItself) =>
        !address.IsIPv4MappedToIPv6
            && _allowed.Any(entry => entry.Network?.Contains(address) == true && (entry.IsOne || !byItself) && Covers(entry, port));

    /// <summary>Returns whether an address is allowed. The app's own addresses must be listed one by one, not as a network.</summary>
    private bool AllowsAddress(IPAddress address, int port) => app.Includes(address, port)
        ? IsListed(address, port, byItself: true)
        : (AllowsPort(port) && PublicAddress.Is(address)) || IsListed(address, port, byItself: false);

    private bool Covers(HostEntry entry, int port) => entry.Port is { } only ? only == port : AllowsPort(port);

    private bool AllowsPort(int port) => _allowedPorts.Count == 0 ? !BlockedPorts.Contains(port) : _allowedPorts.Contains(port);
}

/// <summary>An address is not allowed. The exception does not name it; the code that knows the caller's URL creates the message.</summary>
internal sealed class DestinationRefusedException() : Exception("The destination is not allowed.");
