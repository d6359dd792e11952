using System.Globalization;
using System.Text.Json;
using FunctionsApp.Core.Json;
using FunctionsApp.Core.Operations;
using FunctionsApp.Core.Webhooks;
using Microsoft.Data.Sqlite;

namespace FunctionsApp.Core.Tasks.Embedded;

/// <summary>Maps a <see cref="TaskRecord"/> to and from values of the database.</summary>
internal static class TaskRow
{
    /// <summary>The columns that <see cref="Read"/> reads, from <see cref="Tables"/>.</summary>
    public const string Columns =
        "sequence, tasks.state, id, version, definition, tasks.attempts, created_at, started_at, finished_at, tasks.next_attempt_at, expires_at, completed, total, "
        + "url, deliveries.state, deliveries.next_attempt_at, earlier_attempts, deliveries.attempts";

    public const string Tables = "tasks LEFT JOIN deliveries ON deliveries.task = tasks.sequence";

    // In the order of the enum values.
    private static readonly string[] States = ["queued", "running", "cancelling", "succeeded", "failed", "cancelled"];
    private static readonly string[] DeliveryStates = ["pending", "delivered", "failed"];

    /// <summary>Reads a row.</summary>
    public static TaskRecord Read(SqliteDataReader row) => new()
    {
        Sequence = row.GetInt64(0),
        State = StateOf(row),
        Id = row.GetString(2),
        Version = row.GetInt64(3),
        Definition = FromJson<TaskDefinition>(row, 4),
        Attempts = row.GetInt32(5),
        CreatedAt = TimeOf(row.GetInt64(6)),
        StartedAt = NullableTime(row, 7),
        FinishedAt = NullableTime(row, 8),
        NextAttemptAt = NullableTime(row, 9),
        ExpiresAt = TimeOf(row.GetInt64(10)),
        Progress = row.IsDBNull(11) ? null : new Progress(row.GetInt64(11), row.GetInt64(12)),
        Delivery = row.IsDBNull(13) ? null : new Delivery
        {
            Url = new Uri(row.GetString(13)),
            State = (DeliveryState)Array.IndexOf(DeliveryStates, row.GetString(14)),
            NextAttemptAt = NullableTime(row, 15),
            EarlierAttempts = row.GetInt32(16),
            Attempts = FromJson<IReadOnlyList<DeliveryAttempt>>(row, 17),
        },
    };

    /// <summary>Reads only the state of a row.</summary>
    public static TaskState StateOf(SqliteDataReader row) => (TaskState)Array.IndexOf(States, row.GetString(1));

    public static string Text(TaskState state) => States[(int)state];

    public static string Text(DeliveryState state) => DeliveryStates[(int)state];

    public static long Number(DateTimeOffset time) => (time - DateTimeOffset.UnixEpoch).Ticks;

    public static long? Number(DateTimeOffset? time) => (time - DateTimeOffset.UnixEpoch)?.Ticks;

    public static DateTimeOffset TimeOf(long number) => DateTimeOffset.UnixEpoch.AddTicks(number);

    public static DateTimeOffset? TimeOf(long? number) => number is { } value ? TimeOf(value) : null;

    /// <summary>Returns when to delete the task, if that is known.</summary>
    public static long? ForgetAt(TaskRecord record) =>
        record.IsFinished && record.Delivery is not { State: DeliveryState.Pending } ? Number(record.ExpiresAt) : null;

    private static DateTimeOffset? NullableTime(SqliteDataReader row, int column) => row.IsDBNull(column) ? null : TimeOf(row.GetInt64(column));

    private static T FromJson<T>(SqliteDataReader row, int column)
    {
        try
        {
            return JsonSerializer.Deserialize(row.GetFieldValue<byte[]>(column), CoreJson.TypeInfo<T>())!;
        }
        catch (JsonException exception)
        {
            throw new StorageException(string.Create(CultureInfo.InvariantCulture, $"Task {row.GetInt64(0)} of the database holds JSON that cannot be read."), exception);
        }
    }
}
