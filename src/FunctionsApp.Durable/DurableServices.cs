using FunctionsApp.Core.Json;
using FunctionsApp.Core.Tasks;
using FunctionsApp.Core.Webhooks;
using FunctionsApp.Durable.Activities;
using FunctionsApp.Durable.Client;
using FunctionsApp.Durable.Hosting;
using FunctionsApp.Durable.Storage;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace FunctionsApp.Durable;

/// <summary>Registration of the durable task engine.</summary>
public static class DurableServices
{
    /// <summary>
    /// Adds the engine that any number of processes share through a storage account, and its worker in this process unless <see
    /// cref="DurableHostingOptions.HasExtension"/>.
    /// </summary>
    /// <param name="services">The host's services, with those of Core.</param>
    public static IServiceCollection AddDurableTaskEngine(this IServiceCollection services)
    {
        CoreJson.Add(DurableJsonContext.Default);
        services.AddSingleton<StorageConnection>();
        services.AddSingleton<IValidateOptions<TasksOptions>, StorageConnection>();
        services.AddSingleton<TaskHub>();
        services.AddSingleton<TaskReader>();
        services.AddSingleton<TaskCreation>();
        services.AddSingleton<HubSweep>();
        services.AddSingleton<HubMaintenance>();
        services.AddSingleton<StorageUse>();
        services.AddSingleton<AttemptSlots>();
        services.AddSingleton<ReceiverLimit>();
        services.AddSingleton<AttemptExecution>();
        services.AddSingleton<AttemptActivity>();
        services.AddSingleton<DeliveryActivity>();
        services.AddSingleton<ITaskEngine, DurableTaskEngine>();
        services.AddSingleton<DurableWorker>();
        services.AddSingleton(static provider => new Lazy<DurableWorker>(provider.GetRequiredService<DurableWorker>));

        // They stop in reverse order: attempts stop before the maintenance, which may be waiting for a request to the storage.
        services.AddHostedService(static provider => provider.GetRequiredService<HubMaintenance>());
        services.AddHostedService<HubService>();
        return services;
    }
}
