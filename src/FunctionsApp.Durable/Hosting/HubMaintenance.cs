using FunctionsApp.Core.Limits;
using FunctionsApp.Durable.Records;
using FunctionsApp.Durable.Storage;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace FunctionsApp.Durable.Hosting;

/// <summary>
/// Deletes data that no task needs any more, and resumes the tasks whose orchestrations have failed. Every process does so: each step
/// may be repeated.
/// </summary>
internal sealed partial class HubMaintenance(
    TaskHub hub, TaskReader reader, StorageUse use, TimeProvider time, ILogger<HubMaintenance> logger) : BackgroundService
{
    /// <summary>The number of tasks that are deleted or resumed at once.</summary>
    private const int Concurrency = 8;

    /// <summary>The minimum age of data without a task that is deleted. A creation takes seconds.</summary>
    private static readonly TimeSpan MinOrphanAge = TimeSpan.FromHours(1);

    private static readonly TimeSpan PurgePause = TimeSpan.FromMinutes(1), OrphansPause = TimeSpan.FromHours(1);

    private static readonly TimeSpan MeasurePause = TimeSpan.FromSeconds(2), ProbePause = TimeSpan.FromSeconds(5);

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

    /// <summary>
    /// Deletes the histories of expired tasks: no orchestration can delete its own. A failed orchestration begins anew with the task's
    /// end: the task has failed, its webhook is sent, and it expires like any other.
    /// </summary>
    public Task PurgeAndResumeAsync(CancellationToken cancellationToken) => Parallel.ForEachAsync(
        hub.ListClosedAsync(cancellationToken),
        new ParallelOptions { MaxDegreeOfParallelism = Concurrency, CancellationToken = cancellationToken },
        async (ended, token) =>
        {
            var id = ended.OrchestrationInstance.InstanceId;
            try
            {
                if (!TaskHub.HasFailed(ended))
                {
                    await hub.Service.PurgeInstanceHistoryAsync(id);
                }
                else if (await hub.FindAsync(id) is { } instance && TaskHub.HasFailed(instance))
                {
                    await ResumeAsync(id, instance, token);
                }
            }
#pragma warning disable CA1031 // The others must not wait for one.
            catch (Exception exception) when (!exception.IsOfStorage())
#pragma warning restore CA1031
            {
                LogStuck(logger, exception, id);
            }
        });

    /// <summary>
    /// Deletes the blobs and idempotency keys of tasks that do not exist: storage failed, or the process died, during their creation.
    /// </summary>
    public async Task DeleteOrphansAsync(CancellationToken cancellationToken)
    {
        var before = time.GetUtcNow() - MinOrphanAge;

        // In sixteen parts, so that not all ids are in memory at once.
        foreach (var prefix in "0123456789abcdef".Select(static digit => digit.ToString()))
        {
            var ids = await hub.ListIdsAsync(prefix, cancellationToken);
            if (await hub.Blobs.DeleteOrphansAsync(prefix, before, ids.Contains, cancellationToken) is > 0 and var count)
            {
                LogOrphans(logger, count);
            }
        }
    }

    private async Task ResumeAsync(string id, DurableTask.Core.OrchestrationState instance, CancellationToken cancellationToken)
    {
        var (start, status) = reader.Parse(instance);
        if (start.Restarts < TaskReader.MaxRestarts)
        {
            LogResumed(logger, id, TaskHub.FailureOf(instance));
            await StopAttemptAsync(id, cancellationToken);
            await hub.StartAsync(id, start with { Status = status, Restarts = start.Restarts + 1 });
        }
        else if (status!.ExpiresAt < time.GetUtcNow())
        {
            await hub.Blobs.DeleteAsync(id, start.Definition.IdempotencyKey, cancellationToken);
            await hub.Service.PurgeInstanceHistoryAsync(id);
        }
    }

    private async Task StopAttemptAsync(string id, CancellationToken cancellationToken)
    {
        try
        {
            await hub.Blobs.ChangeStateAsync(id, known: null, new AttemptsCancelled(time.GetUtcNow()), cancellationToken);
        }
        catch (UnreadableDataException)
        {
            // The attempt cannot read its state either, and stops.
        }
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await StartupPause.WaitAsync(time, stoppingToken);
        await Task.WhenAll(
            RepeatAsync(PurgeAndResumeAsync, PurgePause, stoppingToken),
            RepeatAsync(DeleteOrphansAsync, OrphansPause, stoppingToken),
            RepeatAsync(use.CountAsync, MeasurePause, stoppingToken),
            RepeatAsync(use.MeasureAsync, MeasurePause, stoppingToken),
            RepeatAsync(ProbeAsync, ProbePause, stoppingToken));
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

    [LoggerMessage(EventId = 37, Level = LogLevel.Error,
        Message = "The orchestration of task {Id} has failed, and so has the task: {Reason}")]
    private static partial void LogResumed(ILogger logger, string id, string reason);

    [LoggerMessage(EventId = 42, Level = LogLevel.Error, Message = "Task {Id} can be neither deleted nor resumed")]
    private static partial void LogStuck(ILogger logger, Exception exception, string id);

    [LoggerMessage(EventId = 38, Level = LogLevel.Information,
        Message = "The inputs of {Count} tasks that were never created were deleted")]
    private static partial void LogOrphans(ILogger logger, int count);
}
