using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using FunctionsApp.IntegrationTests.Hosting;

namespace FunctionsApp.IntegrationTests;

/// <summary>Maps whose items arrive while they are computed, and whose results leave as they come.</summary>
[Collection(FunctionsAppCollection.Name)]
public sealed class MapStreamTests(FunctionsAppFixture app)
{
    private const int MiB = 1024 * 1024;
    private const string Forwarded = "The platform passes an answer on when the upload is complete.";

    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    [LocalHostFact(Forwarded)]
    public async Task Each_line_has_its_result_while_the_upload_still_runs()
    {
        using var upload = await Upload.StartAsync(app.Api, "map/math.square");
        await upload.SendAsync("0\n");
        Assert.Equal(HttpStatusCode.OK, await upload.ReadHeadAsync());
        Assert.Equal("""{"index":0,"result":0}""", await upload.ReadLineAsync());
        for (var i = 1; i < 100; i++)
        {
            await upload.SendAsync(string.Create(CultureInfo.InvariantCulture, $"{i}\n"));
            Assert.Equal(string.Create(CultureInfo.InvariantCulture, $$"""{"index":{{i}},"result":{{i * i}}}"""), await upload.ReadLineAsync());
        }

        await upload.EndAsync();
        Assert.StartsWith("""{"summary":{"succeeded":100,"failed":0,"workers":""", await upload.ReadLineAsync(), StringComparison.Ordinal);
        Assert.Null(await upload.ReadLineAsync());
    }

    [LocalHostFact(Forwarded)]
    public async Task A_result_arrives_while_a_later_call_still_runs() => await ReadQuickResultAsync(ordered: "true", quick: 0, slow: 1);

    [LocalHostFact(Forwarded)]
    public async Task Out_of_order_a_result_arrives_while_an_earlier_call_still_runs() =>
        await ReadQuickResultAsync(ordered: "false", quick: 1, slow: 0);

    [Theory]
    [InlineData("application/ndjson")]
    [InlineData("application/jsonl")]
    [InlineData("application/jsonlines; charset=UTF8")]
    [InlineData("application/x-ndjson; charset=\"utf8\"")]
    public async Task Ndjson_has_other_names(string type)
    {
        using var map = await app.Api.SendAsync("map/math.square", "2\n", type, type);
        using var gather = await app.Api.SendAsync("gather", """{"calls":[{"operation":"echo","input":{"value":1}}]}""", accept: type);

        Assert.StartsWith("""{"index":0,"result":4}""", await map.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        Assert.Equal(("application/x-ndjson", "application/x-ndjson"), (map.Content.Headers.ContentType?.ToString(), gather.Content.Headers.ContentType?.ToString()));
    }

    [Fact]
    public async Task Many_lines_have_their_results_in_order()
    {
        const int Items = 200_000;
        using var response = await app.Api.SendAsync("map/math.square", Encoding.UTF8.GetString(Lines(Items)), "application/x-ndjson");
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync());
        for (var i = 0L; i < Items; i++)
        {
            Assert.Equal(string.Create(CultureInfo.InvariantCulture, $$"""{"index":{{i}},"result":{{i * i}}}"""), await reader.ReadLineAsync());
        }

        Assert.StartsWith("""{"summary":{"succeeded":200000,"failed":0,""", await reader.ReadLineAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Results_are_streamed_as_numbered_events()
    {
        using var response = await app.Api.SendAsync("map/math.square?chunkSize=2", "2\n3\n\n4\n", "application/x-ndjson", "text/event-stream");

        Assert.Equal("text/event-stream", response.Content.Headers.ContentType!.MediaType);
        Assert.Matches(
            """^id: 0\ndata: \{"index":0,"result":4\}\n\nid: 1\ndata: \{"index":1,"result":9\}\n\nid: 2\ndata: \{"index":2,"result":16\}\n\nevent: summary\ndata: \{"succeeded":3,[^\n]*\}\n\n$""",
            await response.Content.ReadAsStringAsync());
    }

    [Theory]
    [InlineData("application/x-ndjson", """^\{"index":0,"result":4\}\n\{"index":1,"error":\{.*\}\}\n\{"summary":\{"succeeded":1,"failed":1,.*\}\}\n$""")]
    [InlineData("text/event-stream", """^id: 0\ndata: \{"index":0,"result":4\}\n\nid: 1\ndata: \{"index":1,"error":\{.*\}\}\n\nevent: summary\ndata: \{.*\}\n\n$""")]
    public async Task Items_of_JSON_are_streamed_on_request(string accept, string expected)
    {
        using var response = await app.Api.SendAsync("map/math.square", """{"items":[2,"x"],"returnExceptions":true}""", accept: accept);

        Assert.Equal(accept, response.Content.Headers.ContentType!.MediaType);
        Assert.Matches(expected, await response.Content.ReadAsStringAsync());
    }

    [Theory]
    [InlineData("starmap=true&workers=1&chunkSize=1&ordered=false&timeoutSeconds=9.5", "[2,3]", """{"index":0,"result":8}""")]
    [InlineData("returnExceptions=true&maxFailures=1&code=secret", "}", """{"index":0,"error":{"type":"/problems/malformed-json",""")]
    [InlineData("starmap=true&reduce=sum", "[2,3]\n[1,1]", """{"summary":{"succeeded":2,"failed":0,"workers":""")]
    public async Task Options_are_in_the_query(string query, string body, string start)
    {
        using var response = await app.Api.SendAsync("map/math.pow?" + query, body, "application/x-ndjson; charset=utf-8");

        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.StartsWith(start, await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("chunkSize=0", "/chunkSize")]
    [InlineData("chunkSize=1&chunkSize=2", "/chunkSize")]
    [InlineData("workers=many&maxFailures=-1", "/workers /maxFailures")]
    [InlineData("ordered=yes", "/ordered")]
    [InlineData("reduce=avg", "/reduce")]
    [InlineData("timeoutSeconds=0", "/timeoutSeconds")]
    [InlineData("items=1", "/items")]
    [InlineData("chunksize=1", "/chunksize")]
    [InlineData("a~b%2Fc=1", "/a~0b~1c")]
    public async Task An_invalid_option_is_named(string query, string errors)
    {
        var response = await ApiResponse.ReadAsync(await app.Api.SendAsync("map/math.square?" + query, "1\n", "application/x-ndjson"));

        Assert.Equal(HttpStatusCode.UnprocessableEntity, response.Status);
        Assert.Equal("invalid-request", response.Problem);
        Assert.Equal(errors.Split(' '), response.ValidationErrors);
    }

    [Theory]
    [InlineData("map/math.sqare", "1\n", "application/x-ndjson", 404, "unknown-operation")]
    [InlineData("map/greet", "1\n", "application/x-ndjson", 422, "wrong-kind")]
    [InlineData("map/math.square", "1\n", "application/x-ndjson; charset=utf-16", 415, "unsupported-media-type")]
    [InlineData("map/math.square", "}\n", "application/x-ndjson", 400, "malformed-json")]
    [InlineData("map/math.square", "\"x\"\n", "application/x-ndjson", 422, "invalid-request")]
    [InlineData("map/math.pow?starmap=true", "[0,-1]\n", "application/x-ndjson", 500, "operation-failed")]
    public async Task An_error_before_the_first_result_has_a_status_of_its_own(string path, string body, string contentType, int status, string slug)
    {
        var response = await ApiResponse.ReadAsync(await app.Api.SendAsync(path, body, contentType));

        Assert.Equal(status, (int)response.Status);
        Assert.Equal(slug, response.Problem);
    }

    [LocalHostFact(Forwarded)]
    public async Task An_error_after_the_first_result_is_the_last_line()
    {
        using var upload = await Upload.StartAsync(app.Api, "map/math.square");
        await upload.SendAsync("2\n");
        Assert.Equal(HttpStatusCode.OK, await upload.ReadHeadAsync());
        Assert.Equal("""{"index":0,"result":4}""", await upload.ReadLineAsync());
        await upload.SendAsync("\n1 2\n3\n");

        Assert.Matches("""^\{"error":\{"type":"/problems/malformed-json",.*"line":3,"position":3,"index":1\}\}$""", await upload.ReadLineAsync());
        Assert.Null(await upload.ReadLineAsync());
    }

    /// <summary>
    /// Such a client has not read anything by the time that the server is done with it; and the server had stopped reading,
    /// as the first item takes longer than the others take to arrive.
    /// </summary>
    [OwnHostFact]
    public async Task The_error_reaches_a_client_that_sends_all_before_it_reads()
    {
        using var upload = await Upload.StartAsync(app.Api, "map/primes.count?workers=1");
        await upload.SendAsync("{\"from\":0,\"to\":300000000}\n}\n");

        await upload.SendAllAsync(Lines(20_000), 200).WaitAsync(Limit);

        Assert.Equal(HttpStatusCode.OK, await upload.ReadHeadAsync());
        Assert.Equal("""{"index":0,"result":16252325}""", await upload.ReadLineAsync());
        Assert.StartsWith("""{"error":{"type":"/problems/malformed-json",""", await upload.ReadLineAsync(), StringComparison.Ordinal);
    }

    [LocalHostFact(Forwarded)]
    public async Task A_client_that_does_not_read_blocks_its_upload_until_it_reads()
    {
        const int Pieces = 200;
        using var upload = await Upload.StartAsync(app.Api, "map/math.square");
        var sending = upload.SendAllAsync(Lines(20_000), Pieces);

        var sent = await upload.StallAsync();

        Assert.False(sending.IsCompleted);
        Assert.InRange(sent, 1, 16 * MiB);
        Assert.Equal(HttpStatusCode.OK, await upload.ReadHeadAsync());
        var (lines, end) = await upload.ReadToEndAsync();
        await sending;
        Assert.Equal((Pieces * 20_000) + 1, lines);
        Assert.Contains("""{"summary":{"succeeded":4000000,"failed":0,""", end, StringComparison.Ordinal);
    }

    [LocalHostFact("The platform takes in the whole upload, up to a limit of its own.")]
    public async Task A_client_that_neither_reads_nor_leaves_is_disconnected_after_the_timeout()
    {
        using var upload = await Upload.StartAsync(app.Api, "map/math.square?timeoutSeconds=1");

        await Assert.ThrowsAsync<SocketException>(() => upload.SendAllAsync(Lines(20_000), 2_000).WaitAsync(Limit));
    }

    /// <summary>All cores compute something endless for a client that goes away; then another has them all.</summary>
    [LocalHostFact(Forwarded)]
    public async Task A_disconnect_during_an_upload_frees_the_cores()
    {
        using (var upload = await Upload.StartAsync(app.Api, "map/primes.count"))
        {
            await upload.SendAsync("{\"from\":0,\"to\":2}\n");
            Assert.Equal(HttpStatusCode.OK, await upload.ReadHeadAsync());
            Assert.StartsWith("""{"index":0,""", await upload.ReadLineAsync(), StringComparison.Ordinal);
            await upload.SendAsync(string.Concat(Enumerable.Repeat("{\"from\":0,\"to\":1000000000000}\n", 200)));
        }

        const string Item = """{"from":0,"to":1000}""";
        var next = await app.Api.PostAsync("map/primes.count", $$"""{"items":[{{Item}},{{Item}},{{Item}},{{Item}}],"chunkSize":1,"reduce":"sum"}""").WaitAsync(Limit);

        Assert.Equal(672, next["result"].GetInt32());
    }

    [OwnHostFact(Needs.Linux)]
    public async Task Twenty_times_as_many_lines_take_no_more_memory()
    {
        var small = await PeakAsync(300_000);

        // All of the lines, their positions and their results are some 250 MiB. When the collector runs makes a difference of up
        // to 80 MiB between two hosts.
        Assert.InRange(await PeakAsync(6_000_000) - small, -128 * MiB, 128 * MiB);
    }

    private async Task ReadQuickResultAsync(string ordered, int quick, int slow)
    {
        using var upload = await Upload.StartAsync(app.Api, $"map/delay?ordered={ordered}");
        var lines = new string[2];
        (lines[quick], lines[slow]) = ("{\"seconds\":0,\"result\":7}\n", "{\"seconds\":3600}\n");
        await upload.SendAsync(string.Concat(lines));

        Assert.Equal(HttpStatusCode.OK, await upload.ReadHeadAsync());
        Assert.Equal($$"""{"index":{{quick}},"result":7}""", await upload.ReadLineAsync());
    }

    private static async Task<long> PeakAsync(int items)
    {
        await using var host = await Hosts.StartAsync(AppHost.FrequentCollection);
        using var api = host.Connect();
        using var upload = await Upload.StartAsync(api, "map/math.square");
        var sending = upload.SendAllAsync(Lines(20_000), items / 20_000);
        Assert.Equal(HttpStatusCode.OK, await upload.ReadHeadAsync());
        Assert.Equal(items + 1, (await upload.ReadToEndAsync()).Lines);
        await sending;
        return host.PeakMemoryBytes;
    }

    /// <summary>0, 1, 2, …, each on a line.</summary>
    private static byte[] Lines(int count) => Encoding.UTF8.GetBytes(
        string.Concat(Enumerable.Range(0, count).Select(static i => string.Create(CultureInfo.InvariantCulture, $"{i}\n"))));
}
