using FunctionsApp.Core.Tasks;

namespace FunctionsApp.Durable.Records;

/// <summary>A task as it is stored.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Start">Its definition: the input of its orchestration.</param>
/// <param name="Status">Its status: the custom status of its orchestration; null before that has begun.</param>
/// <param name="Attempts">Its attempts: a blob, or part of the status once the task has ended.</param>
internal sealed record StoredTask(string Id, TaskStart Start, DurableStatus? Status, AttemptState Attempts)
{
    /// <summary>The number of versions of the attempts that fit between two versions of the status in a revision.</summary>
    private const long AttemptVersions = 1L << 32;

    /// <summary>Creates a task whose attempts are those of its status.</summary>
    public StoredTask(string id, TaskStart start, DurableStatus status)
        : this(id, start, status, status.Attempts)
    {
    }

    /// <summary>The task as callers see it.</summary>
    public TaskView View => new(Record, ((Status?.Version ?? 1) * AttemptVersions) + Attempts.Version);

    /// <summary>The record of the task.</summary>
    public TaskRecord Record
    {
        get
        {
            var state = Status is { IsFinished: true } ? Status.State
                : Attempts.CancelledAt is not null ? TaskState.Cancelling
                : Attempts.IsRunning || Attempts.IsDone ? TaskState.Running
                : TaskState.Queued;
            return new TaskRecord
            {
                Id = Id,
                Sequence = Start.CreatedAt.UtcTicks,
                Version = Status?.Version ?? 1,
                Definition = Start.Definition,
                State = state,
                CreatedAt = Start.CreatedAt,
                StartedAt = Attempts.StartedAt,
                FinishedAt = Status?.FinishedAt,
                Attempts = Attempts.Begun,
                NextAttemptAt = state == TaskState.Queued ? Status?.NextAttemptAt : null,
                Progress = state == TaskState.Queued ? null : Attempts.Progress,
                Error = state == TaskState.Failed ? Attempts.Error : null,
                ExpiresAt = Status?.ExpiresAt ?? Start.CreatedAt.AddSeconds(Start.Definition.TtlSeconds),
                Delivery = Status?.Delivery,
            };
        }
    }
}
