using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace FunctionsApp.Embedded;

/// <summary>
/// Starts and stops the embedded engine with the host. The directory is opened shortly after startup, or on the first task request.
/// Loading and opening a database takes much processor time, which must not delay the first responses.
/// </summary>
/// <param name="services">Creates the engine at its start: by then all options have been checked.</param>
/// <param name="time">The clock.</param>
internal sealed class EmbeddedTaskEngineLifetime(IServiceProvider services, TimeProvider time) : BackgroundService
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(400);

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        await services.GetRequiredService<EmbeddedTaskEngine>().StopAsync(cancellationToken);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await Task.Delay(Pause, time, stoppingToken);
        services.GetRequiredService<EmbeddedTaskEngine>().Start();
    }
}
