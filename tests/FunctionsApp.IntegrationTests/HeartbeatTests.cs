using FunctionsApp.IntegrationTests.Hosting;

namespace FunctionsApp.IntegrationTests;

/// <summary>What reaches a client while a streamed answer has nothing to say.</summary>
[Collection(FunctionsAppCollection.Name)]
public sealed class HeartbeatTests(FunctionsAppFixture app)
{
    [Theory]
    [InlineData("stream/count?heartbeatSeconds=1", """{"count":1,"intervalSeconds":3600}""")]
    [InlineData("gather?heartbeatSeconds=1", """{"calls":[{"operation":"delay","input":{"seconds":3600}}]}""")]
    public async Task Empty_lines_are_sent_before_the_first_result(string path, string body)
    {
        using var response = await app.Api.SendAsync(path, body, accept: "application/x-ndjson");

        Assert.Equal([""], await response.ReadLinesAsync(1));
    }

    [Theory]
    [InlineData("stream/greet?heartbeatSeconds=1", """{"pauseSeconds":3600}""")]
    [InlineData("gather?heartbeatSeconds=1", """{"calls":[{"operation":"delay","input":{"seconds":3600}},{"operation":"echo","input":{"value":1}}]}""")]
    public async Task Empty_lines_are_sent_between_results(string path, string body)
    {
        using var response = await app.Api.SendAsync(path, body, accept: "application/x-ndjson");
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync());
        var first = await reader.ReadLineAsync();
        while (first is "")
        {
            // A machine that is busy takes a second for the first result, too.
            first = await reader.ReadLineAsync();
        }

        Assert.StartsWith("{", first, StringComparison.Ordinal);
        Assert.Equal("", await reader.ReadLineAsync());
    }

    [Fact]
    public async Task A_map_of_lines_has_heartbeatSeconds_among_its_options()
    {
        using var response = await app.Api.SendAsync("map/math.square?heartbeatSeconds=60&chunkSize=1", "3\n", "application/x-ndjson");

        Assert.StartsWith("{\"index\":0,\"result\":9}\n", await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }
}
