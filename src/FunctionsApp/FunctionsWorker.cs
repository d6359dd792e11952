using FunctionsApp.Core.Tasks;
using FunctionsApp.Hosting;
using FunctionsApp.Telemetry;
using Microsoft.Azure.Functions.Worker.Builder;
using Microsoft.Azure.Functions.Worker.OpenTelemetry;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Composition of a worker process of the Functions host.</summary>
public static class FunctionsWorker
{
    /// <summary>
    /// Adds the app, with what differs under the Functions host, and serves its functions until shutdown. Call
    /// <c>ConfigureFunctionsWebApplication</c> before.
    /// </summary>
    /// <param name="builder">The worker's builder.</param>
    /// <param name="configure">Adds to the services of the app, such as operations of your own.</param>
    /// <returns>The process's exit code: 0 after a graceful shutdown, 1 if it could not start.</returns>
    public static Task<int> RunFunctionsAppAsync(
        this FunctionsApplicationBuilder builder, Action<IServiceCollection>? configure = null) => HostRunner.RunAsync(() =>
        {
            builder.AddFunctionsApp();
            configure?.Invoke(builder.Services);
            return builder.Build();
        });

    /// <summary>
    /// Adds the app, with what differs under the Functions host. Call <c>ConfigureFunctionsWebApplication</c> before.
    /// </summary>
    /// <param name="builder">The worker's builder.</param>
    public static FunctionsApplicationBuilder AddFunctionsApp(this FunctionsApplicationBuilder builder)
    {
        var (services, configuration) = (builder.Services, builder.Configuration);
        configuration[TasksOptions.EngineSetting] ??= DurableExtension.DefaultEngine(configuration);
        services.AddFunctionsApp(configuration);
        services.AddFunctionsHost(configuration, builder.Environment.ContentRootPath);
        services.AddFunctionsTelemetry(configuration, static telemetry => telemetry.UseFunctionsWorkerDefaults());
        return builder;
    }
}
