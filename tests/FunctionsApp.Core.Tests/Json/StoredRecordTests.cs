using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using FunctionsApp.Core.Json;
using FunctionsApp.Core.Operations;
using FunctionsApp.Core.Tasks;
using FunctionsApp.Core.Webhooks;

namespace FunctionsApp.Core.Tests.Json;

/// <summary>A stored record outlives the version of the app that wrote it.</summary>
public sealed class StoredRecordTests
{
    [Theory]
    [InlineData("""{"name":"n","count":1,"at":"2026-01-02T03:04:05+00:00","colour":"dark-red","later":1}""")]
    [InlineData("""{"name":"n","count":1,"at":"2026-01-02T03:04:05+00:00","colour":"dark-red","later":{"name":[null]},"part":null}""")]
    public void Unknown_properties_are_ignored(string json) =>
        Assert.Equal(new Sample("n", 1, new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero), Colour.DarkRed, null, null), Read(json));

    [Fact]
    public void Unknown_properties_of_nested_records_are_ignored() =>
        Assert.Equal(new Part("p", null), Read("""{"name":"n","count":1,"at":"2026-01-02T03:04:05Z","colour":"red","part":{"key":"p","later":1}}""").Part);

    [Fact]
    public void Null_properties_are_not_written_and_may_be_absent()
    {
        var sample = new Sample("n", 1, DateTimeOffset.UnixEpoch, Colour.Red, null, new Part("p", null));

        var json = JsonSerializer.Serialize(sample, CoreJson.StoredTypeInfo<Sample>());

        Assert.Equal("""{"name":"n","count":1,"at":"1970-01-01T00:00:00+00:00","colour":"red","part":{"key":"p"}}""", json);
        Assert.Equal(sample, Read(json));
    }

    [Theory]
    [InlineData("name")]
    [InlineData("count")]
    [InlineData("at")]
    [InlineData("colour")]
    [InlineData("part/key")]
    public void A_record_without_a_required_part_is_unreadable(string path)
    {
        var json = JsonNode.Parse("""{"name":"n","count":1,"at":"1970-01-01T00:00:00Z","colour":"red","part":{"key":"p"}}""")!.AsObject();
        var steps = path.Split('/');
        var parent = steps.SkipLast(1).Aggregate(json, static (node, step) => node[step]!.AsObject());
        parent.Remove(steps[^1]);

        var exception = Assert.Throws<JsonException>(() => Read(json.ToJsonString()));

        Assert.Contains($"'{steps[^1]}'", exception.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("null")]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("""{"name":null,"count":1,"at":"1970-01-01T00:00:00Z","colour":"red"}""")]
    [InlineData("""{"name":"n","count":1,"at":"1970-01-01T00:00:00Z","colour":"blue"}""")]
    [InlineData("""{"name":"n","count":1,"at":"1970-01-01T00:00:00Z","colour":7}""")]
    public void A_record_of_another_kind_is_unreadable(string json) => Assert.Throws<JsonException>(() => Read(json));

    [Theory]
    [InlineData("""{"pattern":"await","path":"/api/tasks","ttlSeconds":1,"later":1,"retry":{"maxAttempts":2,"later":{}}}""")]
    [InlineData("""{"pattern":"await","path":"/api/tasks","ttlSeconds":1,"retry":{"maxAttempts":2}}""")]
    public void The_definition_of_a_task_is_a_stored_record(string json) => Assert.Equal(
        new TaskDefinition { Pattern = "await", Path = "/api/tasks", TtlSeconds = 1, Retry = new RetryPolicy { MaxAttempts = 2 } },
        CoreJson.ReadStored<TaskDefinition>(Encoding.UTF8.GetBytes(json)));

    [Fact]
    public void A_delivery_is_a_stored_record()
    {
        var delivery = CoreJson.ReadStored<Delivery>(
            """{"url":"http://a.test/","state":"failed","later":1,"attempts":[{"attempt":3,"startedAt":"1970-01-01T00:00:00Z","elapsedMs":1,"later":1}]}"""u8);

        Assert.Equal((DeliveryState.Failed, 3, null), (delivery.State, delivery.Sent, delivery.NextAttemptAt));
        Assert.Equal(new DeliveryAttempt(3, DateTimeOffset.UnixEpoch, 1), Assert.Single(delivery.Attempts));
    }

    [Fact]
    public void Progress_is_a_stored_record() =>
        Assert.Equal(new Progress(1, 2), CoreJson.ReadStored<Progress>("""{"completed":1,"total":2,"later":1}"""u8));

    [Fact]
    public void Requests_are_still_read_strictly()
    {
        Assert.Throws<JsonException>(() => JsonSerializer.Deserialize("""{"maxAttempts":2,"later":1}""", CoreJson.TypeInfo<RetryPolicy>()));
        Assert.Throws<JsonException>(() => JsonSerializer.Deserialize("""{"key":"p"}""", CoreJson.TypeInfo<Part>()));
    }

    private static Sample Read(string json) => CoreJson.ReadStored<Sample>(Encoding.UTF8.GetBytes(json));

    private sealed record Sample(string Name, int Count, DateTimeOffset At, Colour Colour, double? Ratio, Part? Part);

    private sealed record Part(string Key, string? Note);

    private enum Colour
    {
        Red,

        [System.Text.Json.Serialization.JsonStringEnumMemberName("dark-red")]
        DarkRed,
    }
}
