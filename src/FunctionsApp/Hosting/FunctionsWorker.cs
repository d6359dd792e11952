using FunctionsApp.Hosting;
using FunctionsApp.Telemetry;
using Microsoft.Azure.Functions.Worker.Builder;
using Microsoft.Azure.Functions.Worker.OpenTelemetry;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Composition of a worker process of the Functions host.</summary>
public static class FunctionsWorker
{
    /// <summary>
    /// Adds the app, with what differs under the Functions host. Call <c>ConfigureFunctionsWebApplication</c> before.
    /// </summary>
    /// <param name="builder">The worker's builder.</param>
    public static FunctionsApplicationBuilder AddFunctionsApp(this FunctionsApplicationBuilder builder)
    {
        var (services, configuration) = (builder.Services, builder.Configuration);
        configuration[EngineSetting.Name] ??= DurableExtension.DefaultEngine(configuration);
        services.AddFunctionsApp(configuration);
        services.AddFunctionsHost(configuration, builder.Environment.ContentRootPath);
        services.AddFunctionsTelemetry(configuration, static telemetry => telemetry.UseFunctionsWorkerDefaults());
        return builder;
    }
}
