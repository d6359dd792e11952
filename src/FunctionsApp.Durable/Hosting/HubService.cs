using FunctionsApp.Core.Limits;
using FunctionsApp.Durable.Activities;
using FunctionsApp.Durable.Storage;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace FunctionsApp.Durable.Hosting;

/// <summary>
/// Takes part in the task hub: creates its parts, runs the worker if there is no extension, and maintains the hub. It starts shortly
/// after the host, and retries while storage cannot be reached.
/// </summary>
internal sealed class HubService(
    TaskHub hub, Lazy<DurableWorker> worker, AttemptSlots slots, HubMaintenance maintenance, IOptions<DurableHostingOptions> hosting,
    TimeProvider time) : BackgroundService
{
    private static readonly TimeSpan RetryPause = TimeSpan.FromSeconds(2);

    /// <summary>How often the process tests whether storage works again, after it has failed.</summary>
    private static readonly TimeSpan ProbePause = TimeSpan.FromSeconds(5);

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
        var maintaining = Task.CompletedTask;
        for (var isStarted = false; !stoppingToken.IsCancellationRequested;)
        {
            await maintenance.TryAsync(
                async () =>
                {
                    await hub.EnsureCreatedAsync();
                    if (!isStarted && !hosting.Value.HasExtension)
                    {
                        await worker.Value.StartAsync();
                    }

                    maintaining = isStarted ? maintaining : maintenance.RepeatAsync(stoppingToken);
                    isStarted = true;
                    if (hub.IsFailing)
                    {
                        await hub.Blobs.PingAsync(stoppingToken);
                        await hub.CountActivitiesAsync(stoppingToken);
                    }

                    hub.Note(failure: null);
                },
                stoppingToken);
            await Task.Delay(isStarted ? ProbePause : RetryPause, time, stoppingToken)
                .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        await maintaining;
    }
}
