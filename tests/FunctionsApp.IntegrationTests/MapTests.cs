using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using FunctionsApp.IntegrationTests.Hosting;

namespace FunctionsApp.IntegrationTests;

[Collection(FunctionsAppCollection.Name)]
public sealed class MapTests(FunctionsAppFixture app)
{
    [Fact]
    public async Task Results_are_in_the_order_of_the_items_and_chunks_cover_them()
    {
        var response = await app.Api.PostAsync("map/math.square", $$"""{"items":[{{string.Join(',', Enumerable.Range(0, 10_000))}}]}""");

        Assert.Equal(Enumerable.Range(0, 10_000).Select(static x => x * x), response["results"].EnumerateArray().Select(static result => result.GetInt32()));
        var next = 0;
        foreach (var chunk in response["chunks"].EnumerateArray())
        {
            Assert.Equal(next, chunk.GetProperty("from").GetInt32());
            Assert.InRange(chunk.GetProperty("worker").GetInt32(), 0, response["workers"].GetInt32() - 1);
            Assert.True(chunk.GetProperty("startedMs").GetDouble() <= chunk.GetProperty("finishedMs").GetDouble());
            next += chunk.GetProperty("count").GetInt32();
        }

        Assert.Equal(10_000, next);
    }

    [Fact]
    public async Task A_chunk_has_the_requested_size()
    {
        var response = await app.Api.PostAsync("map/math.square", """{"items":[1,2,3,4,5,6,7],"chunkSize":3}""");

        Assert.Equal([3, 3, 1], response["chunks"].EnumerateArray().Select(static chunk => chunk.GetProperty("count").GetInt32()));
    }

    [Theory]
    [InlineData("sum", "30")]
    [InlineData("min", "1")]
    [InlineData("max", "16")]
    [InlineData("count", "4")]
    public async Task Results_are_reduced(string reduction, string expected)
    {
        var response = await app.Api.PostAsync("map/math.square", $$"""{"items":[1,2,3,4],"reduce":"{{reduction}}"}""");

        Assert.Equal(expected, response["result"].GetRawText());
        Assert.False(response.Body.TryGetProperty("results", out _));
    }

    [Fact]
    public async Task A_failing_item_ends_the_map_and_its_index_is_reported()
    {
        var response = await app.Api.PostAsync("map/math.pow", """{"items":[[1,1],[0,-1],[2,2]],"starmap":true}""");

        Assert.Equal("operation-failed", response.Problem);
        Assert.Equal(1, response["index"].GetInt32());
    }

    [Fact]
    public async Task Exceptions_are_returned_beside_the_results()
    {
        var response = await app.Api.PostAsync("map/math.pow", """{"items":[[1,1],[0,-1],["x",2],[2,2]],"starmap":true,"returnExceptions":true}""");

        Assert.Equal("[1,null,null,4]", response["results"].GetRawText());
        Assert.Equal([1, 2], response["errors"].EnumerateArray().Select(static error => error.GetProperty("index").GetInt32()));
        Assert.Equal("/problems/operation-failed", response["errors"][0].GetProperty("error").GetProperty("type").GetString());
        Assert.Equal("/problems/invalid-request", response["errors"][1].GetProperty("error").GetProperty("type").GetString());
    }

    [Theory]
    [InlineData(2, true)]
    [InlineData(1, false)]
    public async Task A_map_with_more_than_maxFailures_stops(int maxFailures, bool completes)
    {
        var response = await app.Api.PostAsync("map/math.pow", string.Create(CultureInfo.InvariantCulture,
            $$"""{"items":[[0,-1],[1,1],[0,-1]],"starmap":true,"returnExceptions":true,"maxFailures":{{maxFailures}}}"""));

        Assert.Equal(completes, response.Body.TryGetProperty("results", out _));
    }

    [Fact]
    public async Task No_items_have_no_results()
    {
        var response = await app.Api.PostAsync("map/math.square", """{"items":[]}""");

        Assert.Equal("[]", response["results"].GetRawText());
        Assert.Equal(JsonValueKind.Array, response["errors"].ValueKind);
    }

    [Fact]
    public async Task Two_maps_at_once_do_not_delay_a_health_check()
    {
        using var stop = new CancellationTokenSource();
        const string Huge = """{"items":[{"from":0,"to":1000000000000},{"from":0,"to":1000000000000},{"from":0,"to":1000000000000}]}""";
        Task[] maps = [app.Api.PostAsync("map/primes.count", Huge, stop.Token), app.Api.PostAsync("map/primes.count", Huge, stop.Token)];

        // The median, because one of fifty may wait for the operating system; and again, because the machine may be busy with something else.
        await Eventually.SeeAsync(MedianAsync, static milliseconds => milliseconds <= 100, "The median of 50 health checks in milliseconds");

        Assert.All(maps, static map => Assert.False(map.IsCompleted));
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Task.WhenAll(maps));

        async Task<double> MedianAsync()
        {
            var times = new List<double>();
            for (var i = 0; i < 50; i++)
            {
                var watch = Stopwatch.StartNew();
                Assert.Equal("live", (await app.Api.GetAsync("health/live"))["status"].GetString());
                times.Add(watch.Elapsed.TotalMilliseconds);
            }

            return times.Order().ElementAt(25);
        }
    }
}
