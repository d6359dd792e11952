using FunctionsApp.Core.Limits;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace FunctionsApp.Embedded;

/// <summary>
/// Starts and stops the embedded engine with the host. The directory is opened shortly after startup, or on the first task request.
/// Loading and opening a database takes much processor time, which must not delay the first responses.
/// The engine is created at its start: by then all options have been checked.
/// </summary>
internal sealed class EmbeddedTaskEngineLifetime(IServiceProvider services, TimeProvider time) : BackgroundService
{
    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        await services.GetRequiredService<EmbeddedTaskEngine>().StopAsync(cancellationToken);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await StartupPause.WaitAsync(time, stoppingToken);
        services.GetRequiredService<EmbeddedTaskEngine>().Start();
    }
}
