using System.Text.Json;
using System.Text.Json.Nodes;
using FunctionsApp.Core.Json;
using FunctionsApp.Core.Operations;
using FunctionsApp.Core.Tasks;
using FunctionsApp.Core.Webhooks;
using FunctionsApp.Durable.Records;

namespace FunctionsApp.Durable.Tests.Storage;

/// <summary>
/// What the engine stores: in blobs, in the input, status and events of orchestrations, and in the inputs and results of activities.
/// The golden files are what this version, and each released one, has written; they are read for good.
/// </summary>
public sealed class StoredRecordTests
{
    private static readonly string Golden = Path.Combine(Repository.Root, "tests", "FunctionsApp.Durable.Tests", "Golden");

    private static readonly DateTimeOffset At = new(2030, 1, 2, 3, 4, 5, TimeSpan.Zero);

    private static readonly RawJson Problem = RawJson.FromUtf8("""{"type":"/problems/interrupted"}"""u8.ToArray());

    private static readonly Progress Progress = new(1, 2);

    private static readonly Delivery Delivery = new()
    {
        Url = new Uri("https://example.com/hook"),
        State = DeliveryState.Failed,
        NextAttemptAt = At,
        EarlierAttempts = 1,
        Attempts = [new DeliveryAttempt(2, At, 1.5, 500, "The response was 500.", At)],
    };

    private static readonly TaskDefinition Definition = new()
    {
        Pattern = "await",
        Operation = "echo",
        TimeoutSeconds = 1.5,
        Retry = new() { MaxAttempts = 2, InitialDelaySeconds = 1, Backoff = 2, MaxDelaySeconds = 3 },
        TtlSeconds = 100,
        OnSuccess = new Uri("https://example.com/succeeded"),
        OnError = new Uri("https://example.com/failed"),
        Path = "/api/tasks",
        IdempotencyKey = "key",
        Fingerprint = "print",
        TraceParent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        CallChain = "chain",
    };

    private static readonly AttemptState Attempts = new()
    {
        Version = 4,
        Begun = 2,
        StartedAt = At,
        Call = 2,
        Runner = new Guid("00010203-0405-0607-0809-0a0b0c0d0e0f"),
        TakenAt = At,
        End = AttemptEnd.Retried,
        Progress = Progress,
        OutcomeBytes = 7,
        PauseSeconds = 1.5,
        IsContinued = true,
        Outcome = Problem.ToString(),
        Error = "interrupted",
        CancelledAt = At,
        IsCancelSent = true,
    };

    private static readonly DurableStatus Status = new()
    {
        Version = 3,
        State = TaskState.Failed,
        NextAttemptAt = At,
        Attempts = Attempts,
        FinishedAt = At,
        ExpiresAt = At,
        Delivery = Delivery,
        IdempotencyKey = "key",
        HasPayloads = true,
    };

    private static readonly TaskStart Start = new(Definition, At, 11, 0.5, Status, 1, """{"value":1}""");

    private static readonly Dictionary<string, object> Records = new object[]
    {
        Start, Status, Attempts, Delivery,
        new AttemptInput("id", 2, Definition, 11, At, """{"value":1}""", IsRunning: true),
        new DeliveryInput("id", Start, Status),
        new CancelEvent(1),
        new KeyEntry("id", At, "print"),
    }.ToDictionary(static record => record.GetType().Name, StringComparer.Ordinal);

    static StoredRecordTests() => CoreJson.Add(DurableJsonContext.Default);

    public static TheoryData<string> Names => [.. Records.Keys];

    public static TheoryData<string, string> Files
    {
        get
        {
            var files = new TheoryData<string, string>();
            foreach (var file in Directory.GetFiles(Golden, "*.json", SearchOption.AllDirectories).Where(static file => file.Contains("records", StringComparison.Ordinal)).Order())
            {
                files.Add(Path.GetRelativePath(Golden, file), Path.GetFileNameWithoutExtension(file));
            }

            return files;
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void This_version_writes_the_contents_of_its_golden_file(string name)
    {
        var file = Path.Combine(Golden, TaskNames.Version, "records", name + ".json");
        var json = Write(name, Records[name]).ToJsonString(new JsonSerializerOptions(CoreJson.Stored) { WriteIndented = true, NewLine = "\n" }) + "\n";
        if (Environment.GetEnvironmentVariable("UPDATE_GOLDEN") is not null)
        {
            Directory.CreateDirectory(Path.GetDirectoryName(file)!);
            File.WriteAllText(file, json);
        }

        Assert.Equal(File.ReadAllText(file), json);
    }

    [Theory]
    [MemberData(nameof(Files))]
    public void A_golden_file_is_read_with_properties_that_a_later_version_adds(string file, string name)
    {
        var golden = JsonNode.Parse(File.ReadAllText(Path.Combine(Golden, file)))!;
        var later = golden.DeepClone();
        foreach (var part in ObjectsOf(later).ToList())
        {
            part["later"] = new JsonObject { ["version"] = 2 };
        }

        Assert.True(JsonNode.DeepEquals(golden, Write(name, Read(name, golden))));
        Assert.True(JsonNode.DeepEquals(golden, Write(name, Read(name, later))));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void A_record_is_read_without_any_of_its_optional_parts(string name)
    {
        var tested = 0;
        foreach (var path in ObjectsOf(Write(name, Records[name])).SelectMany(static part => part.Select(static property => property.Value!.GetPath())))
        {
            var record = Write(name, Records[name]);
            var part = ObjectsOf(record).Single(part => part.Any(property => string.Equals(property.Value!.GetPath(), path, StringComparison.Ordinal)));
            part.Remove(part.Single(property => string.Equals(property.Value!.GetPath(), path, StringComparison.Ordinal)).Key);
            try
            {
                // Values that are no references are written again by their defaults.
                var read = Write(name, Read(name, record));
                Assert.True(JsonNode.DeepEquals(read, Write(name, Read(name, read))));
                tested++;
            }
            catch (JsonException exception)
            {
                // It is one of those without which a record makes no sense.
                Assert.Contains("required", exception.Message, StringComparison.Ordinal);
            }
        }

        Assert.True(tested > 0 || name == nameof(CancelEvent));
    }

    [Fact]
    public void Optional_parts_of_a_record_are_not_written_and_read_as_absent()
    {
        Assert.Equal(new KeyEntry("id", At), Read(nameof(KeyEntry), Write(nameof(KeyEntry), new KeyEntry("id", At))));
        Assert.Equal(new AttemptState(), Read(nameof(AttemptState), JsonNode.Parse("{}")!));
        Assert.Null(((TaskStart)Read(nameof(TaskStart), Write(nameof(TaskStart), new TaskStart(Definition, At, 1, 0)))).Status);
    }

    private static JsonNode Write(string name, object record) => JsonSerializer.SerializeToNode(record, CoreJson.Stored.GetTypeInfo(Records[name].GetType()))!;

    private static object Read(string name, JsonNode json) => json.Deserialize(CoreJson.Stored.GetTypeInfo(Records[name].GetType()))!;

    /// <summary>All objects of a text.</summary>
    private static IEnumerable<JsonObject> ObjectsOf(JsonNode? node) => node switch
    {
        JsonObject record => record.SelectMany(static property => ObjectsOf(property.Value)).Prepend(record),
        JsonArray array => array.SelectMany(ObjectsOf),
        _ => [],
    };
}
