using System.Buffers;
using System.Globalization;
using System.IO.Pipelines;
using System.Text;
using FunctionsApp.Core.Patterns.Map;
using FunctionsApp.Core.Problems;

namespace FunctionsApp.Core.Tests.Patterns.Map;

/// <summary>Maps of io operations: which calls run at once, how they end, and what waits for the reader.</summary>
public sealed class CallMapTests() : PatternTests(("Limits:MaxConcurrency", "150"))
{
    private MapService Service => Get<MapService>();

    [Theory]
    [InlineData("echo", """{"items":[1,"a",{"value":[2]},null]}""", """{"results":[1,"a",[2],null],"errors":[],"elapsedMs":0}""")]
    [InlineData("echo", """{"items":[]}""", """{"results":[],"errors":[],"elapsedMs":0}""")]
    [InlineData("delay", """{"items":[[0,1],[0,{"b":2}]],"starmap":true}""", """{"results":[1,{"b":2}],"errors":[],"elapsedMs":0}""")]
    [InlineData("echo", """{"items":[1,2.5,true],"reduce":"sum"}""", """{"result":4.5,"errors":[],"elapsedMs":0}""")]
    [InlineData("echo", """{"items":["a",null],"reduce":"count"}""", """{"result":2,"errors":[],"elapsedMs":0}""")]
    [InlineData("echo", """{"items":[3],"timeline":true}""",
        """{"results":[3],"errors":[],"timeline":[{"index":0,"startedMs":0,"finishedMs":0}],"elapsedMs":0}""")]
    public async Task The_response_is_written_by_the_contract(string operation, string request, string expected) =>
        Assert.Equal(expected, Json(await MapAsync(operation, request)));

    [Fact]
    public async Task Calls_start_in_order_and_at_most_maxConcurrency_run_at_once()
    {
        var map = MapAsync("probe", """{"items":["a","b","c","d"],"maxConcurrency":2}""");
        Await(() => Probe.Started.Count == 2);

        Probe.Succeed("b");
        Await(() => Probe.Started.Count == 3);
        Assert.Equal((2, "c"), (Probe.Running, Probe.Started.Last()));
        foreach (var name in (string[])["c", "a", "d"])
        {
            Probe.Succeed(name);
        }

        Assert.Equal("""["a","b","c","d"]""", (await map.WaitAsync(Limit)).Results!.ToElement().GetRawText());
    }

    [Fact]
    public void A_hundred_calls_run_at_once_by_default()
    {
        using var stop = new CancellationTokenSource();
        _ = Service.RunAsync("probe", Request($$"""{"items":[{{Names(150)}}]}"""), stop.Token);

        Await(() => Probe.Running == 100);
        stop.Cancel();
        Await(() => Probe.Running == 0);
        Assert.Equal(100, Probe.Started.Count);
    }

    [Fact]
    public async Task The_first_failure_is_the_response_only_when_the_others_have_stopped()
    {
        var lingering = new TaskCompletionSource();
        Probe.Lingering = lingering.Task;
        var map = MapAsync("probe", """{"items":["a","b","c","d"],"maxConcurrency":3}""");
        Await(() => Probe.Running == 3);
        Probe.Fail("b");
        Await(() => Probe.Cancelled.Count == 2);
        Assert.False(map.IsCompleted);
        lingering.SetResult();

        var (slug, problem) = await ProblemOf(map);
        Assert.Equal(("operation-failed", 1, 0), (slug, problem.Index, Probe.Running));
        Assert.Equal(["a", "b", "c"], Probe.Started);
    }

    [Fact]
    public async Task No_call_starts_if_an_item_is_invalid_and_the_problem_has_the_errors_of_all()
    {
        var (slug, problem) = await ProblemOf(MapAsync("probe", """{"items":["a",1,{"name":"b"},{"nam":"c"}]}"""));

        Assert.Equal(("invalid-request", 1), (slug, problem.Index));
        Assert.Equal(["/items/1", "/items/3/nam", "/items/3/name"], problem.Errors!.Keys.Order());
        Assert.Empty(Probe.Started);
    }

    [Fact]
    public async Task With_returnExceptions_failures_are_results()
    {
        var map = MapAsync("probe", """{"items":["a",7,"c"],"returnExceptions":true}""");
        Probe.Fail("c");
        Probe.Succeed("a");
        var response = await map.WaitAsync(Limit);

        Assert.Equal("""["a",null,null]""", response.Results!.ToElement().GetRawText());
        Assert.Equal([(1, "invalid-request"), (2, "operation-failed")], response.Errors.Select(static error => (error.Index, error.Error.Slug)));
    }

    [Fact]
    public async Task A_map_stops_after_more_than_maxFailures()
    {
        var map = MapAsync("probe", """{"items":["a","b","c"],"returnExceptions":true,"maxFailures":1}""");
        Await(() => Probe.Running == 3);
        Probe.Fail("c");
        Assert.False(map.IsCompleted);
        Probe.Fail("a");

        var (slug, problem) = await ProblemOf(map);
        Assert.Equal(("operation-failed", 0), (slug, problem.Index));
        Assert.Equal(["b"], Probe.Cancelled);
    }

    [Fact]
    public async Task A_timeout_stops_the_calls()
    {
        var map = MapAsync("probe", """{"items":["a","b","c"],"maxConcurrency":2,"timeoutSeconds":1,"returnExceptions":true}""");
        Await(() => Probe.Running == 2);
        Time.Advance(TimeSpan.FromSeconds(1));

        Assert.Equal("timeout", (await ProblemOf(map)).Slug);
        Assert.Equal((0, 2), (Probe.Running, Probe.Started.Count));
    }

    [Theory]
    [InlineData("echo", "\"workers\":2", "/workers", "is for cpu operations; 'echo' is an io operation: use maxConcurrency or maxPerSecond")]
    [InlineData("echo", "\"chunkSize\":2", "/chunkSize", "is for cpu operations; 'echo' is an io operation: use maxConcurrency or maxPerSecond")]
    [InlineData("math.square", "\"maxConcurrency\":2", "/maxConcurrency",
        "is for io operations; 'math.square' is a cpu operation: use workers or chunkSize")]
    [InlineData("math.square", "\"maxPerSecond\":2", "/maxPerSecond",
        "is for io operations; 'math.square' is a cpu operation: use workers or chunkSize")]
    [InlineData("echo", "\"maxConcurrency\":151", "/maxConcurrency", "must be at most 150 (Limits:MaxConcurrency)")]
    [InlineData("echo", "\"maxPerSecond\":0", "/maxPerSecond", "must be a number from 0.001 to 1000000")]
    public async Task An_option_of_the_other_kind_or_out_of_range_is_refused(string operation, string option, string pointer, string error)
    {
        var problem = (await Assert.ThrowsAsync<ProblemException>(() => MapAsync(operation, $$"""{"items":[1],{{option}}}"""))).Problem;

        Assert.Equal([(pointer, error)], problem.Errors!.Select(static entry => (entry.Key, Assert.Single(entry.Value))));
    }

    [Fact]
    public async Task A_result_that_is_no_number_cannot_be_summed() =>
        Assert.Equal("The result is not a number, so it cannot be reduced.",
            (await ProblemOf(MapAsync("echo", """{"items":[1,"a"],"reduce":"sum"}"""))).Problem.Detail);

    [Theory]
    [InlineData("true", "a b c")]
    [InlineData("false", "c a b")]
    public async Task A_stream_has_the_order_of_the_items_or_of_the_ends(string ordered, string expected)
    {
        var lines = CollectAsync("probe", $$"""{"ordered":{{ordered}}}""", "\"a\"\n\"b\"\n\"c\"\n");
        Await(() => Probe.Running == 3);
        foreach (var name in (string[])["c", "a", "b"])
        {
            Probe.Succeed(name);
        }

        Assert.Equal(
            [.. expected.Split(' ').Select(static name => $$"""{"index":{{name[0] - 'a'}},"result":"{{name}}"}"""), "3 0"],
            await lines.WaitAsync(Limit));
    }

    [Fact]
    public async Task A_line_of_a_stream_has_the_times_of_its_call_on_request()
    {
        var lines = CollectAsync("probe", """{"timeline":true,"returnExceptions":true}""", "\"a\"\n1\n");
        Await(() => Probe.Running == 1);
        Time.Advance(TimeSpan.FromSeconds(2));
        Probe.Succeed("a");

        var found = await lines.WaitAsync(Limit);
        Assert.Equal("""{"index":0,"result":"a","startedMs":0,"finishedMs":2000}""", found[0]);
        Assert.EndsWith(""","line":2},"startedMs":0,"finishedMs":0}""", found[1], StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_result_with_line_breaks_is_one_line() =>
        Assert.Equal(["""{"index":0,"result":{"a":[1,2]}}""", "1 0"], await ReadAsync(Service.StreamAsync(
            "echo", Request("{\"items\":[{\"value\":{\"a\":\n [1,\r\n2]}}]}"), default)));

    [Fact]
    public async Task A_failure_ends_a_stream_after_the_results_before_it()
    {
        var events = Service.StreamAsync("probe", Options("{}"), Lines("\"a\"\n\"b\"\n\"c\"\n"), default).GetAsyncEnumerator();
        var first = events.MoveNextAsync();
        Await(() => Probe.Running == 3);
        Probe.Succeed("a");
        Assert.True(await first.AsTask().WaitAsync(Limit));
        Probe.Fail("b");

        var problem = (await Assert.ThrowsAsync<ProblemException>(() => events.MoveNextAsync().AsTask().WaitAsync(Limit))).Problem;
        Assert.Equal(("operation-failed", 1, 2), (problem.Slug, problem.Index, problem.Line));
        Assert.Equal((0, "c"), (Probe.Running, Assert.Single(Probe.Cancelled)));
    }

    [Fact]
    public async Task A_slow_call_does_not_stop_the_others_within_the_window()
    {
        // The window is a thousand items, or ten times the calls at once.
        var lines = CollectAsync("probe", """{"maxConcurrency":2}""", string.Concat(Enumerable.Range(0, 1_500).Select(static i => $"\"{i}\"\n")));
        for (var i = 1; i < 1_000; i++)
        {
            Probe.Succeed(Name(i));
        }

        Await(() => Probe.Started.Count == 1_000);
        Assert.Equal(1, Probe.Running);
        for (var i = 1_000; i < 1_500; i++)
        {
            Probe.Succeed(Name(i));
        }

        Assert.Equal(1_000, Probe.Started.Count);
        Probe.Succeed("0");
        Assert.Equal("1500 0", (await lines.WaitAsync(Limit))[^1]);
    }

    [Fact]
    public async Task Calls_wait_for_a_reader_that_takes_no_results()
    {
        // 100 kB each: 4 MiB of them wait for the reader, and no more calls start.
        var line = Encoding.UTF8.GetBytes($"\"{new string('a', 100_000)}\"\n");
        using var body = new RepeatedStream(line, 500);
        await using var events = Service.StreamAsync("echo", Options("{}"), PipeReader.Create(body), default).GetAsyncEnumerator();
        Assert.True(await events.MoveNextAsync());

        // echo ends at once, so what could be computed has been.
        Assert.InRange(body.Position, 41 * line.Length, 50 * line.Length);
    }

    [Fact]
    public async Task A_reader_that_leaves_stops_the_calls()
    {
        var events = Service.StreamAsync("probe", Options("{}"), Lines("\"a\"\n\"b\"\n"), default).GetAsyncEnumerator();
        var first = events.MoveNextAsync();
        Await(() => Probe.Running == 2);
        Probe.Succeed("a");
        Assert.True(await first.AsTask().WaitAsync(Limit));
        await events.DisposeAsync().AsTask().WaitAsync(Limit);

        Assert.Equal((0, "b"), (Probe.Running, Assert.Single(Probe.Cancelled)));
    }

    [Fact]
    public async Task Starts_are_spread_evenly_by_maxPerSecond()
    {
        var map = MapAsync("probe", """{"items":["a","b","c"],"maxPerSecond":0.5}""");
        foreach (var started in (int[])[1, 2, 3])
        {
            Await(() => Probe.Started.Count == started);
            Await(() => started == 3 || Time.Timers == 2);
            Time.Advance(TimeSpan.FromMilliseconds(1_999));
            Assert.Equal(started, Probe.Started.Count);
            Time.Advance(TimeSpan.FromMilliseconds(1));
        }

        foreach (var name in (string[])["a", "b", "c"])
        {
            Probe.Succeed(name);
        }

        await map.WaitAsync(Limit);
    }

    private static void Await(Func<bool> condition) => Assert.True(SpinWait.SpinUntil(condition, Limit));

    private static string Names(int count) => string.Join(',', Enumerable.Range(0, count).Select(static i => $"\"{Name(i)}\""));

    private static string Name(int i) => i.ToString(CultureInfo.InvariantCulture);

    private static PipeReader Lines(string body) => PipeReader.Create(new ReadOnlySequence<byte>(Encoding.UTF8.GetBytes(body)));

    private Task<MapResponse> MapAsync(string operation, string request) => Service.RunAsync(operation, Request(request), default);

    private Task<List<string>> CollectAsync(string operation, string options, string body) =>
        ReadAsync(Service.StreamAsync(operation, Options(options), Lines(body), default));

    /// <summary>Returns the lines, and the counts of the summary.</summary>
    private static async Task<List<string>> ReadAsync(IAsyncEnumerable<MapEvent> events)
    {
        var lines = new List<string>();
        await foreach (var part in events)
        {
            lines.AddRange(Encoding.UTF8.GetString(part.Lines.Span).Split('\n', StringSplitOptions.RemoveEmptyEntries));
            if (part.Summary is { } summary)
            {
                Assert.Null(summary.Workers);
                lines.Add(string.Create(CultureInfo.InvariantCulture, $"{summary.Succeeded} {summary.Failed}"));
            }
        }

        return lines;
    }

    private MapRequest Request(string request) => Get<MapRequestReader>().Read<MapRequest>(Encoding.UTF8.GetBytes(request));

    private MapOptions Options(string options) => Read<MapOptions>(options);
}
