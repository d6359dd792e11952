using FunctionsApp.Core.Problems;
using FunctionsApp.Core.Tasks;
using FunctionsApp.Durable.Storage;

namespace FunctionsApp.Durable.Orchestration;

/// <summary>Puts a task together from its definition, its status and the state of its attempts.</summary>
internal static class TaskRecords
{
    /// <summary>The number of changes of the attempts' state that fit between two versions of the status in a revision.</summary>
    private const long ChangesOfVersion = 1L << 32;

    /// <summary>The problem of a task of which something that is stored cannot be read.</summary>
    /// <param name="what">What.</param>
    public static Problem NotReadable(string what) => Problem.StorageFailed($"{what} cannot be read: another version of the app wrote it, or it was changed. The log has the cause.");

    /// <summary>A task as callers see it.</summary>
    /// <param name="id">The task.</param>
    /// <param name="start">Its definition.</param>
    /// <param name="status">Its status; null before its orchestration has begun.</param>
    /// <param name="attempts">The state of its attempts; null for a task that has ended.</param>
    public static TaskView ViewOf(string id, TaskStart start, DurableStatus? status, AttemptState? attempts)
    {
        var version = status?.Version ?? 1;
        return new TaskView(RecordOf(id, start, status, attempts), (version * ChangesOfVersion) + (attempts?.Version ?? 0));
    }

    /// <summary>The record of a task.</summary>
    /// <inheritdoc cref="ViewOf" path="/param"/>
    public static TaskRecord RecordOf(string id, TaskStart start, DurableStatus? status, AttemptState? attempts)
    {
        var isRunning = attempts?.Runner is not null;
        return new TaskRecord
        {
            Id = id,
            Sequence = start.CreatedAt.UtcTicks,
            Version = status?.Version ?? 1,
            Definition = start.Definition,
            State = status is { State: not TaskState.Queued } ? status.State
                : attempts?.CancelledAt is not null ? TaskState.Cancelling
                : isRunning || attempts?.IsDone == true ? TaskState.Running
                : TaskState.Queued,
            CreatedAt = start.CreatedAt,
            StartedAt = attempts?.StartedAt ?? status?.StartedAt,
            FinishedAt = status?.FinishedAt,
            Attempts = Math.Max(attempts?.Started ?? 0, status?.Attempts ?? 0),
            NextAttemptAt = isRunning || attempts?.CancelledAt is not null ? null : status?.NextAttemptAt,
            Progress = attempts is null ? status?.Progress : isRunning ? attempts.Progress : null,
            ExpiresAt = status?.ExpiresAt ?? start.CreatedAt.AddSeconds(start.Definition.TtlSeconds),
            Delivery = status?.Delivery,
        };
    }
}
