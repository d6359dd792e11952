using FunctionsApp.IntegrationTests.Hosting;

namespace FunctionsApp.IntegrationTests;

/// <summary>What reaches a client while a streamed answer has nothing to say.</summary>
[Collection(FunctionsAppCollection.Name)]
public sealed class HeartbeatTests(FunctionsAppFixture app)
{
    [Theory]
    [InlineData("stream/count?heartbeatSeconds=1", """{"count":2,"intervalSeconds":1.5}""")]
    [InlineData("gather?heartbeatSeconds=1", """{"calls":[{"operation":"delay","input":{"seconds":1.5}},{"operation":"delay","input":{"seconds":3}}]}""")]
    public async Task Empty_lines_are_sent_before_the_first_result_and_between_results(string path, string body)
    {
        using var response = await app.Api.SendAsync(path, body, accept: "application/x-ndjson");
        var lines = await TimedLines.ReadAsync(response);

        Assert.Equal(["", "{", "", "{", "{"], lines.Select(static line => line.Text.Length == 0 ? "" : line.Text[..1]));
        Assert.True(lines[0].At < lines[1].At - TimeSpan.FromSeconds(0.25), "The first line of all came with the first result.");
    }

    [Fact]
    public async Task A_map_of_lines_has_heartbeatSeconds_among_its_options()
    {
        using var response = await app.Api.SendAsync("map/math.square?heartbeatSeconds=60&chunkSize=1", "3\n", "application/x-ndjson");

        Assert.StartsWith("{\"index\":0,\"result\":9}\n", await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }
}
