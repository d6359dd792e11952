using FunctionsApp.Core.Limits;
using FunctionsApp.Durable.Activities;
using FunctionsApp.Durable.Storage;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace FunctionsApp.Durable.Hosting;

/// <summary>
/// Takes part in the task hub: creates its parts, and runs the worker if there is no extension. It starts shortly after the host, and
/// retries while storage cannot be reached.
/// </summary>
internal sealed class HubService(
    TaskHub hub, Lazy<DurableWorker> worker, AttemptSlots slots, HubMaintenance maintenance, IOptions<DurableHostingOptions> hosting,
    TimeProvider time) : BackgroundService
{
    private static readonly TimeSpan RetryPause = TimeSpan.FromSeconds(2);

    /// <inheritdoc/>
    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        // The attempts of this process stop, and their orchestrations call them again at once, in any process.
        await slots.StopAsync();
        await base.StopAsync(cancellationToken);
        if (worker.IsValueCreated)
        {
            await worker.Value.StopAsync().WaitAsync(cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await StartupPause.WaitAsync(time, stoppingToken);
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await hub.EnsureCreatedAsync();
                if (!hosting.Value.HasExtension)
                {
                    await worker.Value.StartAsync();
                }

                hub.Note(failure: null);
                return;
            }
#pragma warning disable CA1031 // Storage fails in many ways.
            catch (Exception exception)
#pragma warning restore CA1031
            {
                maintenance.Note(exception, stoppingToken);
                await Task.Delay(RetryPause, time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }
}
