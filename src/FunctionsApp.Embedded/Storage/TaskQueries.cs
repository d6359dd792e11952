using System.Runtime.InteropServices;
using FunctionsApp.Core.Tasks;
using Microsoft.Data.Sqlite;

namespace FunctionsApp.Embedded.Storage;

/// <summary>A connection that reads. It neither waits for concurrent writes nor sees them.</summary>
internal class TaskQueries(SqliteConnection connection) : Session(connection)
{
    // SQLITE_FCNTL_HAS_MOVED
    private const int HasMoved = 20;

    private const string Select = $"SELECT {TaskRow.Columns} FROM {TaskRow.Tables} WHERE ";

    /// <summary>Whether the path still leads to the open file. What is written to another file is lost to the next start.</summary>
    /// <remarks>
    /// SQLite compares the inodes: some microseconds beside a flush of milliseconds. On Windows an open file cannot be deleted.
    /// </remarks>
    public bool IsAtPath => FileControl(Connection.Handle!, "main", HasMoved, out var moved) != SQLitePCL.raw.SQLITE_OK || moved == 0;

    /// <exception cref="StorageException">The file has been deleted, moved or replaced.</exception>
    public void EnsureAtPath()
    {
        if (!IsAtPath)
        {
            throw new StorageException($"'{Connection.DataSource}' has been deleted, moved or replaced while it was open.");
        }
    }

    public TaskRecord? Find(string id) => One(Select + "id = ?1", id);

    public TaskRecord? Find(long sequence) => One(Select + "sequence = ?1", sequence);

    public TaskRecord? FindByKey(string key) => One(Select + "idempotency_key = ?1", key);

    /// <summary>
    /// Reads the tasks that have not ended, oldest first, each with the length of its input. A state that a later version has
    /// written counts.
    /// </summary>
    public IReadOnlyList<(TaskRecord Record, int InputBytes)> ReadLive() =>
    [
        .. All(Select + "sequence IN (SELECT sequence FROM tasks WHERE state NOT IN ('succeeded', 'failed', 'cancelled')) "
                + "AND finished_at IS NULL ORDER BY sequence")
            .Select(record => (record, PayloadLength(record.Sequence))),
    ];

    /// <summary>
    /// Returns the newest sequence number; 0 without tasks. Counts recovered rows of lost tasks, so that no new task reuses their
    /// numbers.
    /// </summary>
    public long LastSequence() => Scalar(
        "SELECT max(place) FROM (SELECT max(sequence) AS place FROM tasks "
        + "UNION ALL SELECT max(task) FROM payloads UNION ALL SELECT max(task) FROM deliveries)") as long? ?? 0;

    /// <summary>
    /// Reads tasks below a sequence number, newest first, by the index of the operation or of the state if the query names one. The caller
    /// applies the query's own limit.
    /// </summary>
    /// <returns>The sequence number of each row, and its record if it passes the filter.</returns>
    public IEnumerable<(long Sequence, TaskRecord? Record)> List(TaskQuery query, long below, int limit)
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
            yield return (rows.GetInt64(0), passes ? TaskRow.Read(rows) : null);
        }
    }

    /// <summary>Reads the input of a task or, after its end, its outcome; null when there is neither.</summary>
    public byte[]? Payload(long sequence)
    {
        using var rows = Query("SELECT json FROM payloads WHERE task = ?1", sequence);
        return rows.Read() ? rows.GetFieldValue<byte[]>(0) : null;
    }

    public int PayloadLength(long sequence) =>
        (int)(Scalar("SELECT octet_length(json) FROM payloads WHERE task = ?1", sequence) as long? ?? 0);

    /// <summary>Reads a part of a payload.</summary>
    /// <exception cref="SqliteException">It has been deleted.</exception>
    public int ReadPayload(long sequence, long offset, Span<byte> buffer)
    {
        using var json = new SqliteBlob(Connection, "payloads", "json", sequence, readOnly: true);
        json.Position = Math.Min(offset, json.Length);
        return json.Read(buffer);
    }

    /// <summary>Reads a page of the tasks below a sequence number that have ended, newest first.</summary>
    public IReadOnlyList<TaskRecord> ReadEnded(long below, int limit) => All(
        Select + "sequence < ?1 AND (+tasks.state IN ('succeeded', 'failed', 'cancelled') OR finished_at IS NOT NULL) "
        + "ORDER BY sequence DESC LIMIT ?2", below, limit);

    private List<TaskRecord> All(string sql, params ReadOnlySpan<object?> values)
    {
        var records = new List<TaskRecord>();
        using var rows = Query(sql, values);
        while (rows.Read())
        {
            records.Add(TaskRow.Read(rows));
        }

        return records;
    }

    private TaskRecord? One(string sql, object key)
    {
        using var rows = Query(sql, key);
        return rows.Read() ? TaskRow.Read(rows) : null;
    }

    // SQLitePCLRaw does not expose this function of its library.
    [DllImport("e_sqlite3", EntryPoint = "sqlite3_file_control")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories | DllImportSearchPath.AssemblyDirectory)]
    private static extern int FileControl(
        SQLitePCL.sqlite3 database, [MarshalAs(UnmanagedType.LPUTF8Str)] string name, int operation, out int result);
}
