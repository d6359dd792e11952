using FunctionsApp.Core.Tasks;

namespace FunctionsApp.Embedded.Storage;

/// <summary>A change of the database. <see cref="DatabaseWriter"/> applies it.</summary>
/// <param name="bytes">The length of its payload.</param>
internal abstract class DatabaseChange(int bytes = 0)
{
    /// <summary>The length of its payload.</summary>
    public int Bytes => bytes;

    /// <summary>Whether no caller waits for it, so that it may be written a little later.</summary>
    public bool Lingers { get; init; }

    /// <summary>Makes the change, within a transaction that others may share. May run twice.</summary>
    public abstract void Apply(TaskWrites writes);

    /// <summary>Writes the input or the outcome of a task.</summary>
    protected static void PutPayload(TaskWrites writes, long task, ReadOnlyMemory<byte> json) =>
        writes.Run("REPLACE INTO payloads (task, json) VALUES (?1, CAST(?2 AS TEXT))", task, TaskRow.Bytes(json));
}

/// <summary>A new task with its input. If another task has its idempotency key, that task has expired and loses the key.</summary>
internal sealed class TaskInsertion(TaskRecord record, ReadOnlyMemory<byte> input) : DatabaseChange(input.Length)
{
    public override void Apply(TaskWrites writes)
    {
        var definition = record.Definition;
        if (definition.IdempotencyKey is { } key)
        {
            writes.Run("UPDATE tasks SET idempotency_key = NULL WHERE idempotency_key = ?1", key);
        }

        writes.Run(
            "INSERT INTO tasks (sequence, id, version, state, operation, idempotency_key, definition, attempts, created_at, "
            + "started_at, expires_at) "
            + "VALUES (?1, ?2, ?3, ?4, ?5, ?6, CAST(?7 AS TEXT), ?8, ?9, ?10, ?11)",
            record.Sequence, record.Id, record.Version, TaskRow.Text(record.State), definition.Operation, definition.IdempotencyKey,
            TaskRow.Json(definition), record.Attempts, TaskRow.Number(record.CreatedAt), TaskRow.Number(record.StartedAt),
            TaskRow.Number(record.ExpiresAt));
        PutPayload(writes, record.Sequence, input);
    }
}

/// <summary>A changed task; an outcome replaces its input. Changes nothing if a later change is written.</summary>
internal sealed class TaskUpdate(TaskRecord record, ReadOnlyMemory<byte> outcome) : DatabaseChange(outcome.Length)
{
    public override void Apply(TaskWrites writes)
    {
        var isLatest = writes.Run(
            "UPDATE tasks SET version = ?2, state = ?3, attempts = ?4, started_at = ?5, finished_at = ?6, next_attempt_at = ?7, "
            + "expires_at = ?8, completed = ?9, total = ?10, error = ?11 "
            + "WHERE sequence = ?1 AND version <= ?2",
            record.Sequence, record.Version, TaskRow.Text(record.State), record.Attempts, TaskRow.Number(record.StartedAt),
            TaskRow.Number(record.FinishedAt), TaskRow.Number(record.NextAttemptAt), TaskRow.Number(record.ExpiresAt),
            record.Progress?.Completed, record.Progress?.Total, record.Error) > 0;
        if (!isLatest)
        {
            return;
        }

        if (!outcome.IsEmpty)
        {
            PutPayload(writes, record.Sequence, outcome);
        }
        else if (record.IsFinished)
        {
            writes.Run("DELETE FROM payloads WHERE task = ?1", record.Sequence);
        }

        if (record.Delivery is not null)
        {
            new DeliveryUpdate(record).Apply(writes);
        }
    }
}

/// <summary>The webhook of a task. Changes nothing if the task does not exist any more.</summary>
internal sealed class DeliveryUpdate(TaskRecord record) : DatabaseChange
{
    /// <summary>Whether the task exists.</summary>
    public bool IsWritten { get; private set; }

    public override void Apply(TaskWrites writes)
    {
        var delivery = record.Delivery!;
        IsWritten = writes.Run(
            "REPLACE INTO deliveries (task, url, state, next_attempt_at, earlier_attempts, attempts) "
            + "SELECT sequence, ?2, ?3, ?4, ?5, CAST(?6 AS TEXT) FROM tasks WHERE sequence = ?1",
            record.Sequence, delivery.Url.OriginalString, TaskRow.Text(delivery.State), TaskRow.Number(delivery.NextAttemptAt),
            delivery.EarlierAttempts, TaskRow.Json(delivery.Attempts)) > 0;
    }
}

/// <summary>Deletes tasks that have expired, with all that belongs to them. A pending webhook keeps its task.</summary>
internal sealed class TaskDeletion(IEnumerable<long> tasks) : DatabaseChange
{
    /// <summary>The tasks that do not exist any more.</summary>
    public IReadOnlyList<long> Deleted { get; private set; } = [];

    public override void Apply(TaskWrites writes)
    {
        var deleted = new List<long>();
        foreach (var task in tasks)
        {
            var record = writes.Find(task);
            if (record is null || TaskLifecycle.WakeOf(record) is { Step: TaskStep.Removal })
            {
                writes.Run("DELETE FROM tasks WHERE sequence = ?1", task);
                deleted.Add(task);
            }
        }

        Deleted = deleted;
    }
}

/// <summary>The key that signs webhooks.</summary>
internal sealed class SigningKeyInsertion(string key) : DatabaseChange
{
    public override void Apply(TaskWrites writes) => writes.Run("INSERT INTO signing_keys (key) VALUES (?1)", key);
}
