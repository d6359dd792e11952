using DurableTask.Core;
using FunctionsApp.Durable.Records;
using FunctionsApp.Durable.Storage;
using Microsoft.Extensions.Logging;

namespace FunctionsApp.Durable.Hosting;

/// <summary>
/// Looks through all tasks of the hub: removes those that have expired, and mends those whose orchestration has failed or never began.
/// Every step may be repeated, also by several processes at once: the lease that leaves the work to one only saves requests.
/// </summary>
internal sealed partial class HubSweep(TaskHub hub, TaskReader reader, TimeProvider time, ILogger<HubSweep> logger)
{
    /// <summary>The number of tasks that are removed or mended at once: few, so that other work goes on.</summary>
    private const int Concurrency = 4;

    /// <summary>The minimum age of data without a task that is deleted. A creation takes seconds.</summary>
    private static readonly TimeSpan MinOrphanAge = TimeSpan.FromHours(1);

    /// <summary>
    /// The minimum age of a task that waits for its first step and may have lost its message. Processes that die one after the other hide
    /// it for a minute or two.
    /// </summary>
    private static readonly TimeSpan MinWaitingAge = TimeSpan.FromMinutes(3);

    private readonly string _lease = Guid.NewGuid().ToString();

    /// <summary>The tasks that waited for their first step when the last sweep saw them.</summary>
    private HashSet<string> _waiting = new(StringComparer.Ordinal);

    /// <summary>Looks through all tasks once, unless another process does so.</summary>
    /// <returns>The number of pages of tasks, each of which is a request.</returns>
    public async Task<int> SweepAsync(CancellationToken cancellationToken)
    {
        var pages = 0;
        var waiting = new HashSet<string>(StringComparer.Ordinal);
        await foreach (var page in hub.ListPagesAsync(prefix: "", cancellationToken))
        {
            pages++;
            waiting.UnionWith(page.Where(IsWaiting).Select(static task => task.OrchestrationInstance.InstanceId));
            await ForEachAsync(page, SweepAsync, cancellationToken);
            if (!await hub.Blobs.TryLeadAsync(_lease, cancellationToken))
            {
                return pages;
            }
        }

        // While there is a backlog, tasks wait for minutes and nothing is lost. Without one a message may hide for a quarter of an hour,
        // or be gone: storage failed during the creation of its task.
        var lost = waiting.Where(_waiting.Contains).ToList();
        _waiting = waiting;
        if (lost.Count > 0 && !await hub.HasBacklogAsync(cancellationToken))
        {
            await ForEachAsync(lost, static id => id, RestartAsync, cancellationToken);
        }

        return pages;
    }

    /// <summary>Returns whether this process is the one that sweeps, for a minute from now on.</summary>
    public Task<bool> TryLeadAsync(CancellationToken cancellationToken) => hub.Blobs.TryLeadAsync(_lease, cancellationToken);

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

    private bool IsWaiting(OrchestrationState task) =>
        task.OrchestrationStatus == OrchestrationStatus.Pending
        && string.Equals(task.Version, TaskNames.Version, StringComparison.Ordinal)
        && time.GetUtcNow() - TaskReader.At(task.CreatedTime) > MinWaitingAge;

    private async Task SweepAsync(OrchestrationState task, CancellationToken cancellationToken)
    {
        var id = task.OrchestrationInstance.InstanceId;
        if (TaskHub.HasFailed(task))
        {
            await ResumeAsync(id, cancellationToken);
        }
        else if (task.OrchestrationStatus == OrchestrationStatus.Completed)
        {
            var status = reader.ParseStatus(task) ?? (await hub.FindAsync(id) is { } whole ? reader.Parse(whole).Status : null);
            if (status?.ExpiresAt < time.GetUtcNow())
            {
                await RemoveAsync(id, status, cancellationToken);
            }
        }
    }

    /// <summary>
    /// A failed orchestration begins anew with the task's end: the task has failed, and its webhook is sent. The blobs of a removed task go
    /// first, so that a sweep that stops in between is repeated.
    /// </summary>
    private async Task ResumeAsync(string id, CancellationToken cancellationToken)
    {
        if (await hub.FindAsync(id) is not { } instance || !TaskHub.HasFailed(instance))
        {
            return;
        }

        var (start, status) = reader.Parse(instance);
        if (start.Restarts < TaskReader.MaxRestarts)
        {
            LogResumed(logger, id, TaskHub.FailureOf(instance));
            await StopAttemptAsync(id, cancellationToken);
            await hub.StartAsync(id, start with { Status = status, Restarts = start.Restarts + 1 }, instance);
        }
        else if (status!.ExpiresAt < time.GetUtcNow())
        {
            await RemoveAsync(id, status, cancellationToken);
        }
    }

    private async Task RemoveAsync(string id, DurableStatus status, CancellationToken cancellationToken)
    {
        await hub.Blobs.DeleteAsync(id, status.IdempotencyKey, status.HasPayloads, cancellationToken);
        await hub.Service.PurgeInstanceHistoryAsync(id);
    }

    private async Task RestartAsync(string id, CancellationToken cancellationToken)
    {
        if (await hub.FindAsync(id) is { OrchestrationStatus: OrchestrationStatus.Pending } instance)
        {
            LogRestarted(logger, id);
            await hub.StartAsync(id, reader.Parse(instance).Start, instance);
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

    private Task ForEachAsync(
        IReadOnlyList<OrchestrationState> tasks,
        Func<OrchestrationState, CancellationToken, Task> run,
        CancellationToken cancellationToken) =>
        ForEachAsync(tasks, static task => task.OrchestrationInstance.InstanceId, run, cancellationToken);

    private Task ForEachAsync<T>(
        IEnumerable<T> tasks, Func<T, string> idOf, Func<T, CancellationToken, Task> run, CancellationToken cancellationToken) =>
        Parallel.ForEachAsync(
            tasks,
            new ParallelOptions { MaxDegreeOfParallelism = Concurrency, CancellationToken = cancellationToken },
            async (task, token) =>
            {
                try
                {
                    await run(task, token);
                }
#pragma warning disable CA1031 // The others must not wait for one.
                catch (Exception exception) when (!exception.IsOfStorage())
#pragma warning restore CA1031
                {
                    LogStuck(logger, exception, idOf(task));
                }
            });

    [LoggerMessage(EventId = 37, Level = LogLevel.Error,
        Message = "The orchestration of task {Id} has failed, and so has the task: {Reason}")]
    private static partial void LogResumed(ILogger logger, string id, string reason);

    [LoggerMessage(EventId = 42, Level = LogLevel.Error, Message = "Task {Id} can be neither deleted nor resumed")]
    private static partial void LogStuck(ILogger logger, Exception exception, string id);

    [LoggerMessage(EventId = 38, Level = LogLevel.Information,
        Message = "The inputs of {Count} tasks that were never created were deleted")]
    private static partial void LogOrphans(ILogger logger, int count);

    [LoggerMessage(EventId = 43, Level = LogLevel.Warning, Message = "The start of task {Id} was lost, so it is started again")]
    private static partial void LogRestarted(ILogger logger, string id);
}
