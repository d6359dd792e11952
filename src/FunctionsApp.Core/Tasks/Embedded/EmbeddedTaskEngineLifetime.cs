using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace FunctionsApp.Core.Tasks.Embedded;

/// <summary>Has the embedded engine start and stop with the host.</summary>
/// <param name="services">Makes the engine, when it is to start: by then the options have been checked, all of them.</param>
internal sealed class EmbeddedTaskEngineLifetime(IServiceProvider services) : IHostedService
{
    public Task StartAsync(CancellationToken cancellationToken)
    {
        services.GetRequiredService<EmbeddedTaskEngine>().Start();
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => services.GetRequiredService<EmbeddedTaskEngine>().StopAsync(cancellationToken);
}
