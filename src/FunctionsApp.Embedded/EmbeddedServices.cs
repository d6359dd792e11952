using FunctionsApp.Core.Tasks;
using Microsoft.Extensions.DependencyInjection;

namespace FunctionsApp.Embedded;

/// <summary>Registration of the embedded task engine.</summary>
public static class EmbeddedServices
{
    /// <summary>Adds the engine that keeps tasks in a directory.</summary>
    /// <param name="services">The host's services, with those of Core.</param>
    public static IServiceCollection AddEmbeddedTaskEngine(this IServiceCollection services) => services
        .AddSingleton<TaskClock>()
        .AddSingleton<WakeUps>()
        .AddSingleton<DatabaseAccess>()
        .AddSingleton<DirectoryOpening>()
        .AddSingleton<TaskStore>()
        .AddSingleton<AttemptRunner>()
        .AddSingleton<TaskQueue>()
        .AddSingleton<WebhookQueue>()
        .AddSingleton<TaskSteps>()
        .AddSingleton<EmbeddedTaskEngine>()
        .AddSingleton<ITaskEngine>(static provider => provider.GetRequiredService<EmbeddedTaskEngine>())
        .AddHostedService<EmbeddedTaskEngineLifetime>();
}
