using FunctionsApp.Durable.Storage;
using Microsoft.Extensions.Logging;

namespace FunctionsApp.Durable.Hosting;

/// <summary>
/// Deletes what nothing needs any more, and takes up the tasks whose orchestrations have failed. Every process does so: each step may be
/// repeated.
/// </summary>
internal sealed partial class HubMaintenance(TaskHub hub, TaskReader reader, TimeProvider time, ILogger<HubMaintenance> logger)
{
    /// <summary>Tasks that are deleted or taken up at once.</summary>
    private const int Concurrency = 8;

    /// <summary>How old what is stored must be to be deleted for lack of a task. A creation takes seconds.</summary>
    private static readonly TimeSpan MinOrphanAge = TimeSpan.FromHours(1);

    /// <summary>
    /// Deletes the histories of expired tasks: no orchestration can delete its own. One that has failed begins anew with its end: the
    /// task is a failed one, whose webhook is sent, and which expires like any other.
    /// </summary>
    public Task RunAsync(CancellationToken cancellationToken) => Parallel.ForEachAsync(
        hub.ListClosedAsync(cancellationToken),
        new ParallelOptions { MaxDegreeOfParallelism = Concurrency, CancellationToken = cancellationToken },
        async (ended, token) =>
        {
            var id = ended.OrchestrationInstance.InstanceId;
            try
            {
                if (!TaskHub.HasFailed(ended))
                {
                    await hub.PurgeAsync(id);
                }
                else if (await hub.FindAsync(id) is { } instance && TaskHub.HasFailed(instance))
                {
                    await TakeUpAsync(id, instance, token);
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
    /// Deletes the inputs and idempotency keys of tasks that do not exist: their creation failed, and their process has died.
    /// </summary>
    public async Task DeleteOrphansAsync(CancellationToken cancellationToken)
    {
        var before = time.GetUtcNow() - MinOrphanAge;

        // In parts, so that not all ids are in memory at once.
        foreach (var prefix in "0123456789abcdef".Select(static digit => digit.ToString()))
        {
            var ids = await hub.ListIdsAsync(prefix, cancellationToken);
            await hub.Blobs.Inventory.DeleteOrphanedKeysAsync(prefix, before, ids.Contains, cancellationToken);
            if (await hub.Blobs.Inventory.DeleteOrphansAsync(prefix, before, ids.Contains, cancellationToken) is > 0 and var count)
            {
                LogOrphans(logger, count);
            }
        }
    }

    private async Task TakeUpAsync(string id, DurableTask.Core.OrchestrationState instance, CancellationToken cancellationToken)
    {
        var (start, status) = reader.Parse(instance);
        if (start.Failures < TaskReader.MaxFailures)
        {
            LogFailed(logger, id, TaskHub.FailureOf(instance));

            // An attempt that still runs learns that it is not needed any more.
            await hub.Blobs.EndAttemptsAsync(id, cancellationToken);
            await hub.RestartAsync(id, start with { Ended = status, Failures = start.Failures + 1 });
        }
        else if (status!.ExpiresAt < time.GetUtcNow())
        {
            await hub.Blobs.DeleteAsync(id, start.Definition.IdempotencyKey, cancellationToken);
            await hub.PurgeAsync(id);
        }
    }

    [LoggerMessage(EventId = 37, Level = LogLevel.Error,
        Message = "The orchestration of task {Id} has failed, and so has the task: {Reason}")]
    private static partial void LogFailed(ILogger logger, string id, string reason);

    [LoggerMessage(EventId = 42, Level = LogLevel.Error, Message = "Task {Id} can be neither deleted nor resumed")]
    private static partial void LogStuck(ILogger logger, Exception exception, string id);

    [LoggerMessage(EventId = 38, Level = LogLevel.Information,
        Message = "The inputs of {Count} tasks that were never created were deleted")]
    private static partial void LogOrphans(ILogger logger, int count);
}
