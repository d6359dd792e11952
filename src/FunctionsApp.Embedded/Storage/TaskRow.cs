using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.Json.Serialization;
using FunctionsApp.Core.Json;
using FunctionsApp.Core.Operations;
using FunctionsApp.Core.Patterns.Await;
using FunctionsApp.Core.Tasks;
using FunctionsApp.Core.Webhooks;
using Microsoft.Data.Sqlite;

namespace FunctionsApp.Embedded.Storage;

/// <summary>Maps a <see cref="TaskRecord"/> to and from values of the database.</summary>
internal static class TaskRow
{
    /// <summary>The columns that <see cref="Read"/> reads, from <see cref="Tables"/>.</summary>
    public const string Columns =
        "sequence, tasks.state, id, version, definition, tasks.attempts, created_at, started_at, finished_at, tasks.next_attempt_at, "
        + "expires_at, completed, total, url, deliveries.state, deliveries.next_attempt_at, "
        + "earlier_attempts, deliveries.attempts, operation, error";

    public const string Tables = "tasks LEFT JOIN deliveries ON deliveries.task = tasks.sequence";

    private static readonly long MinTime = (DateTimeOffset.MinValue - DateTimeOffset.UnixEpoch).Ticks;
    private static readonly long MaxTime = (DateTimeOffset.MaxValue - DateTimeOffset.UnixEpoch).Ticks;

    // In the order of the enum values.
    private static readonly string[] States = ["queued", "running", "cancelling", "succeeded", "failed", "cancelled"];
    private static readonly string[] DeliveryStates = ["pending", "delivered", "failed"];

    /// <summary>
    /// Reads a row. One that another version has written, or somebody has edited, may be unreadable: it is a failed task then,
    /// with a <see cref="TaskRecord.Flaw"/> unless the payload says why the task has failed.
    /// </summary>
    public static TaskRecord Read(SqliteDataReader row)
    {
        string? flaw = null;
        var definition = ReadPart(row, DefinitionOf, ref flaw);
        var state = StateOf(row);
        flaw = Enum.IsDefined(state) ? state == TaskState.Failed ? null : flaw : $"There is no state '{row.GetString(1)}'.";
        var delivery = row.IsDBNull(13) ? null : ReadPart(row, DeliveryOf, ref flaw);
        return new TaskRecord
        {
            Sequence = row.GetInt64(0),
            State = flaw is null ? state : TaskState.Failed,
            Id = row.GetString(2),
            Version = row.GetInt64(3),
            Definition = definition ?? Salvage(row),
            Attempts = CountOf(row, 5),
            CreatedAt = TimeOf(row.GetInt64(6)),
            StartedAt = NullableTime(row, 7),
            FinishedAt = NullableTime(row, 8),
            NextAttemptAt = NullableTime(row, 9),
            ExpiresAt = TimeOf(row.GetInt64(10)),
            Progress = row.IsDBNull(11) || row.IsDBNull(12) ? null : new Progress(row.GetInt64(11), row.GetInt64(12)),
            Error = flaw is not null ? TaskProblems.Unreadable().Slug : row.IsDBNull(19) ? null : row.GetString(19),
            Delivery = flaw is null ? delivery : null,
            Flaw = flaw,
        };
    }

    /// <summary>Reads only the state of a row.</summary>
    public static TaskState StateOf(SqliteDataReader row) => (TaskState)Array.IndexOf(States, row.GetString(1));

    public static string Text(TaskState state) => States[(int)state];

    public static string Text(DeliveryState state) => DeliveryStates[(int)state];

    public static long? Number(DateTimeOffset? time) => (time - DateTimeOffset.UnixEpoch)?.Ticks;

    public static byte[] Json<T>(T value) => Bytes(RawJson.From(value, CoreJson.StoredTypeInfo<T>()).Utf8);

    /// <summary>Returns the array behind the bytes, which the provider requires; a copy if they are only part of it.</summary>
    public static byte[] Bytes(ReadOnlyMemory<byte> utf8) =>
        MemoryMarshal.TryGetArray(utf8, out var segment) && segment.Array is { } array && segment.Count == array.Length
            ? array
            : utf8.ToArray();

    /// <summary>Returns a time. A number out of range becomes the nearest time.</summary>
    private static DateTimeOffset TimeOf(long number) => DateTimeOffset.UnixEpoch.AddTicks(Math.Clamp(number, MinTime, MaxTime));

    private static DateTimeOffset? NullableTime(SqliteDataReader row, int column) =>
        row.IsDBNull(column) ? null : TimeOf(row.GetInt64(column));

    /// <summary>Returns a number of attempts. One out of range becomes the nearest in range.</summary>
    private static int CountOf(SqliteDataReader row, int column) => (int)Math.Clamp(row.GetInt64(column), 0, int.MaxValue);

    private static TaskDefinition DefinitionOf(SqliteDataReader row)
    {
        var definition = CoreJson.ReadStored<TaskDefinition>(row.GetFieldValue<byte[]>(4));
        return definition with { TtlSeconds = Math.Clamp(definition.TtlSeconds, 0, TasksOptions.MaxTtlSeconds) };
    }

    private static Delivery DeliveryOf(SqliteDataReader row)
    {
        var state = (DeliveryState)Array.IndexOf(DeliveryStates, row.GetString(14));
        return new Delivery
        {
            Url = Uri.TryCreate(row.GetString(13), UriKind.Absolute, out var url)
                ? url
                : throw new JsonException("The webhook has no URL."),
            State = Enum.IsDefined(state) ? state : throw new JsonException($"There is no state '{row.GetString(14)}' of a webhook."),
            NextAttemptAt = NullableTime(row, 15),
            EarlierAttempts = CountOf(row, 16),
            Attempts = CoreJson.ReadStored<IReadOnlyList<DeliveryAttempt>>(row.GetFieldValue<byte[]>(17)),
        };
    }

    private static T? ReadPart<T>(SqliteDataReader row, Func<SqliteDataReader, T> read, ref string? flaw)
        where T : class
    {
        try
        {
            return read(row);
        }
        catch (JsonException exception)
        {
            flaw = exception.Message;
            return null;
        }
    }

    /// <summary>
    /// Returns what a caller needs of a definition that cannot be read: where the task is, how long it is kept, and whom to tell of
    /// its failure.
    /// </summary>
    private static TaskDefinition Salvage(SqliteDataReader row)
    {
        Salvaged? stored = null;
        try
        {
            stored = JsonSerializer.Deserialize(row.GetFieldValue<byte[]>(4), SalvageJsonContext.Default.Salvaged);
        }
        catch (JsonException)
        {
            // Nothing can be salvaged.
        }

        return new TaskDefinition
        {
            Pattern = stored?.Pattern ?? AwaitService.Name,
            Operation = row.IsDBNull(18) ? null : row.GetString(18),
            TtlSeconds = Math.Clamp((TimeOf(row.GetInt64(10)) - TimeOf(row.GetInt64(6))).TotalSeconds, 0, TasksOptions.MaxTtlSeconds),
            OnError = Uri.TryCreate(stored?.OnError, UriKind.Absolute, out var url) ? url : null,
            Path = stored?.Path ?? TaskDefinition.DefaultPath,
            Fingerprint = stored?.Fingerprint,
        };
    }

    internal sealed record Salvaged(string? Pattern, string? Path, string? OnError, string? Fingerprint);
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(TaskRow.Salvaged))]
internal sealed partial class SalvageJsonContext : JsonSerializerContext;
