using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using FunctionsApp.Core.Json;
using FunctionsApp.Core.Tasks;
using FunctionsApp.Core.Webhooks;
using FunctionsApp.Embedded.Storage;
using Microsoft.Data.Sqlite;

namespace FunctionsApp.Embedded.Tests.Storage;

/// <summary>
/// What released versions have written is read for good. Golden has a folder for each version of the tables: a database, as
/// <c>sqlite3 tasks.db .dump</c> prints it and with its <c>user_version</c>, the tasks that it holds, and each JSON column with
/// every property. A new version gets a new folder; what is stored in the others never changes.
/// </summary>
public sealed class GoldenDatabaseTests : StorageTests
{
    private static readonly string Golden = Path.Combine(AppContext.BaseDirectory, "Golden");

    /// <summary>What is never absent; a record without it is unreadable.</summary>
    private static readonly string[] Required =
        ["definition/pattern", "definition/ttlSeconds", "definition/path", "definition/retry/maxAttempts", "attempts/0/attempt", "attempts/0/startedAt", "attempts/0/elapsedMs"];

    public static TheoryData<string> Versions => new(Directory.GetDirectories(Golden).Select(static path => Path.GetFileName(path)));

    [Fact]
    public void Every_version_of_the_tables_has_a_folder() =>
        Assert.Equal(Enumerable.Range(1, TaskSchema.Version).Select(static version => $"{version}"), Directory.GetDirectories(Golden).Select(Path.GetFileName).Order());

    [Theory]
    [MemberData(nameof(Versions))]
    public void The_tasks_of_every_version_are_read(string version)
    {
        Restore(version);

        var tasks = JsonNode.Parse(Describe())!.ToJsonString(new JsonSerializerOptions(CoreJson.Stored) { WriteIndented = true, NewLine = "\n" });
        Assert.Equal(Text(version, "tasks.json"), tasks);
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public void Every_property_is_read_and_an_unknown_one_is_ignored_at_each_level(string version)
    {
        foreach (var column in new[] { "definition", "attempts" })
        {
            var json = JsonNode.Parse(Text(version, column + ".json"))!;
            var plain = json.ToJsonString(CoreJson.Stored);
            Assert.Equal(plain, RoundTrip(column, plain));

            foreach (var level in Objects(json).ToArray())
            {
                level["later"] = new JsonObject { ["pattern"] = new JsonArray(null, 1) };
            }

            Assert.Equal(plain, RoundTrip(column, json.ToJsonString()));
        }
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public void Each_property_may_be_absent_unless_a_task_cannot_exist_without_it(string version)
    {
        var missed = new List<string>();
        foreach (var column in new[] { "definition", "attempts" })
        {
            foreach (var (path, json) in WithoutEach(column, Text(version, column + ".json")))
            {
                try
                {
                    Assert.Equal(json, RoundTrip(column, json));
                }
                catch (JsonException)
                {
                    missed.Add(path);
                }
            }
        }

        Assert.Equal(Required.Order(StringComparer.Ordinal), missed.Order(StringComparer.Ordinal));
    }

    /// <summary>Reads the text of a column, and writes it.</summary>
    private static string RoundTrip(string column, string json) => column == "definition"
        ? JsonSerializer.Serialize(CoreJson.ReadStored<TaskDefinition>(Encoding.UTF8.GetBytes(json)), CoreJson.StoredTypeInfo<TaskDefinition>())
        : JsonSerializer.Serialize(CoreJson.ReadStored<IReadOnlyList<DeliveryAttempt>>(Encoding.UTF8.GetBytes(json)), CoreJson.StoredTypeInfo<IReadOnlyList<DeliveryAttempt>>());

    private static IEnumerable<(string Path, string Json)> WithoutEach(string column, string json)
    {
        foreach (var path in Objects(JsonNode.Parse(json)!).SelectMany(static level => level.Select(property => $"{level.GetPath()}.{property.Key}")).ToArray())
        {
            var copy = JsonNode.Parse(json)!;
            var parent = Objects(copy).Single(level => path.StartsWith(level.GetPath() + ".", StringComparison.Ordinal) && level.ContainsKey(path[(level.GetPath().Length + 1)..]));
            parent.Remove(path[(parent.GetPath().Length + 1)..]);
            yield return (column + path[1..].Replace("[0]", "/0", StringComparison.Ordinal).Replace('.', '/'), copy.ToJsonString(CoreJson.Stored));
        }
    }

    private static IEnumerable<JsonObject> Objects(JsonNode? node) => node switch
    {
        JsonObject level => level.SelectMany(static property => Objects(property.Value)).Prepend(level),
        JsonArray items => items.SelectMany(static item => Objects(item)),
        _ => [],
    };

    private static string Text(string version, string name) => File.ReadAllText(Path.Combine(Golden, version, name)).ReplaceLineEndings("\n").TrimEnd();

    private void Restore(string version)
    {
        Directory.CreateDirectory(StateDirectory);
        using var connection = new SqliteConnection($"Data Source={DatabaseFile};Pooling=False");
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = Text(version, "tasks.sql");
        command.ExecuteNonQuery();
    }

    /// <summary>Describes all tasks of the database in JSON: as callers see them, with their definitions and webhooks.</summary>
    private string Describe()
    {
        var records = Database.Read(static queries => queries
            .List(new TaskQuery(State: null, Operation: null, Limit: 0, Cursor: null), long.MaxValue, 1_000)
            .Select(static row => row.Record!)
            .ToList());
        return $"[{string.Join(',', records.Select(record => $$"""
            {
              "sequence": {{record.Sequence}},
              {{(record.Error is { } error ? $"\"error\": \"{error}\"," : "")}}
              "version": {{record.Version}},
              "definition": {{JsonSerializer.Serialize(record.Definition, CoreJson.StoredTypeInfo<TaskDefinition>())}},
              "task": {{JsonSerializer.Serialize(TaskResponse.Of(record, Payload(record.Sequence) is { } text ? RawJson.FromUtf8(Utf8(text)) : null), CoreJson.TypeInfo<TaskResponse>())}},
              "delivery": {{(record.Delivery is { } delivery ? JsonSerializer.Serialize(delivery, CoreJson.StoredTypeInfo<Delivery>()) : "null")}}
            }
            """))}]";
    }
}
