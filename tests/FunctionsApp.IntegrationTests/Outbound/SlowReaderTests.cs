using System.Net;
using System.Text.Json;
using FunctionsApp.IntegrationTests.Hosting;

namespace FunctionsApp.IntegrationTests.Outbound;

/// <summary>
/// However much is streamed, and however slowly it is read, little of it is in memory. Each test has a host of its own,
/// whose peak is looked at.
/// </summary>
[Collection(FunctionsAppCollection.Name)]
public sealed class SlowReaderTests(UpstreamFixture upstream)
{
    private const string OneIsEnough = "A worker waits for the reader of a long response, which another test shows.";
    private const int MiB = 1024 * 1024;
    private const int LineCharacters = 4_000;

    // More than the buffers on the way hold, those of the sockets among them, and far less than what is streamed.
    private const int OnTheWay = 64 * MiB;

    [LocalHostFact(OneIsEnough, Needs.Linux)]
    public async Task A_long_response_is_streamed_in_constant_memory()
    {
        const int Lines = 64_000;
        await using var host = await upstream.StartHostAsync(AppHost.FrequentCollection);
        using var api = host.Connect();
        using var response = await api.SendAsync("stream/http.lines", upstream.Input($"/lines?characters={LineCharacters}&count={Lines}"));
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync());
        await ReadLinesAsync(reader, 10 * MiB / LineCharacters);
        var start = host.PeakMemoryBytes;

        await ReadLinesAsync(reader, Lines - (10 * MiB / LineCharacters));

        Assert.StartsWith($$"""{"end":{"count":{{Lines}},""", await reader.ReadLineAsync(), StringComparison.Ordinal);
        Assert.InRange(host.PeakMemoryBytes, 0, start + (64 * MiB));
    }

    [OwnHostFact(Needs.Linux)]
    public async Task A_long_response_waits_for_its_reader()
    {
        var id = upstream.NewId();
        await using var host = await upstream.StartHostAsync(AppHost.FrequentCollection);
        using var api = host.Connect();
        using var response = await api.SendAsync("stream/http.lines", upstream.Input($"/lines?id={id}&characters={LineCharacters}&count=64000"));
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync());
        await ReadLinesAsync(reader, 1);
        var start = host.PeakMemoryBytes;

        var written = await upstream.Server.StallAsync(id);

        Assert.InRange(written, LineCharacters, OnTheWay);
        Assert.InRange(host.PeakMemoryBytes, 0, start + (64 * MiB));

        // The reader goes on, to lines that had not been written by then.
        await ReadLinesAsync(reader, (int)(written / LineCharacters) + 1_000);
    }

    [LocalHostFact(OneIsEnough, Needs.Linux)]
    public async Task Calls_of_a_streamed_gather_wait_for_its_reader()
    {
        const int Calls = 200;
        var id = upstream.NewId();
        var call = $$"""{"operation":"http.request","input":{{upstream.Input($"/lines?id={id}&characters=1000000&count=1")}}}""";
        await using var host = await upstream.StartHostAsync(AppHost.FrequentCollection);
        using var api = host.Connect();
        await api.PostAsync("await/http.request", upstream.Input("/echo"));
        var start = host.PeakMemoryBytes;
        using var response = await api.SendAsync(
            "gather", $$"""{"maxConcurrency":2,"calls":[{{string.Join(',', Enumerable.Repeat(call, Calls))}}]}""", accept: "application/x-ndjson");
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync());
        var indexes = new HashSet<int> { Index(await reader.ReadLineAsync()) };

        Assert.InRange(await upstream.Server.StallAsync(id), 1_000_000, OnTheWay);
        Assert.InRange(host.PeakMemoryBytes - start, 0, 160 * MiB);

        while (indexes.Count < Calls)
        {
            Assert.True(indexes.Add(Index(await reader.ReadLineAsync())));
        }

        Assert.StartsWith($$"""{"summary":{"succeeded":{{Calls}},""", await reader.ReadLineAsync(), StringComparison.Ordinal);
        Assert.Equal(Calls, upstream.Server.Requests(id).Count);
    }

    private static async Task ReadLinesAsync(StreamReader reader, int count)
    {
        for (var i = 0; i < count; i++)
        {
            var line = await reader.ReadLineAsync();
            Assert.StartsWith("""{"value":"x""", line, StringComparison.Ordinal);
            Assert.Equal("{\"value\":\"\"}".Length + LineCharacters, line!.Length);
        }
    }

    private static int Index(string? line)
    {
        var result = JsonElement.Parse(line!);
        Assert.Equal((int)HttpStatusCode.OK, result.GetProperty("result").GetProperty("status").GetInt32());
        return result.GetProperty("index").GetInt32();
    }
}
