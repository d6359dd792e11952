using Microsoft.Data.Sqlite;

namespace FunctionsApp.Core.Tasks.Embedded;

/// <summary>A connection that reads. What is being written meanwhile neither holds it up nor is seen by it.</summary>
internal sealed class TaskQueries : IDisposable
{
    private const string Select = $"SELECT {TaskRow.Columns} FROM {TaskRow.Tables} ";
    private const string Page = "sequence < $below ORDER BY sequence DESC LIMIT $limit";

    private readonly SqliteConnection _connection;
    private readonly Statement _byId;
    private readonly Statement _bySequence;
    private readonly Statement _byKey;
    private readonly Statement _live;
    private readonly Statement _page;
    private readonly Statement _pageOfState;
    private readonly Statement _pageOfOperation;
    private readonly Statement _payload;
    private readonly Statement _outcome;
    private readonly Statement _payloadLength;
    private readonly Statement _due;
    private readonly Statement _nextDue;
    private readonly Statement _nextExpiry;
    private readonly Statement _lastSequence;
    private readonly Statement _signingKey;

    /// <summary>Takes over an open connection.</summary>
    public TaskQueries(SqliteConnection connection)
    {
        _connection = connection;
        _byId = new Statement(connection, Select + "WHERE id = $id", "$id");
        _bySequence = new Statement(connection, Select + "WHERE sequence = $sequence", "$sequence");
        _byKey = new Statement(connection, Select + "WHERE idempotency_key = $key", "$key");
        _live = new Statement(connection, Select + "WHERE tasks.state IN ('queued', 'running', 'cancelling') ORDER BY sequence");
        _page = new Statement(connection, Select + "WHERE " + Page, "$below", "$limit");
        _pageOfState = new Statement(connection, Select + "WHERE tasks.state = $state AND " + Page, "$state", "$below", "$limit");
        _pageOfOperation = new Statement(connection, Select + "WHERE operation = $operation AND " + Page, "$operation", "$below", "$limit");
        _payload = new Statement(connection, "SELECT json FROM payloads WHERE task = $task", "$task");
        _outcome = new Statement(connection, "SELECT json, state FROM tasks LEFT JOIN payloads ON task = sequence WHERE id = $id", "$id");
        _payloadLength = new Statement(connection, "SELECT octet_length(json) FROM payloads WHERE task = $task", "$task");
        _due = new Statement(
            connection,
            "SELECT next_attempt_at, task, url FROM deliveries WHERE (next_attempt_at, task) > ($after, $task) AND next_attempt_at <= $until "
            + "ORDER BY next_attempt_at, task LIMIT $limit",
            "$after", "$task", "$until", "$limit");
        _nextDue = new Statement(connection, "SELECT min(next_attempt_at) FROM deliveries WHERE next_attempt_at > $after", "$after");
        _nextExpiry = new Statement(connection, "SELECT min(forget_at) FROM tasks WHERE forget_at IS NOT NULL");
        _lastSequence = new Statement(connection, "SELECT max(sequence) FROM tasks");
        _signingKey = new Statement(connection, "SELECT key FROM signing_keys");
    }

    public TaskRecord? Find(string id) => One(_byId, id);

    public TaskRecord? Find(long sequence) => One(_bySequence, sequence);

    public TaskRecord? FindByKey(string key) => One(_byKey, key);

    /// <summary>The tasks that have not ended, oldest first, each with the length of its input.</summary>
    public IReadOnlyList<(TaskRecord Record, int InputBytes)> ReadLive()
    {
        var records = new List<TaskRecord>();
        using (var rows = _live.Query())
        {
            while (rows.Read())
            {
                records.Add(TaskRow.Read(rows));
            }
        }

        return [.. records.Select(record => (record, PayloadLength(record.Sequence)))];
    }

    /// <summary>The place of the newest task; 0 when there is none.</summary>
    public long LastSequence() => _lastSequence.Number() ?? 0;

    /// <summary>Reads tasks from the newest to the oldest, by the index of the state or of the operation where one is asked for.</summary>
    /// <param name="query">Which; its limit and cursor are the caller's to heed.</param>
    /// <param name="below">Only those that were created before this place.</param>
    /// <param name="limit">How many rows to look at.</param>
    /// <param name="visit">Takes a row's place, and the record if the row passes the filter; returns whether to go on.</param>
    public void Visit(TaskQuery query, long below, int limit, Func<long, TaskRecord?, bool> visit)
    {
        using var rows = query switch
        {
            { Operation: { } operation } => _pageOfOperation.Query(operation, below, limit),
            { State: { } state } => _pageOfState.Query(TaskRow.Text(state), below, limit),
            _ => _page.Query(below, limit),
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

    /// <summary>The input of a task or, after its end, what it came to; null when there is neither.</summary>
    public byte[]? Payload(long sequence)
    {
        using var rows = _payload.Query(sequence);
        return rows.Read() ? rows.GetFieldValue<byte[]>(0) : null;
    }

    /// <summary>The state of a task, and what is kept beside it; null when there is no such task.</summary>
    public (TaskState State, byte[]? Payload)? Outcome(string id)
    {
        using var rows = _outcome.Query(id);
        return rows.Read() ? (TaskRow.StateOf(rows), rows.IsDBNull(0) ? null : rows.GetFieldValue<byte[]>(0)) : null;
    }

    public int PayloadLength(long sequence) => (int)(_payloadLength.Number(sequence) ?? 0);

    /// <summary>The webhooks that are due, by time.</summary>
    /// <param name="after">Since when the last of the page before was due.</param>
    /// <param name="task">The place of its task.</param>
    /// <param name="until">The present time.</param>
    /// <param name="limit">How many at most.</param>
    public IReadOnlyList<DueDelivery> ReadDue(DateTimeOffset after, long task, DateTimeOffset until, int limit)
    {
        var due = new List<DueDelivery>();
        using var rows = _due.Query(TaskRow.Number(after), task, TaskRow.Number(until), limit);
        while (rows.Read())
        {
            due.Add(new DueDelivery(TaskRow.TimeOf(rows.GetInt64(0)), rows.GetInt64(1), new Uri(rows.GetString(2))));
        }

        return due;
    }

    /// <summary>When the first webhook after a time is due.</summary>
    public DateTimeOffset? NextDue(DateTimeOffset after) => _nextDue.Number(TaskRow.Number(after)) is { } due ? TaskRow.TimeOf(due) : null;

    /// <summary>When the first task expires.</summary>
    public DateTimeOffset? NextExpiry() => _nextExpiry.Number() is { } expiry ? TaskRow.TimeOf(expiry) : null;

    /// <summary>The key that was generated for this directory, if one was.</summary>
    public string? SigningKey()
    {
        using var rows = _signingKey.Query();
        return rows.Read() ? rows.GetString(0) : null;
    }

    public void Dispose()
    {
        foreach (var statement in new[]
        {
            _byId, _bySequence, _byKey, _live, _page, _pageOfState, _pageOfOperation, _payload, _outcome, _payloadLength, _due, _nextDue, _nextExpiry, _lastSequence,
            _signingKey,
        })
        {
            statement.Dispose();
        }

        _connection.Dispose();
    }

    private static TaskRecord? One(Statement statement, object key)
    {
        using var rows = statement.Query(key);
        return rows.Read() ? TaskRow.Read(rows) : null;
    }
}

/// <summary>A webhook that is due.</summary>
/// <param name="At">Since when.</param>
/// <param name="Task">The place of its task.</param>
/// <param name="Url">Where it goes.</param>
internal readonly record struct DueDelivery(DateTimeOffset At, long Task, Uri Url);
