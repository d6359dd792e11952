using System.Text;
using FunctionsApp.Core.Tasks;
using FunctionsApp.Embedded.Storage;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Logging.Abstractions;

namespace FunctionsApp.Embedded.Tests.Storage;

/// <summary>A database in a directory of the test's own, which can be closed and opened again.</summary>
public abstract class StorageTests : IDisposable
{
    protected static readonly DateTimeOffset Now = new(2026, 11, 21, 12, 0, 0, 123, TimeSpan.Zero);
    protected static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    private readonly DirectoryInfo _root = Directory.CreateTempSubdirectory("storage");
    private TaskDatabase? _database;

    protected string StateDirectory => Path.Combine(_root.FullName, "state");

    protected string DatabaseFile => Path.Combine(StateDirectory, "tasks.db");

    private protected TaskDatabase Database => _database ??= Open(StateDirectory);

    private protected DatabaseWriter Writer => Database.Writer;

    public void Dispose()
    {
        Close();
        _root.Delete(recursive: true);
        GC.SuppressFinalize(this);
    }

    protected void Close()
    {
        _database?.Dispose();
        _database = null;
    }

    private protected static TaskDatabase Open(string directory) =>
        TaskDatabase.Open(TaskDirectory.TryTake(directory)!, TimeProvider.System, NullLogger.Instance);

    protected static TaskRecord NewRecord(long sequence, string operation = "echo", string? key = null) => new()
    {
        Id = $"{sequence:x32}",
        Sequence = sequence,
        Version = 1,
        Definition = new TaskDefinition { Pattern = "await", Operation = operation, TtlSeconds = 60, Path = "/api/tasks", IdempotencyKey = key },
        State = TaskState.Running,
        CreatedAt = Now,
        StartedAt = Now,
        Attempts = 1,
        ExpiresAt = Now.AddSeconds(60),
    };

    protected static TaskRecord Ended(TaskRecord record, TaskState state = TaskState.Succeeded) =>
        record with { Version = 2, State = state, FinishedAt = Now.AddSeconds(1), ExpiresAt = Now.AddSeconds(61) };

    protected static byte[] Utf8(string json) => Encoding.UTF8.GetBytes(json);

    protected Task InsertAsync(TaskRecord record, string input = "1") => Writer.WriteAsync(new TaskInsertion(record, Utf8(input))).WaitAsync(Limit);

    protected Task UpdateAsync(TaskRecord record, string? outcome = null) =>
        Writer.WriteAsync(new TaskUpdate(record, outcome is null ? default : Utf8(outcome))).WaitAsync(Limit);

    protected string? Payload(long sequence) => Database.Read(queries => queries.Payload(sequence)) is { } payload ? Encoding.UTF8.GetString(payload) : null;

    private protected T Query<T>(string sql, Func<SqliteDataReader, T> read)
    {
        using var connection = TaskDatabase.Connect(DatabaseFile, SqliteOpenMode.ReadWrite);
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        using var rows = command.ExecuteReader();
        return read(rows);
    }

    protected long Number(string sql) => Query(sql, static rows => rows.Read() ? rows.GetInt64(0) : 0);

    /// <summary>A change that only a test makes.</summary>
    private protected sealed class TestChange(Action<TaskWrites> apply) : DatabaseChange
    {
        public override void Apply(TaskWrites writes) => apply(writes);
    }
}
