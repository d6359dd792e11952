using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace FunctionsApp.Core.Tasks.Embedded;

/// <summary>
/// Has the embedded engine start and stop with the host. The directory is opened a moment after the start, or when a task is
/// first asked for: to load and open a database takes the processor for long, and the first answers are not to wait for that.
/// </summary>
/// <param name="services">Makes the engine, when it is to start: by then the options have been checked, all of them.</param>
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
