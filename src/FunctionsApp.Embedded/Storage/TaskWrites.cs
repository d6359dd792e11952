using System.Runtime.InteropServices;
using FunctionsApp.Core.Json;
using FunctionsApp.Core.Tasks;
using Microsoft.Data.Sqlite;

namespace FunctionsApp.Embedded.Storage;

/// <summary>The connection that writes. Only the writer's thread uses it.</summary>
internal sealed class TaskWrites(SqliteConnection connection) : TaskQueries(connection)
{
    /// <summary>The page size. A small task changes some bytes on seven pages, and each is written whole.</summary>
    public const int PageBytes = 2_048;

    /// <summary>Bytes that the database uses, without the log and free pages.</summary>
    public long UsedBytes => ((long)Scalar("PRAGMA page_count")! - (long)Scalar("PRAGMA freelist_count")!) * PageBytes;

    /// <summary>Rows changed since the connection was opened, including those of failed transactions.</summary>
    public int Changes => SQLitePCL.raw.sqlite3_total_changes(Connection.Handle);

    /// <summary>Rolls a failed transaction back, unless SQLite has done so already.</summary>
    public void RollBack()
    {
        if (SQLitePCL.raw.sqlite3_get_autocommit(Connection.Handle) == 0)
        {
            Run("ROLLBACK");
        }

        // The log restarts from its beginning once the database contains all of it. A full disk then has room for changes that
        // need no new page.
        Scalar("PRAGMA wal_checkpoint(PASSIVE)");
    }

    /// <summary>Writes a new task with its input, unless another task that has not expired has its idempotency key.</summary>
    /// <returns>Whether the task was written.</returns>
    public bool Insert(TaskRecord record, ReadOnlyMemory<byte> input, Predicate<TaskRecord> isExpired)
    {
        var definition = record.Definition;
        if (definition.IdempotencyKey is { } key && FindByKey(key) is { } other)
        {
            if (!isExpired(other))
            {
                return false;
            }

            Run("UPDATE tasks SET idempotency_key = NULL WHERE sequence = ?1", other.Sequence);
        }

        Run(
            "INSERT INTO tasks (sequence, id, version, state, operation, idempotency_key, definition, attempts, created_at, "
            + "started_at, expires_at) "
            + "VALUES (?1, ?2, ?3, ?4, ?5, ?6, CAST(?7 AS TEXT), ?8, ?9, ?10, ?11)",
            record.Sequence, record.Id, record.Version, TaskRow.Text(record.State), definition.Operation, definition.IdempotencyKey,
            Json(definition), record.Attempts, TaskRow.Number(record.CreatedAt), TaskRow.Number(record.StartedAt),
            TaskRow.Number(record.ExpiresAt));
        PutPayload(record.Sequence, input);
        return true;
    }

    /// <summary>Writes a changed task and, if it has ended with an outcome, replaces its input with that.</summary>
    public void Update(TaskRecord record, ReadOnlyMemory<byte> outcome)
    {
        Run(
            "UPDATE tasks SET version = ?2, state = ?3, attempts = ?4, started_at = ?5, finished_at = ?6, next_attempt_at = ?7, "
            + "expires_at = ?8, completed = ?9, total = ?10 "
            + "WHERE sequence = ?1",
            record.Sequence, record.Version, TaskRow.Text(record.State), record.Attempts, TaskRow.Number(record.StartedAt),
            TaskRow.Number(record.FinishedAt), TaskRow.Number(record.NextAttemptAt), TaskRow.Number(record.ExpiresAt),
            record.Progress?.Completed, record.Progress?.Total);
        if (!outcome.IsEmpty)
        {
            PutPayload(record.Sequence, outcome);
        }
        else if (record.IsFinished)
        {
            Run("DELETE FROM payloads WHERE task = ?1", record.Sequence);
        }

        if (record.Delivery is { } delivery)
        {
            PutDelivery(record.Sequence, delivery);
        }
    }

    /// <summary>Writes the webhook of a task.</summary>
    public void PutDelivery(long task, Delivery delivery) => Run(
        "REPLACE INTO deliveries (task, url, state, next_attempt_at, earlier_attempts, attempts) "
        + "VALUES (?1, ?2, ?3, ?4, ?5, CAST(?6 AS TEXT))",
        task, delivery.Url.OriginalString, TaskRow.Text(delivery.State), TaskRow.Number(delivery.NextAttemptAt), delivery.EarlierAttempts,
        Json(delivery.Attempts));

    /// <summary>Deletes tasks that have expired, with all that belongs to them. A pending webhook keeps its task.</summary>
    /// <returns>The tasks that do not exist any more.</returns>
    public List<long> Delete(IEnumerable<long> tasks)
    {
        var deleted = new List<long>();
        foreach (var task in tasks)
        {
            var record = Find(task);
            if (record is null || TaskLifecycle.WakeOf(record) is { Step: TaskStep.Removal })
            {
                Run("DELETE FROM tasks WHERE sequence = ?1", task);
                deleted.Add(task);
            }
        }

        return deleted;
    }

    private void PutPayload(long task, ReadOnlyMemory<byte> json) =>
        Run("REPLACE INTO payloads (task, json) VALUES (?1, CAST(?2 AS TEXT))", task, Bytes(json));

    private static byte[] Json<T>(T value) => Bytes(RawJson.From(value, CoreJson.StoredTypeInfo<T>()).Utf8);

    /// <summary>Returns the array behind the bytes, which the provider requires; a copy if they are only part of it.</summary>
    private static byte[] Bytes(ReadOnlyMemory<byte> utf8) =>
        MemoryMarshal.TryGetArray(utf8, out var segment) && segment.Array is { } array && segment.Count == array.Length
            ? array
            : utf8.ToArray();
}
