using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace FunctionsApp.Http;

/// <summary>
/// Closes connections that are still open some seconds after shutdown began. All work is cancelled by then, so an open connection
/// waits for its peer: for the rest of a request, or until it reads the response. The server would wait until the host's shutdown
/// timeout, and leave no time for the services that stop after it. With it a host ends within seconds beside 50 paused uploads:
/// <c>ShutdownTests</c>.
/// </summary>
internal sealed class ConnectionCutoff(IHostApplicationLifetime lifetime, TimeProvider time)
    : IConfigureOptions<KestrelServerOptions>, IDisposable
{
    private readonly CancellationTokenSource _cut = new(Timeout.InfiniteTimeSpan, time);

    /// <summary>Configures the server to abort its connections then.</summary>
    public void Configure(KestrelServerOptions options)
    {
        lifetime.ApplicationStopping.UnsafeRegister(static cut => ((CancellationTokenSource)cut!).CancelAfter(FunctionInvoker.Grace), _cut);
        options.ConfigureEndpointDefaults(endpoint => endpoint.Use(next => connection => ServeAsync(next, connection)));
    }

    public void Dispose() => _cut.Dispose();

    private async Task ServeAsync(ConnectionDelegate next, ConnectionContext connection)
    {
        await using (_cut.Token.UnsafeRegister(
            static connection => ((ConnectionContext)connection!).Abort(new ConnectionAbortedException("The host is shutting down.")),
            connection))
        {
            await next(connection);
        }
    }
}
