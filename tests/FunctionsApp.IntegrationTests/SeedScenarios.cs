using System.Net;
using System.Text.Json;
using FunctionsApp.IntegrationTests.Hosting;

namespace FunctionsApp.IntegrationTests;

/// <summary>
/// The Python examples that the project grew from, told over HTTP. Where Python sleeps for seconds to stand for work, the
/// scenario waits for tenths of them.
/// </summary>
[Collection(FunctionsAppCollection.Name)]
public sealed class SeedScenarios(FunctionsAppFixture app)
{
    [Fact]
    public async Task A_function_awaits_its_work_and_uses_the_result()
    {
        // result = await asyncio.sleep(5); return f"The result is {result}"
        var response = await app.Api.PostAsync("sequence", """
            {"steps":[
              {"operation":"delay","input":{"seconds":0.5}},
              {"operation":"text.format","input":{"template":"The result is {result}","values":{"result":{"$ref":"#/results/0"}}}}]}
            """);

        Assert.Equal("The result is null", response["results"][1].GetString());
        Assert.True(response["elapsedMs"].GetDouble() >= 500);
    }

    [Fact]
    public async Task A_callback_returns_the_result_that_it_is_called_with()
    {
        // def callback(result): return f"The result is {result}"; async_task(callback)
        var response = await app.Api.PostAsync("callback/delay", """
            {"input":{"seconds":0.1,"result":"42"},
             "onSuccess":{"operation":"text.format","input":{"template":"The result is {result}","values":{"result":{"$ref":"#/result"}}}}}
            """);

        Assert.Equal("onSuccess", response["continuation"].GetString());
        Assert.Equal("The result is 42", response["result"].GetString());
    }

    [Fact]
    public async Task Tasks_that_are_gathered_run_at_once()
    {
        // task1 = create_task(...); task2 = create_task(...); await gather(task1, task2)
        var response = await app.Api.PostAsync("gather", """
            {"calls":[{"operation":"delay","input":{"seconds":1,"result":1}},{"operation":"delay","input":{"seconds":1,"result":2}}]}
            """);

        Assert.Equal([1, 2], response["results"].EnumerateArray().Select(static result => result.GetProperty("result").GetInt32()));
        Assert.True(response.RanAtOnce());
    }

    [Fact]
    public async Task A_pool_of_four_maps_a_function_over_a_list()
    {
        // pool = Pool(4); pool.map(my_function, my_list_of_args)
        var response = await app.Api.PostAsync("map/math.square", """{"items":[1,2,3,4,5,6,7,8],"workers":4}""");

        Assert.Equal([1, 4, 9, 16, 25, 36, 49, 64], response["results"].EnumerateArray().Select(static result => result.GetInt32()));
        Assert.InRange(response["workers"].GetInt32(), 1, 4);
    }

    [Fact]
    public async Task A_pool_of_four_starmaps_a_function_over_tuples()
    {
        // pool.starmap(pow, [(2, 5), (3, 2), (10, 3)])
        var response = await app.Api.PostAsync("map/math.pow", """{"items":[[2,5],[3,2],[10,3]],"starmap":true,"workers":4}""");

        Assert.Equal([32, 9, 1000], response["results"].EnumerateArray().Select(static result => result.GetInt32()));
    }

    [Fact]
    public async Task A_fetch_is_awaited_for_its_data()
    {
        // await asyncio.sleep(1); return "Data fetched successfully!"
        var response = await app.Api.PostAsync("await/delay", """{"seconds":0.1,"result":"Data fetched successfully!"}""");

        Assert.Equal("Data fetched successfully!", response["result"].GetString());
    }

    [Fact]
    public async Task Ten_seconds_of_work_end_at_their_timeout()
    {
        // await asyncio.wait_for(asyncio.sleep(10), timeout=0.3)
        var response = await app.Api.PostAsync("await/delay?timeoutSeconds=0.3", """{"seconds":10}""");

        Assert.Equal(HttpStatusCode.GatewayTimeout, response.Status);
        Assert.Equal("timeout", response.Problem);
    }

    [Fact]
    public async Task Greet_says_hello_waits_and_says_goodbye()
    {
        // print("Hello, World!"); await asyncio.sleep(1); print("Goodbye, World!")
        using var waiting = await app.Api.SendAsync("stream/greet", """{"pauseSeconds":3600}""");
        using var response = await app.Api.SendAsync("stream/greet", """{"pauseSeconds":0.1}""");
        var lines = await response.ReadLinesAsync();

        Assert.Equal(["""{"value":"Hello, World!"}"""], await waiting.ReadLinesAsync(1));
        Assert.Equal(["""{"value":"Hello, World!"}""", """{"value":"Goodbye, World!"}"""], lines.Take(2));
        Assert.StartsWith("""{"end":{"count":2,""", lines[2], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Fetching_ends_before_processing_starts()
    {
        // await fetch_data(); await process_data()
        var response = await app.Api.PostAsync("sequence", """
            {"steps":[
              {"operation":"delay","input":{"seconds":0.2,"result":"Data fetched!"}},
              {"operation":"delay","input":{"seconds":0.1,"result":"Data processed!"}}]}
            """);

        Assert.Equal(["Data fetched!", "Data processed!"], response["results"].EnumerateArray().Select(static result => result.GetString()!));
        var timeline = response["timeline"];
        Assert.True(timeline[0].GetProperty("finishedMs").GetDouble() <= timeline[1].GetProperty("startedMs").GetDouble());
    }

    [Fact]
    public async Task Of_two_gathered_tasks_the_second_completes_first_although_both_start_at_once()
    {
        // async def task_one(): sleep(2); async def task_two(): sleep(1); await gather(task_one(), task_two())
        var response = await app.Api.PostAsync("gather", """
            {"calls":[
              {"id":"one","operation":"delay","input":{"seconds":1.5,"result":"Task one completed"}},
              {"id":"two","operation":"delay","input":{"seconds":0.5,"result":"Task two completed"}}]}
            """);

        Assert.Equal([1, 0], response["completionOrder"].EnumerateArray().Select(static index => index.GetInt32()));
        Assert.Equal("Task one completed", response["results"][0].GetProperty("result").GetString());
        Assert.True(response.RanAtOnce());
    }

    [Fact]
    public async Task Numbers_are_printed_one_by_one()
    {
        // for i in range(3): print(f"Number: {i}"); await asyncio.sleep(1)
        using var response = await app.Api.SendAsync("stream/count", """{"count":3,"intervalSeconds":0.1}""");
        var lines = await response.ReadLinesAsync();

        Assert.Equal(["""{"value":0}""", """{"value":1}""", """{"value":2}"""], lines.Take(3));
    }

    [Fact]
    public async Task An_async_generator_yields_each_value_after_its_wait()
    {
        // for i in range(3): await asyncio.sleep(1); yield i
        using var response = await app.Api.SendAsync("stream/count", """{"count":3,"intervalSeconds":0.2}""");
        var lines = await response.ReadLinesAsync();

        Assert.Equal(4, lines.Count);
        Assert.True(JsonElement.Parse(lines[3]).GetProperty("end").GetProperty("elapsedMs").GetDouble() >= 600);
    }
}
