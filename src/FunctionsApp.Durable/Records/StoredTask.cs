using FunctionsApp.Core.Tasks;

namespace FunctionsApp.Durable.Records;

/// <summary>
/// A task as it is stored, in three places: its definition is the input of its orchestration, its status is the custom status of that,
/// and the state of its attempts is a blob while it has not ended.
/// </summary>
/// <param name="Id">Its id.</param>
/// <param name="Start">Its definition.</param>
/// <param name="Status">Its status; null before its orchestration has begun.</param>
/// <param name="Attempts">The state of its attempts; null for a task that has ended.</param>
internal sealed record StoredTask(string Id, TaskStart Start, DurableStatus? Status, AttemptState? Attempts)
{
    /// <summary>The number of changes of the attempts' state that fit between two versions of the status in a revision.</summary>
    private const long ChangesOfVersion = 1L << 32;

    /// <summary>The task as callers see it.</summary>
    public TaskView View => new(Record, ((Status?.Version ?? 1) * ChangesOfVersion) + (Attempts?.Version ?? 0));

    /// <summary>The record of the task.</summary>
    public TaskRecord Record
    {
        get
        {
            var isRunning = Attempts?.Runner is not null;
            var isCancelled = Attempts?.CancelledAt is not null;
            return new TaskRecord
            {
                Id = Id,
                Sequence = Start.CreatedAt.UtcTicks,
                Version = Status?.Version ?? 1,
                Definition = Start.Definition,
                State = Status is { IsFinished: true } ? Status.State
                    : isCancelled ? TaskState.Cancelling
                    : isRunning || Attempts?.IsDone == true ? TaskState.Running
                    : TaskState.Queued,
                CreatedAt = Start.CreatedAt,
                StartedAt = Attempts?.StartedAt ?? Status?.StartedAt,
                FinishedAt = Status?.FinishedAt,
                Attempts = Math.Max(Attempts?.Attempts ?? 0, Status?.Attempts ?? 0),
                NextAttemptAt = isRunning || isCancelled ? null : Status?.NextAttemptAt,
                Progress = Attempts is null ? Status?.Progress : isRunning ? Attempts.Progress : null,
                ExpiresAt = Status?.ExpiresAt ?? Start.CreatedAt.AddSeconds(Start.Definition.TtlSeconds),
                Delivery = Status?.Delivery,
            };
        }
    }
}
