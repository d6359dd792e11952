using System.Net;
using FunctionsApp.IntegrationTests.Hosting;

namespace FunctionsApp.IntegrationTests.Tasks;

/// <summary>The changes of a task as server-sent events.</summary>
[Collection(FunctionsAppCollection.Name)]
public sealed class TaskEventTests(FunctionsAppFixture app)
{
    [Fact]
    public async Task Each_change_is_an_event_with_an_ascending_id_until_the_end()
    {
        var created = await app.Api.CreateAsync("tasks", """
            {"pattern":"sequence","request":{"steps":[
              {"operation":"delay","input":{"seconds":0.3}},{"operation":"delay","input":{"seconds":0.3}},{"operation":"echo","input":{"value":1}}]}}
            """);
        var events = await app.Api.WatchAsync(created.Id()).ToListAsync();

        Assert.All(events, change => Assert.Equal((null, created.Id()), (change.Name, change.Data.GetProperty("id").GetString())));
        Assert.Equal(events.Select(static change => change.Id).Distinct().Order(), events.Select(static change => change.Id));
        Assert.All(events.SkipWhile(static change => change.Status == "queued").SkipLast(1), static change => Assert.Equal("running", change.Status));
        Assert.Equal((await app.Api.TaskAsync(created.Id())).Body.GetRawText(), events[^1].Data.GetRawText());
    }

    [Theory]
    [InlineData("""{"pattern":"sequence","request":{"steps":[{"operation":"echo","input":{"value":1}},{"operation":"delay","input":{"seconds":0.6}},{"operation":"delay","input":{"seconds":0.6}}]}}""", 3)]
    [InlineData("""{"pattern":"gather","request":{"calls":[{"operation":"echo","input":{"value":1}},{"operation":"delay","input":{"seconds":0.6}},{"operation":"delay","input":{"seconds":1.2}}]}}""", 3)]
    public async Task Progress_counts_the_completed_parts(string body, int total)
    {
        var created = await app.Api.CreateAsync("tasks", body);
        var progress = await app.Api.WatchAsync(created.Id()).Select(static change => change.Completed).Where(static completed => completed is not null).ToListAsync();

        Assert.Equal(progress.Order(), progress);
        Assert.Contains(1, progress);
        Assert.Contains(2, progress);
        Assert.Equal(total, progress[^1]);
    }

    [Fact]
    public async Task Progress_of_a_map_counts_its_items()
    {
        // Half a second or so of work, in pieces. The durable engine stores progress twice a second.
        var count = Hosts.AreDurable ? 300 : 60;
        var items = string.Join(',', Enumerable.Repeat("""{"password":"a","salt":"b","iterations":20000}""", count));
        var created = await app.Api.CreateAsync("tasks", $$"""{"pattern":"map","operation":"pbkdf2","request":{"chunkSize":1,"items":[{{items}}]} }""");
        var progress = await app.Api.WatchAsync(created.Id()).Select(static change => change.Completed).Where(static completed => completed is not null).ToListAsync();

        Assert.Equal(progress.Order(), progress);
        Assert.Equal(count, progress[^1]);
        Assert.Contains(progress, completed => completed > 0 && completed < count);
    }

    [Fact]
    public async Task A_client_that_reconnects_gets_the_events_after_the_last()
    {
        var id = await app.Api.CreateIdAsync("fail", """{"message":"It broke."}""", "\"retry\":{\"maxAttempts\":2,\"initialDelaySeconds\":0.5}");
        var first = await app.Api.WatchAsync(id).FirstAsync();
        var rest = await app.Api.WatchAsync(id, first.Id).ToListAsync();

        Assert.All(rest, change => Assert.True(change.Id > first.Id));
        Assert.Equal("failed", rest[^1].Status);

        // All of them again but the last; that one alone; and nothing after it.
        var last = Assert.Single(await app.Api.WatchAsync(id, first.Id).ToListAsync());
        Assert.Equal(rest[^1].Id, last.Id);
        using var nothing = await app.Api.OpenEventsAsync(id, last.Id);
        Assert.Equal(HttpStatusCode.NoContent, nothing.StatusCode);
    }

    [Fact]
    public async Task Two_watchers_see_the_same_end_and_a_leaving_watcher_does_not_stop_the_task()
    {
        var id = await app.Api.CreateIdAsync("delay", """{"seconds":0.5,"result":1}""");
        Assert.Equal("running", (await app.Api.WatchAsync(id).FirstAsync(static change => change.Status == "running")).Status);
        var watchers = await Task.WhenAll(app.Api.WatchAsync(id).ToListAsync().AsTask(), app.Api.WatchAsync(id).ToListAsync().AsTask());

        Assert.All(watchers, static events => Assert.Equal("succeeded", events[^1].Status));
        Assert.Equal(watchers[0][^1].Id, watchers[1][^1].Id);
    }
}
