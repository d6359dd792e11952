using FunctionsApp.Core.Telemetry;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using OpenTelemetry;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace FunctionsApp.Telemetry;

/// <summary>Sends the spans and metrics of the app to an OpenTelemetry collector, as the <c>OTEL_…</c> settings say.</summary>
/// <param name="configuration">The app settings; the exporter reads its own from them.</param>
internal sealed class OtlpExport(IConfiguration configuration) : IHostedService, IDisposable
{
    /// <summary>The setting without which nothing is sent.</summary>
    public const string Endpoint = "OTEL_EXPORTER_OTLP_ENDPOINT";

    private const string ServiceName = "OTEL_SERVICE_NAME";

    /// <summary>A collector that does not answer must not hold up the end of the host.</summary>
    private const int MostMilliseconds = 5_000;

    private TracerProvider? _traces;
    private MeterProvider? _metrics;

    public Task StartAsync(CancellationToken cancellationToken)
    {
        _traces = Sdk.CreateTracerProviderBuilder()
            .ConfigureServices(services => services.AddSingleton(configuration))
            .ConfigureResource(Describe)
            .AddSource(AppTelemetry.Name)
            .AddOtlpExporter()
            .Build();
        _metrics = Sdk.CreateMeterProviderBuilder()
            .ConfigureServices(services => services.AddSingleton(configuration))
            .ConfigureResource(Describe)
            .AddMeter(AppTelemetry.Name)
            .AddOtlpExporter()
            .Build();
        return Task.CompletedTask;
    }

    /// <summary>Sends what has not been sent yet, while what is measured is still there.</summary>
    public Task StopAsync(CancellationToken cancellationToken)
    {
        _traces?.ForceFlush(MostMilliseconds);
        _metrics?.ForceFlush(MostMilliseconds);
        return Task.CompletedTask;
    }

    public void Dispose()
    {
        _traces?.Dispose();
        _metrics?.Dispose();
    }

    private void Describe(ResourceBuilder resource)
    {
        // The setting comes earlier, and what comes later would win.
        if (configuration[ServiceName] is null)
        {
            resource.AddService(AppTelemetry.Name);
        }
    }
}
