namespace FunctionsApp.Embedded.Storage;

/// <summary>
/// The tables, and the steps that upgrade a database of an earlier version. Times are counted in 100 ns since 1970 (UTC),
/// so that a time that was returned once is read back exactly.
/// </summary>
internal static class TaskSchema
{
    // deliveries.next_attempt_at: NULL unless the webhook is pending.
    // An index ends with the key of its table, so it lists the tasks of one state in order of creation.
    private const string First = """
        CREATE TABLE tasks (
            sequence INTEGER PRIMARY KEY,
            id TEXT NOT NULL UNIQUE,
            version INTEGER NOT NULL,
            state TEXT NOT NULL,
            operation TEXT,
            idempotency_key TEXT,
            definition TEXT NOT NULL,
            attempts INTEGER NOT NULL,
            created_at INTEGER NOT NULL,
            started_at INTEGER,
            finished_at INTEGER,
            next_attempt_at INTEGER,
            expires_at INTEGER NOT NULL,
            completed INTEGER,
            total INTEGER
        ) STRICT;
        CREATE UNIQUE INDEX tasks_by_key ON tasks (idempotency_key) WHERE idempotency_key IS NOT NULL;
        CREATE INDEX tasks_by_state ON tasks (state);
        CREATE INDEX tasks_by_operation ON tasks (operation);
        CREATE TABLE payloads (
            task INTEGER PRIMARY KEY REFERENCES tasks ON DELETE CASCADE,
            json TEXT NOT NULL
        ) STRICT;
        CREATE TABLE deliveries (
            task INTEGER PRIMARY KEY REFERENCES tasks ON DELETE CASCADE,
            url TEXT NOT NULL,
            state TEXT NOT NULL,
            next_attempt_at INTEGER,
            earlier_attempts INTEGER NOT NULL,
            attempts TEXT NOT NULL
        ) STRICT;
        CREATE TABLE signing_keys (key TEXT NOT NULL) STRICT;
        """;

    // The slug of the problem of a failed task.
    private const string Errors = "ALTER TABLE tasks ADD COLUMN error TEXT;";

    /// <summary>The SQL that creates each version from the one before; the first from nothing.</summary>
    public static IReadOnlyList<string> Steps { get; } = [First, Errors];

    /// <summary>The version that this app writes to <c>user_version</c>.</summary>
    public static int Version => Steps.Count;
}
