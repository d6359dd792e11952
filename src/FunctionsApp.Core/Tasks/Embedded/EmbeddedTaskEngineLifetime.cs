using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace FunctionsApp.Core.Tasks.Embedded;

/// <summary>Has the embedded engine start and stop with the host.</summary>
/// <param name="services">Makes the engine, when it is to start: by then the options have been checked, all of them.</param>
internal sealed class EmbeddedTaskEngineLifetime(IServiceProvider services) : IHostedLifecycleService
{
    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>Opens the directory when the server listens, and not before: the first request for a task waits for that, and no other.</summary>
    public Task StartedAsync(CancellationToken cancellationToken)
    {
        services.GetRequiredService<EmbeddedTaskEngine>().Start();
        return Task.CompletedTask;
    }

    public Task StoppingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => services.GetRequiredService<EmbeddedTaskEngine>().StopAsync(cancellationToken);

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
