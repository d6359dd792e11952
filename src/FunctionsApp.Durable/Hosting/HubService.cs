using FunctionsApp.Durable.Activities;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace FunctionsApp.Durable.Hosting;

/// <summary>
/// Takes part in the task hub: creates what it consists of, runs the worker where no extension does, and deletes what has expired.
/// It starts shortly after the host, and goes on trying while storage cannot be reached.
/// </summary>
internal sealed class HubService(
    TaskHub hub, Lazy<DurableWorker> worker, AttemptSlots slots, DurableTaskEngine engine, IOptions<DurableHostingOptions> hosting, TimeProvider time) : BackgroundService
{
    /// <summary>Loading the framework takes much processor time, which must not delay the first responses.</summary>
    private static readonly TimeSpan StartPause = TimeSpan.FromMilliseconds(400);

    private static readonly TimeSpan RetryPause = TimeSpan.FromSeconds(2);

    /// <summary>How often the process tests whether storage works again, after it has failed.</summary>
    private static readonly TimeSpan ProbePause = TimeSpan.FromSeconds(5);

    /// <summary>How often histories of expired tasks are deleted. No orchestration can delete its own, and until then only its blobs are gone.</summary>
    private static readonly TimeSpan PurgePause = TimeSpan.FromMinutes(5);

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
        await Task.Delay(StartPause, time, stoppingToken);
        var purged = time.GetTimestamp();
        var isStarted = false;
        while (!stoppingToken.IsCancellationRequested)
        {
            try
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

                if (time.GetElapsedTime(purged) > PurgePause)
                {
                    purged = time.GetTimestamp();
                    await hub.PurgeAsync();
                }

                engine.Note(failure: null);
            }
#pragma warning disable CA1031 // Storage fails in many ways; the worker starts when it works.
            catch (Exception exception)
#pragma warning restore CA1031
            {
                engine.Note(exception);
            }

            await Task.Delay(isStarted ? ProbePause : RetryPause, time, stoppingToken);
        }
    }
}
