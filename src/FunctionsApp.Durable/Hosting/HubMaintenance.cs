using FunctionsApp.Core.Limits;
using FunctionsApp.Durable.Storage;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace FunctionsApp.Durable.Hosting;

/// <summary>
/// What a process does for the hub from time to time: it counts and tests storage for itself, and one of the processes sweeps the tasks.
/// </summary>
internal sealed partial class HubMaintenance(
    TaskHub hub, HubSweep sweep, StorageUse use, TimeProvider time, ILogger<HubMaintenance> logger) : BackgroundService
{
    private static readonly TimeSpan OrphansPause = TimeSpan.FromHours(1), MeasurePause = TimeSpan.FromSeconds(2);

    private static readonly TimeSpan ProbePause = TimeSpan.FromSeconds(5);

    /// <summary>
    /// The pause between two sweeps, and what each page of tasks adds to it: a sweep of a million tasks is a thousand requests.
    /// </summary>
    private static readonly TimeSpan SweepPause = TimeSpan.FromSeconds(30), PauseOfPage = TimeSpan.FromSeconds(2);

    /// <summary>Notes or logs why something has failed that is retried. After the process was told to stop, anything may fail.</summary>
    public void Note(Exception failure, CancellationToken stoppingToken)
    {
        if (!stoppingToken.IsCancellationRequested && failure.IsOfStorage())
        {
            hub.Note(failure);
        }
        else if (!stoppingToken.IsCancellationRequested)
        {
            LogFailed(logger, failure);
        }
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await StartupPause.WaitAsync(time, stoppingToken);
        await Task.WhenAll(
            RepeatAsync(SweepAsync, SweepPause, stoppingToken),
            RepeatAsync(DeleteOrphansAsync, OrphansPause, stoppingToken),
            RepeatAsync(use.CountAsync, MeasurePause, stoppingToken),
            RepeatAsync(use.MeasureAsync, MeasurePause, stoppingToken),
            RepeatAsync(ProbeAsync, ProbePause, stoppingToken));
    }

    private async Task SweepAsync(CancellationToken cancellationToken)
    {
        if (await sweep.TryLeadAsync(cancellationToken))
        {
            await Task.Delay(PauseOfPage * await sweep.SweepAsync(cancellationToken), time, cancellationToken);
        }
    }

    private async Task DeleteOrphansAsync(CancellationToken cancellationToken)
    {
        if (await sweep.TryLeadAsync(cancellationToken))
        {
            await sweep.DeleteOrphansAsync(cancellationToken);
        }
    }

    /// <summary>Tests whether storage works again, after it has failed.</summary>
    private async Task ProbeAsync(CancellationToken cancellationToken)
    {
        if (hub.IsFailing)
        {
            await hub.Blobs.PingAsync(cancellationToken);
            await hub.CountActivitiesAsync(cancellationToken);
            hub.Note(failure: null);
        }
    }

    /// <summary>Does something again and again. All processes do it, so the pauses vary.</summary>
    private async Task RepeatAsync(Func<CancellationToken, Task> run, TimeSpan pause, CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await Task.Delay(pause * (0.75 + (Random.Shared.NextDouble() / 2)), time, stoppingToken);
                await hub.EnsureCreatedAsync();
                await run(stoppingToken);
            }
#pragma warning disable CA1031 // Storage fails in many ways, and after a bug the rest of the maintenance must go on.
            catch (Exception exception)
#pragma warning restore CA1031
            {
                Note(exception, stoppingToken);
            }
        }
    }

    [LoggerMessage(EventId = 40, Level = LogLevel.Error, Message = "The maintenance of the task hub failed; the app retries")]
    private static partial void LogFailed(ILogger logger, Exception exception);
}
