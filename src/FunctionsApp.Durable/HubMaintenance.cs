using Azure;
using Microsoft.Extensions.Logging;

namespace FunctionsApp.Durable;

/// <summary>Deletes what nothing needs any more, and takes up the tasks whose orchestrations have failed. Every process does so: each step may be repeated.</summary>
internal sealed partial class HubMaintenance(TaskHub hub, TaskReader reader, TimeProvider time, ILogger<HubMaintenance> logger)
{
    /// <summary>How often the orchestration of a task is started again. After that its task is only kept until it expires.</summary>
    private const int MaxFailures = 3;

    /// <summary>How old what is stored must be to be deleted for lack of a task. A creation takes seconds.</summary>
    private static readonly TimeSpan MinOrphanAge = TimeSpan.FromHours(1);

    /// <summary>
    /// Deletes the histories of expired tasks: no orchestration can delete its own. One that has failed begins anew with its end: the
    /// task is a failed one, whose webhook is sent, and which expires like any other.
    /// </summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        await foreach (var ended in hub.ListEndedAsync(cancellationToken))
        {
            var id = ended.OrchestrationInstance.InstanceId;
            if (!TaskHub.HasFailed(ended))
            {
                await hub.PurgeAsync(id);
            }
            else if (await hub.FindAsync(id) is { } instance && TaskHub.HasFailed(instance))
            {
                await TakeUpAsync(id, instance, cancellationToken);
            }
        }
    }

    /// <summary>Deletes the inputs and idempotency keys of tasks that do not exist: their creation failed, and their process has died.</summary>
    public async Task DeleteOrphansAsync(CancellationToken cancellationToken)
    {
        var before = time.GetUtcNow() - MinOrphanAge;
        var keys = new List<(string Name, string Task, ETag Tag)>();
        await foreach (var key in hub.Blobs.ListKeysAsync(before, cancellationToken))
        {
            keys.Add(key);
        }

        // In parts, so that not all ids are in memory at once.
        foreach (var prefix in "0123456789abcdef".Select(static digit => digit.ToString()))
        {
            var ids = await hub.ListIdsAsync(prefix, cancellationToken);
            foreach (var (name, _, tag) in keys.Where(key => key.Task.StartsWith(prefix, StringComparison.Ordinal) && !ids.Contains(key.Task)))
            {
                await hub.Blobs.DeleteUnchangedAsync(name, tag, cancellationToken);
            }

            if (await hub.Blobs.DeleteOrphansAsync(prefix, before, ids.Contains, cancellationToken) is > 0 and var count)
            {
                LogOrphans(logger, count);
            }
        }
    }

    private async Task TakeUpAsync(string id, DurableTask.Core.OrchestrationState instance, CancellationToken cancellationToken)
    {
        var (start, status) = reader.Parse(instance);
        if (start.Failures < MaxFailures)
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

    [LoggerMessage(EventId = 37, Level = LogLevel.Error, Message = "The orchestration of task {Id} has failed, and so has the task: {Reason}")]
    private static partial void LogFailed(ILogger logger, string id, string reason);

    [LoggerMessage(EventId = 38, Level = LogLevel.Information, Message = "The inputs of {Count} tasks that were never created were deleted")]
    private static partial void LogOrphans(ILogger logger, int count);
}
