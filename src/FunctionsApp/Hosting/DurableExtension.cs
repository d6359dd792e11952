using System.Globalization;
using Azure.Core.Serialization;
using FunctionsApp.Core.Json;
using FunctionsApp.Core.Tasks;
using FunctionsApp.Durable.Storage;
using Microsoft.Azure.Functions.Worker;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace FunctionsApp.Hosting;

/// <summary>
/// The Durable Functions extension of the Functions host, which runs the tasks of the durable engine. The host configures it by
/// <c>extensions.durableTask</c> of host.json, so the app reads that too: both must use the same hub.
/// </summary>
internal static class DurableExtension
{
    /// <summary>The setting of the storage account that the Functions host itself needs for its extension.</summary>
    private const string HostStorage = "AzureWebJobsStorage";

    private const string Section = "extensions:durableTask";

    /// <summary>The extension's own default.</summary>
    private const int DefaultPartitionCount = 4;

    /// <summary>
    /// The engine under the Functions host. Without a storage account there is no extension either: a host for tests has loaded the worker.
    /// </summary>
    /// <param name="configuration">The app settings.</param>
    public static string DefaultEngine(IConfiguration configuration) =>
        configuration.GetSection(HostStorage).Exists() || configuration.GetConnectionString(HostStorage) is { Length: > 0 }
            ? "durable"
            : "embedded";

    /// <summary>Lets the extension run tasks, on the hub of host.json.</summary>
    /// <param name="services">The worker's services.</param>
    /// <param name="hostJson">host.json.</param>
    /// <param name="configuration">The app settings.</param>
    /// <param name="maxActivityTime">How long an activity may take; null for any time.</param>
    /// <exception cref="InvalidOperationException">host.json names no hub, or the app settings name another.</exception>
    public static void AddTo(IServiceCollection services, IConfiguration hostJson, IConfiguration configuration, TimeSpan? maxActivityTime)
    {
        var section = hostJson.GetSection(Section);
        var hub = Resolve("hubName", nameof(TasksOptions.HubName), null)
            ?? throw new InvalidOperationException($"host.json must name the task hub: {Section}:hubName.");
        var connection = Resolve("storageProvider:connectionName", nameof(TasksOptions.Connection), new TasksOptions().Connection)!;
        Resolve("storageProvider:maxQueuePollingInterval", nameof(TasksOptions.MaxPollingSeconds), null, SecondsOf);
        services.PostConfigure<TasksOptions>(tasks => (tasks.HubName, tasks.Connection) = (hub, connection));
        services.Configure<DurableHostingOptions>(hosting =>
        {
            (hosting.HasExtension, hosting.MaxActivityTime) = (true, maxActivityTime);
            hosting.PartitionCount = section.GetValue("storageProvider:partitionCount", DefaultPartitionCount);
        });

        // The extension reads and writes inputs and results by the worker's serializer.
        services.Configure<WorkerOptions>(static worker => worker.Serializer = new JsonObjectSerializer(CoreJson.Stored));

        string? Resolve(string name, string setting, string? otherwise, Func<string?, string?>? convert = null)
        {
            var value = section[name] ?? otherwise;
            if (value is ['%', .. var reference, '%'])
            {
                value = configuration[reference.Replace("__", ":", StringComparison.Ordinal)];
            }

            value = convert is null ? value : convert(value);
            return configuration[$"{TasksOptions.Section}:{setting}"] is { } other
                && !other.Equals(value, StringComparison.OrdinalIgnoreCase)
                ? throw new InvalidOperationException(

                    // A connection string in place of its name has a key in it.
                    $"Tasks:{setting} is '{other.Split('=')[0]}', but {Section}:{name} of host.json is '{value?.Split('=')[0]}'. "
                    + "Under the Functions host set "
                    + $"AzureFunctionsJobHost__{$"{Section}:{name}".Replace(":", "__", StringComparison.Ordinal)} instead.")
                : value;
        }
    }

    /// <summary>A time of host.json in seconds, as the app settings have it.</summary>
    private static string? SecondsOf(string? time) =>
        TimeSpan.TryParse(time, CultureInfo.InvariantCulture, out var span)
            ? span.TotalSeconds.ToString(CultureInfo.InvariantCulture)
            : time;
}
