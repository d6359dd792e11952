using Microsoft.Extensions.Hosting;
using OpenTelemetry.Metrics;

namespace FunctionsApp.Telemetry;

/// <summary>Sends the metrics a last time when the host stops, while the objects that they measure still exist.</summary>
/// <param name="metrics">The metrics.</param>
internal sealed class MetricsFlush(MeterProvider metrics) : IHostedService
{
    /// <summary>A collector that does not respond must not delay shutdown.</summary>
    private const int MaxMilliseconds = 5_000;

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken)
    {
        metrics.ForceFlush(MaxMilliseconds);
        return Task.CompletedTask;
    }
}
