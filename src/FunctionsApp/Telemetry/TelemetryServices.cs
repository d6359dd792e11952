using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace FunctionsApp.Telemetry;

/// <summary>Registration of what takes spans and metrics out of the app.</summary>
public static class TelemetryServices
{
    /// <summary>Adds the export to an OpenTelemetry collector, when one is configured. Both hosts call this.</summary>
    /// <param name="services">The host's services.</param>
    /// <param name="configuration">The app settings: <c>OTEL_EXPORTER_OTLP_ENDPOINT</c> and the exporter's other ones.</param>
    public static IServiceCollection AddFunctionsTelemetry(this IServiceCollection services, IConfiguration configuration) =>
        string.IsNullOrWhiteSpace(configuration[OtlpExport.Endpoint]) ? services : services.AddHostedService<OtlpExport>();
}
