using Microsoft.Data.Sqlite;

namespace FunctionsApp.Core.Tasks.Embedded;

/// <summary>A connection that reads. It neither waits for concurrent writes nor sees them.</summary>
internal sealed class TaskQueries(SqliteConnection connection) : Session(connection)
{
    private const string Select = $"SELECT {TaskRow.Columns} FROM {TaskRow.Tables} WHERE ";

    public TaskRecord? Find(string id) => One(Select + "id = ?1", id);

    public TaskRecord? Find(long sequence) => One(Select + "sequence = ?1", sequence);

    public TaskRecord? FindByKey(string key) => One(Select + "idempotency_key = ?1", key);

    /// <summary>Reads the tasks that have not ended, oldest first, each with the length of its input.</summary>
    public IReadOnlyList<(TaskRecord Record, int InputBytes)> ReadLive()
    {
        var records = new List<TaskRecord>();
        using (var rows = Query(Select + "tasks.state IN ('queued', 'running', 'cancelling') ORDER BY sequence"))
        {
            while (rows.Read())
            {
                records.Add(TaskRow.Read(rows));
            }
        }

        return [.. records.Select(record => (record, PayloadLength(record.Sequence)))];
    }

    /// <summary>Returns the newest sequence number; 0 without tasks. Counts recovered rows of lost tasks, so that no new task reuses their numbers.</summary>
    public long LastSequence() => Scalar(
        "SELECT max(place) FROM (SELECT max(sequence) AS place FROM tasks UNION ALL SELECT max(task) FROM payloads UNION ALL SELECT max(task) FROM deliveries)") as long? ?? 0;

    /// <summary>Reads tasks from the newest to the oldest, by the index of the operation or of the state if the query names one.</summary>
    /// <param name="query">The filter; the caller applies its limit and cursor.</param>
    /// <param name="below">Returns only tasks with lower sequence numbers.</param>
    /// <param name="limit">The maximum number of rows to read.</param>
    /// <param name="visit">Receives a row's sequence number, and its record if it passes the filter; returns whether to continue.</param>
    public void Visit(TaskQuery query, long below, int limit, Func<long, TaskRecord?, bool> visit)
    {
        const string Page = "sequence < ?1 ORDER BY sequence DESC LIMIT ?2";
        using var rows = query switch
        {
            { Operation: { } operation } => Query(Select + "operation = ?3 AND " + Page, below, limit, operation),
            { State: { } state } => Query(Select + "tasks.state = ?3 AND " + Page, below, limit, TaskRow.Text(state)),
            _ => Query(Select + Page, below, limit),
        };
        while (rows.Read())
        {
            var passes = query.State is null || query.State == TaskRow.StateOf(rows);
            if (!visit(rows.GetInt64(0), passes ? TaskRow.Read(rows) : null))
            {
                return;
            }
        }
    }

    /// <summary>Reads the input of a task or, after its end, its outcome; null when there is neither.</summary>
    public byte[]? Payload(long sequence)
    {
        using var rows = Query("SELECT json FROM payloads WHERE task = ?1", sequence);
        return rows.Read() ? rows.GetFieldValue<byte[]>(0) : null;
    }

    public int PayloadLength(long sequence) => (int)(Scalar("SELECT octet_length(json) FROM payloads WHERE task = ?1", sequence) as long? ?? 0);

    /// <summary>Reads a part of a payload.</summary>
    /// <exception cref="SqliteException">It has been deleted.</exception>
    public int ReadPayload(long sequence, long offset, Span<byte> buffer)
    {
        using var json = new SqliteBlob(Connection, "payloads", "json", sequence, readOnly: true);
        json.Position = Math.Min(offset, json.Length);
        return json.Read(buffer);
    }

    /// <summary>Reads a page of due webhooks, by time, after the last one of the page before.</summary>
    public IReadOnlyList<DueDelivery> ReadDue(DateTimeOffset after, long afterTask, DateTimeOffset until, int limit)
    {
        var due = new List<DueDelivery>();
        using var rows = Query(
            "SELECT next_attempt_at, task, url FROM deliveries WHERE (next_attempt_at, task) > (?1, ?2) AND next_attempt_at <= ?3 ORDER BY next_attempt_at, task LIMIT ?4",
            TaskRow.Number(after), afterTask, TaskRow.Number(until), limit);
        while (rows.Read())
        {
            due.Add(new DueDelivery(TaskRow.TimeOf(rows.GetInt64(0)), rows.GetInt64(1), new Uri(rows.GetString(2))));
        }

        return due;
    }

    /// <summary>Returns when the first webhook after a time is due.</summary>
    public DateTimeOffset? NextDue(DateTimeOffset after) =>
        TaskRow.TimeOf(Scalar("SELECT min(next_attempt_at) FROM deliveries WHERE next_attempt_at > ?1", TaskRow.Number(after)) as long?);

    /// <summary>Returns when the first task expires.</summary>
    public DateTimeOffset? NextExpiry() => TaskRow.TimeOf(Scalar("SELECT min(forget_at) FROM tasks WHERE forget_at IS NOT NULL") as long?);

    private TaskRecord? One(string sql, object key)
    {
        using var rows = Query(sql, key);
        return rows.Read() ? TaskRow.Read(rows) : null;
    }
}

/// <summary>A due webhook.</summary>
/// <param name="At">When it became due.</param>
/// <param name="Task">The sequence number of its task.</param>
/// <param name="Url">Its URL.</param>
internal readonly record struct DueDelivery(DateTimeOffset At, long Task, Uri Url);
