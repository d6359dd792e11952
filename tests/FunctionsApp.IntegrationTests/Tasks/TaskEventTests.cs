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
    [InlineData("sequence", "steps", """{"operation":"echo","input":{"value":1}}""", """{"operation":"delay","input":{"seconds":3600}}""")]
    [InlineData("gather", "calls", """{"operation":"echo","input":{"value":1}}""", """{"operation":"delay","input":{"seconds":3600}}""")]
    [InlineData("map", "items", """{"from":0,"to":1}""", """{"from":0,"to":1000000000000}""")]
    public async Task Progress_counts_the_completed_parts(string pattern, string property, string part, string endless)
    {
        var operation = pattern == "map" ? "\"operation\":\"primes.count\"," : "";
        var options = pattern == "map" ? "\"chunkSize\":1," : "";
        foreach (var completed in new[] { 1, 2 })
        {
            var parts = string.Join(',', Enumerable.Repeat(part, completed).Append(endless));
            var created = await app.Api.CreateAsync(
                "tasks", $$"""{"pattern":"{{pattern}}",{{operation}}"request":{ {{options}}"{{property}}":[{{parts}}]} }""");
            var seen = await SeeAsync(created.Id(), change => change.Completed == completed);
            await app.Api.CancelAsync(created.Id());

            Assert.Equal(completed + 1, seen.Data.GetProperty("progress").GetProperty("total").GetInt32());
        }
    }

    [Fact]
    public async Task A_client_that_reconnects_gets_the_events_after_the_last()
    {
        var id = await app.Api.CreateIdAsync("delay", TaskRequests.Endless);
        var first = await SeeAsync(id, static change => change.Status == "running");
        var reconnected = app.Api.WatchAsync(id, first.Id).ToListAsync();
        await app.Api.CancelAsync(id);
        var rest = await reconnected;

        Assert.All(rest, change => Assert.True(change.Id > first.Id));
        Assert.Equal("cancelled", rest[^1].Status);

        // All of them again but the last; that one alone; and nothing after it.
        var last = Assert.Single(await app.Api.WatchAsync(id, first.Id).ToListAsync());
        Assert.Equal(rest[^1].Id, last.Id);
        using var nothing = await app.Api.OpenEventsAsync(id, last.Id);
        Assert.Equal(HttpStatusCode.NoContent, nothing.StatusCode);
    }

    [Fact]
    public async Task Two_watchers_see_the_same_end_and_a_leaving_watcher_does_not_stop_the_task()
    {
        var id = await app.Api.CreateIdAsync("delay", """{"seconds":1,"result":1}""");
        await SeeAsync(id, static _ => true);
        var watchers = await Task.WhenAll(app.Api.WatchAsync(id).ToListAsync().AsTask(), app.Api.WatchAsync(id).ToListAsync().AsTask());

        Assert.All(watchers, static events => Assert.Equal("succeeded", events[^1].Status));
        Assert.Equal(watchers[0][^1].Id, watchers[1][^1].Id);
    }

    /// <summary>Watches a task until a change, and leaves.</summary>
    private async Task<ServerEvent> SeeAsync(string id, Func<ServerEvent, bool> predicate) =>
        await app.Api.WatchAsync(id).FirstAsync(predicate).AsTask().WaitAsync(TimeSpan.FromMinutes(1));
}
