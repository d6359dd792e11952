using Azure.Monitor.OpenTelemetry.Exporter;
using FunctionsApp.Core.Telemetry;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using OpenTelemetry;
using OpenTelemetry.Resources;

namespace FunctionsApp.Telemetry;

/// <summary>Registers the export of spans, metrics and logs.</summary>
public static class TelemetryServices
{
    private const string ServiceName = "OTEL_SERVICE_NAME";

    /// <summary>
    /// Adds the export to an OpenTelemetry collector and to Azure Monitor, if configured. If neither is, nothing is loaded.
    /// </summary>
    /// <param name="services">The host's services.</param>
    /// <param name="configuration">
    /// The app settings: <c>OTEL_EXPORTER_OTLP_ENDPOINT</c>, <c>APPLICATIONINSIGHTS_CONNECTION_STRING</c>, other exporter settings.
    /// </param>
    /// <param name="configureHost">Adds the host's own telemetry.</param>
    /// <exception cref="InvalidOperationException">One of the settings is invalid.</exception>
    public static IServiceCollection AddFunctionsTelemetry(
        this IServiceCollection services, IConfiguration configuration, Action<IOpenTelemetryBuilder>? configureHost = null)
    {
        TelemetrySettings.Check(configuration);
        var toCollector = TelemetrySettings.IsSet(configuration, TelemetrySettings.OtlpEndpoint);
        var toMonitor = TelemetrySettings.IsSet(configuration, TelemetrySettings.ApplicationInsights);
        if (toCollector || toMonitor)
        {
            Export(services, configuration, toCollector, toMonitor, configureHost);
        }

        return services;
    }

    private static void Export(
        IServiceCollection services, IConfiguration configuration, bool toCollector, bool toMonitor,
        Action<IOpenTelemetryBuilder>? configureHost)
    {
        var telemetry = services.AddOpenTelemetry()
            .ConfigureResource(resource =>
            {
                // The setting is applied earlier, and later values override it.
                if (configuration[ServiceName] is null)
                {
                    resource.AddService(AppTelemetry.Name);
                }
            })
            .WithTracing(static traces => traces.AddSource(AppTelemetry.Name))
            .WithMetrics(static metrics => metrics.AddMeter(AppTelemetry.Name))
            .WithLogging();
        services.AddHostedService<MetricsFlush>();
        configureHost?.Invoke(telemetry);
        if (toCollector)
        {
            telemetry.UseOtlpExporter();
        }

        if (toMonitor)
        {
            telemetry.UseAzureMonitorExporter();
        }
    }
}
