using System.Runtime.InteropServices;
using FunctionsApp.Core.Json;
using Microsoft.Data.Sqlite;

namespace FunctionsApp.Core.Tasks.Embedded;

/// <summary>The statements that change the database. The writer's thread alone uses them.</summary>
internal sealed class TaskWrites(SqliteConnection connection) : IDisposable
{
    /// <summary>The size of a page, unless a database is made with another one.</summary>
    private const int PageBytes = 4_096;

    private readonly Statement _begin = new(connection, "BEGIN IMMEDIATE");
    private readonly Statement _commit = new(connection, "COMMIT");
    private readonly Statement _rollBack = new(connection, "ROLLBACK");
    private readonly Statement _checkpoint = new(connection, "PRAGMA wal_checkpoint(PASSIVE)");
    private readonly Statement _pages = new(connection, "PRAGMA page_count");
    private readonly Statement _freePages = new(connection, "PRAGMA freelist_count");

    private readonly Statement _freeKey = new(connection, "UPDATE tasks SET idempotency_key = NULL WHERE idempotency_key = $key", "$key");

    private readonly Statement _insert = new(
        connection,
        "INSERT INTO tasks (sequence, id, version, state, operation, idempotency_key, definition, attempts, created_at, started_at, expires_at) "
        + "VALUES ($sequence, $id, $version, $state, $operation, $key, CAST($definition AS TEXT), $attempts, $created, $started, $expires)",
        "$sequence", "$id", "$version", "$state", "$operation", "$key", "$definition", "$attempts", "$created", "$started", "$expires");

    private readonly Statement _update = new(
        connection,
        "UPDATE tasks SET version = $version, state = $state, attempts = $attempts, started_at = $started, finished_at = $finished, next_attempt_at = $next, "
        + "expires_at = $expires, forget_at = $forget, completed = $completed, total = $total WHERE sequence = $sequence",
        "$version", "$state", "$attempts", "$started", "$finished", "$next", "$expires", "$forget", "$completed", "$total", "$sequence");

    private readonly Statement _putPayload = new(
        connection, "REPLACE INTO payloads (task, json) VALUES ($task, CAST($json AS TEXT))", "$task", "$json");

    private readonly Statement _deletePayload = new(connection, "DELETE FROM payloads WHERE task = $task", "$task");

    private readonly Statement _putDelivery = new(
        connection,
        "REPLACE INTO deliveries (task, url, state, next_attempt_at, earlier_attempts, attempts) VALUES ($task, $url, $state, $next, $earlier, CAST($attempts AS TEXT))",
        "$task", "$url", "$state", "$next", "$earlier", "$attempts");

    private readonly Statement _forgetAt = new(connection, "UPDATE tasks SET forget_at = $forget WHERE sequence = $sequence", "$forget", "$sequence");

    private readonly Statement _deleteExpired = new(
        connection,
        "DELETE FROM tasks WHERE sequence IN (SELECT sequence FROM tasks WHERE forget_at <= $now ORDER BY forget_at LIMIT $limit)", "$now", "$limit");

    private readonly Statement _putSigningKey = new(connection, "INSERT INTO signing_keys (key) VALUES ($key)", "$key");

    private readonly Statement _vacuum = new(connection, "PRAGMA incremental_vacuum(1024)");

    public void Begin() => _begin.Run();

    public void Commit() => _commit.Run();

    /// <summary>Ends a transaction that failed, unless SQLite has done so already.</summary>
    public void RollBack()
    {
        if (SQLitePCL.raw.sqlite3_get_autocommit(connection.Handle) == 0)
        {
            _rollBack.Run();
        }
    }

    /// <summary>
    /// Moves what the write-ahead log holds to the database, so that the log is written from its beginning again. A disk that
    /// is full has room for changes then, as long as they need no new page.
    /// </summary>
    public void Checkpoint() => _checkpoint.Number();

    /// <summary>Bytes that the database uses, without the log and the pages that are free.</summary>
    public long UsedBytes() => ((_pages.Number() ?? 0) - (_freePages.Number() ?? 0)) * PageBytes;

    /// <summary>Writes a new task with its input. A key that an expired task still has becomes free.</summary>
    public void Insert(TaskRecord record, ReadOnlyMemory<byte> input)
    {
        var definition = record.Definition;
        if (definition.IdempotencyKey is { } key)
        {
            _freeKey.Run(key);
        }

        _insert.Run(
            record.Sequence, record.Id, record.Version, TaskRow.Text(record.State), definition.Operation, definition.IdempotencyKey, Json(definition), record.Attempts,
            TaskRow.Number(record.CreatedAt), TaskRow.Number(record.StartedAt), TaskRow.Number(record.ExpiresAt));
        _putPayload.Run(record.Sequence, Bytes(input));
    }

    /// <summary>Writes what a task has become.</summary>
    /// <param name="record">The task.</param>
    /// <param name="outcome">For a task that has ended: what takes the place of its input, if anything.</param>
    public void Update(TaskRecord record, ReadOnlyMemory<byte> outcome)
    {
        _update.Run(
            record.Version, TaskRow.Text(record.State), record.Attempts, TaskRow.Number(record.StartedAt), TaskRow.Number(record.FinishedAt),
            TaskRow.Number(record.NextAttemptAt), TaskRow.Number(record.ExpiresAt), TaskRow.ForgetAt(record), record.Progress?.Completed, record.Progress?.Total,
            record.Sequence);
        if (!outcome.IsEmpty)
        {
            _putPayload.Run(record.Sequence, Bytes(outcome));
        }
        else if (record.IsFinished)
        {
            _deletePayload.Run(record.Sequence);
        }

        if (record.Delivery is { } delivery)
        {
            PutDelivery(record.Sequence, delivery);
        }
    }

    /// <summary>Writes how the webhook of a task that has ended fares.</summary>
    public void UpdateDelivery(TaskRecord record)
    {
        PutDelivery(record.Sequence, record.Delivery!);
        _forgetAt.Run(TaskRow.ForgetAt(record), record.Sequence);
    }

    /// <summary>Deletes tasks that have expired, with all that belongs to them.</summary>
    /// <returns>How many.</returns>
    public int DeleteExpired(DateTimeOffset now, int limit) => _deleteExpired.Run(TaskRow.Number(now), limit);

    public void InsertSigningKey(string key) => _putSigningKey.Run(key);

    /// <summary>Gives free pages back to the file system, a thousand at most, when more than half of the file is free and 16 MiB.</summary>
    /// <returns>Whether there were any to give back.</returns>
    public bool Shrink()
    {
        var (pages, free) = (_pages.Number() ?? 0, _freePages.Number() ?? 0);
        if (free * 2 < pages || free * PageBytes < 16 * 1024 * 1024)
        {
            return false;
        }

        // Each row is a page that was given back.
        using var rows = _vacuum.Query();
        while (rows.Read())
        {
        }

        return true;
    }

    public void Dispose()
    {
        foreach (var statement in new[]
        {
            _begin, _commit, _rollBack, _checkpoint, _pages, _freePages, _freeKey, _insert, _update, _putPayload, _deletePayload, _putDelivery, _forgetAt,
            _deleteExpired, _putSigningKey, _vacuum,
        })
        {
            statement.Dispose();
        }
    }

    private void PutDelivery(long task, Delivery delivery) => _putDelivery.Run(
        task, delivery.Url.OriginalString, TaskRow.Text(delivery.State), TaskRow.Number(delivery.NextAttemptAt), delivery.EarlierAttempts, Json(delivery.Attempts));

    private static byte[] Json<T>(T value) => Bytes(RawJson.From(value, CoreJson.TypeInfo<T>()).Utf8);

    /// <summary>The array behind the bytes, which is what the provider takes; a copy where they are a part of it.</summary>
    private static byte[] Bytes(ReadOnlyMemory<byte> utf8) =>
        MemoryMarshal.TryGetArray(utf8, out var segment) && segment.Array is { } array && segment.Count == array.Length ? array : utf8.ToArray();
}
