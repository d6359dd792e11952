using Microsoft.Extensions.Hosting;
using OpenTelemetry.Metrics;

namespace FunctionsApp.Telemetry;

/// <summary>Sends the metrics a last time when the host stops, while what they measure is still there.</summary>
/// <param name="metrics">The metrics.</param>
internal sealed class MetricsFlush(MeterProvider metrics) : IHostedService
{
    /// <summary>A collector that does not answer must not hold up the end of the host.</summary>
    private const int MaxMilliseconds = 5_000;

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken)
    {
        metrics.ForceFlush(MaxMilliseconds);
        return Task.CompletedTask;
    }
}
