using FunctionsApp.Core.Limits;
using FunctionsApp.Durable.Activities;
using FunctionsApp.Durable.Client;
using FunctionsApp.Durable.Storage;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace FunctionsApp.Durable.Hosting;

/// <summary>
/// Takes part in the task hub: creates what it consists of, runs the worker where no extension does, and deletes what has expired.
/// It starts shortly after the host, and goes on trying while storage cannot be reached.
/// </summary>
internal sealed partial class HubService(
    TaskHub hub,
    Lazy<DurableWorker> worker,
    AttemptSlots slots,
    DurableTaskEngine engine,
    HubMaintenance maintenance,
    IOptions<DurableHostingOptions> hosting,
    TimeProvider time,
    ILogger<HubService> logger) : BackgroundService
{
    private static readonly TimeSpan RetryPause = TimeSpan.FromSeconds(2);

    /// <summary>How often the process tests whether storage works again, after it has failed.</summary>
    private static readonly TimeSpan ProbePause = TimeSpan.FromSeconds(5);

    /// <summary>How often histories of expired tasks are deleted, and failed orchestrations are looked for.</summary>
    private static readonly TimeSpan MaintenancePause = TimeSpan.FromMinutes(1);

    private static readonly TimeSpan OrphansPause = TimeSpan.FromHours(1);

    /// <inheritdoc/>
    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        // The attempts of this process stop, and their orchestrations call them again at once, wherever there is a process.
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
        var maintaining = Task.WhenAll(
            RepeatAsync(maintenance.RunAsync, MaintenancePause, stoppingToken),
            RepeatAsync(maintenance.DeleteOrphansAsync, OrphansPause, stoppingToken));
        for (var isStarted = false; !stoppingToken.IsCancellationRequested;)
        {
            await TryAsync(
                async () =>
                {
                    await hub.EnsureCreatedAsync();
                    if (!isStarted && !hosting.Value.HasExtension)
                    {
                        await worker.Value.StartAsync();
                    }

                    isStarted = true;
                    if (engine.IsFailing)
                    {
                        await hub.Blobs.PingAsync(stoppingToken);
                    }

                    engine.Note(failure: null);
                },
                stoppingToken);
            await Task.Delay(isStarted ? ProbePause : RetryPause, time, stoppingToken)
                .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        await maintaining;
    }

    /// <summary>Does something again and again. All processes do it, so the pauses are not all the same.</summary>
    private async Task RepeatAsync(Func<CancellationToken, Task> run, TimeSpan pause, CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            await Task.Delay(pause * (0.75 + (Random.Shared.NextDouble() / 2)), time, stoppingToken)
                .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await TryAsync(() => run(stoppingToken), stoppingToken);
        }
    }

    private async Task TryAsync(Func<Task> run, CancellationToken stoppingToken)
    {
        try
        {
            stoppingToken.ThrowIfCancellationRequested();
            await run();
        }
#pragma warning disable CA1031 // It is tried again: storage fails in many ways, and after a bug the rest of the service must go on.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            if (!stoppingToken.IsCancellationRequested && exception.IsOfStorage())
            {
                engine.Note(exception);
            }
            else if (!stoppingToken.IsCancellationRequested)
            {
                LogFailed(logger, exception);
            }
        }
    }

    [LoggerMessage(EventId = 40, Level = LogLevel.Error, Message = "The maintenance of the task hub failed; the app retries")]
    private static partial void LogFailed(ILogger logger, Exception exception);
}
