using System.Buffers;
using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.IO.Pipelines;
using System.Text;
using System.Text.Json;
using FsCheck;
using FsCheck.Fluent;
using FunctionsApp.Core.Cpu;
using FunctionsApp.Core.Json;
using FunctionsApp.Core.Json.Schema;
using FunctionsApp.Core.Patterns.Map;
using FunctionsApp.Core.Problems;
using FunctionsApp.Core.Telemetry;
using Microsoft.Extensions.DependencyInjection;

namespace FunctionsApp.Core.Tests.Patterns.Map;

/// <summary>Maps whose items arrive while they are computed, and whose results leave as they come.</summary>
public sealed class MapStreamTests : MapTests
{
    private const int MiB = 1024 * 1024;

    private readonly ManualResetEventSlim _gate = new();

    private static readonly Gen<Plan> Plans =
        from spins in Gen.Frequency((8, Gen.Choose(0, 200)), (1, Gen.Choose(0, 10_000)), (1, Gen.Choose(10_000, 60_000))).ListOf()
        from chunkSize in Gen.Frequency((2, Gen.Constant("")), (1, Gen.Choose(1, 5).Select(static size => $",\"chunkSize\":{size}")))
        from pieces in Gen.Choose(1, 40).ListOf()
        from isJson in Gen.Elements(true, false)
        select new Plan([.. spins], chunkSize, [.. pieces], isJson);

    private MapService Service => Services.GetRequiredService<MapService>();

    [Theory]
    [InlineData("math.square", "{}", "2\n{\"x\":3}\n\n 4 \r\n", "4 9 16")]
    [InlineData("math.square", "{}", "", "")]
    [InlineData("math.square", "{}", "\n\n", "")]
    [InlineData("math.square", "{}", "7", "49")]
    [InlineData("math.pow", """{"starmap":true}""", "[2,3]\n[2,0.5]\n", "8 1.4142135623730951")]
    [InlineData("stats.describe", "{}", "[1,3]\n", """{"count":2,"mean":2,"standardDeviation":1.4142135623730951,"min":1,"p25":1.5,"median":2,"p75":2.5,"max":3}""")]
    public async Task Each_line_has_its_index_and_its_result(string operation, string options, string body, string results)
    {
        var response = await MapAsync(operation, options, body);

        Assert.Equal(
            results.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(static (result, index) => $$"""{"index":{{index}},"result":{{result}}}"""), response.Lines);
        Assert.Equal(new MapSummary(response.Lines.Count, 0, 2, 0, null), response.Summary);
    }

    [Fact]
    public async Task The_chunks_are_sent_on_request()
    {
        var (chunks, items) = (new List<MapChunk>(), 0L);
        await foreach (var part in Service.StreamAsync("math.square", Request("""{"items":[1,2,3,4,5],"chunkSize":2,"timeline":true}"""), default))
        {
            if (part.Chunk is { } chunk)
            {
                // The lines of its items have come before.
                Assert.Equal(items, chunk.From + chunk.Count);
                chunks.Add(chunk);
            }

            items += part.Lines.Span.Count((byte)'\n');
        }

        Assert.Equal([(0, 2), (2, 2), (4, 1)], chunks.Select(static chunk => (chunk.From, chunk.Count)));
        Assert.All(chunks, static chunk => Assert.InRange(chunk.Worker, 0, 1));
    }

    [Fact]
    public async Task Items_of_JSON_have_the_same_lines()
    {
        var response = await CollectAsync(Service.StreamAsync("math.square", Request("""{"items":[2,{"x":3}]}"""), default));

        Assert.Equal(["""{"index":0,"result":4}""", """{"index":1,"result":9}"""], response.Lines);
        Assert.Equal(new MapSummary(2, 0, 2, 0, null), response.Summary);
    }

    [Fact]
    public void Many_items_of_JSON_are_checked_before_the_first_result() =>
        Assert.Equal("/problems/malformed-json", Assert.Throws<ProblemException>(
            () => { Service.StreamAsync("math.square", Request($$"""{"items":{{Items(10_000)[..^1]}},x]}"""), default); }).Problem.Type);

    [Fact]
    public async Task No_items_of_JSON_have_a_summary() =>
        Assert.Equal(new MapSummary(0, 0, 2, 0, null), (await CollectAsync(Service.StreamAsync("math.square", Request("""{"items":[]}"""), default))).Summary);

    [Fact]
    public async Task The_summary_is_written_by_the_contract() =>
        Assert.Equal(
            """{"succeeded":1,"failed":1,"workers":2,"elapsedMs":0}""",
            Write((await MapAsync("math.square", """{"returnExceptions":true}""", "1\nx\n")).Summary));

    [Theory]
    [InlineData("sum", "17")]
    [InlineData("min", "1")]
    [InlineData("max", "16")]
    [InlineData("count", "2")]
    public async Task A_reduced_stream_has_errors_for_lines_and_its_result_in_the_summary(string reduce, string expected)
    {
        var response = await MapAsync("math.square", $$"""{"reduce":"{{reduce}}","returnExceptions":true}""", "1\ntwo\n4\n");

        Assert.StartsWith("""{"index":1,"error":{"type":"/problems/malformed-json",""", Assert.Single(response.Lines), StringComparison.Ordinal);
        Assert.Equal($$"""{"succeeded":2,"failed":1,"workers":2,"elapsedMs":0,"result":{{expected}}}""", Write(response.Summary));
    }

    [Theory]
    [InlineData("sum", "0")]
    [InlineData("min", "null")]
    [InlineData("count", "0")]
    public async Task A_reduction_of_no_lines_has_its_neutral_value(string reduce, string expected) =>
        Assert.Equal(
            $$"""{"succeeded":0,"failed":0,"workers":2,"elapsedMs":0,"result":{{expected}}}""",
            Write((await MapAsync("math.square", $$"""{"reduce":"{{reduce}}"}""", "")).Summary));

    [Fact]
    public async Task A_sum_of_many_lines_is_exact()
    {
        Settings = [("Cpu:Threads", "4")];

        Assert.Equal("4999950000", (await MapAsync("test.number", """{"reduce":"sum"}""", Body(100_000))).Summary!.Result.ToString());
    }

    [Theory]
    [InlineData("null", "Line 2 must be a number, not null.")]
    [InlineData("{}", "/x is required.")]
    public async Task An_invalid_line_is_named_by_its_number(string line, string detail) =>
        Assert.Equal(detail, Problem(await MapAsync("math.square", """{"returnExceptions":true}""", $"1\n{line}\n"), 1).GetProperty("detail").GetString());

    [Theory]
    [InlineData("1,\"y\":2", "malformed-json", 2, 2L)]
    [InlineData("1 2", "malformed-json", 2, 3L)]
    [InlineData("}", "malformed-json", 2, 1L)]
    [InlineData("{\"x\":1}}", "malformed-json", 2, 8L)]
    [InlineData("{\"x\":1", "malformed-json", 2, 7L)]
    [InlineData("\"abc", "malformed-json", 2, null)]
    [InlineData("tru", "malformed-json", 2, null)]
    [InlineData("[1", "malformed-json", 2, null)]
    [InlineData("01", "malformed-json", 2, null)]
    [InlineData("//", "malformed-json", 2, null)]
    [InlineData("\uFEFF1", "malformed-json", 2, 1L)]
    [InlineData("1\u00001", "malformed-json", 2, 2L)]
    [InlineData("[[[[[[[[[1]]]]]]]]]", "invalid-request", 2, null, "")]
    [InlineData("{\"x\":[[[[[[[[1]]]]]]]]}", "invalid-request", 2, null, "/x")]
    [InlineData("1e999", "invalid-request", 2, null, "")]
    [InlineData("{\"x\":-1e999}", "invalid-request", 2, null, "/x")]
    [InlineData("null", "invalid-request", 2, null, "")]
    [InlineData("\"1\"", "invalid-request", 2, null, "")]
    [InlineData("\"\\ud800\"", "invalid-request", 2, null, "")]
    [InlineData("{}", "invalid-request", 2, null, "/x")]
    [InlineData("{\"x\":1,\"x\":2}", "invalid-request", 2, null, "/x")]
    [InlineData("{\"x\":1,\"z\":2}", "invalid-request", 2, null, "/z")]
    public async Task An_invalid_line_is_reported_with_its_index_its_line_and_the_position_or_the_error(
        string line, string slug, int number, long? position, string? error = null)
    {
        var problem = Problem(await MapAsync("math.square", """{"returnExceptions":true}""", $"1\n{line}\n3\n"), 1);

        Assert.Equal(("/problems/" + slug, number), (problem.GetProperty("type").GetString(), problem.GetProperty("line").GetInt32()));
        Assert.Equal(error, problem.TryGetProperty("errors", out var errors) ? errors.EnumerateObject().First().Name : null);
        if (position is not null)
        {
            Assert.Equal(position, problem.GetProperty("position").GetInt64());
        }
    }

    [Fact]
    public async Task A_line_nests_as_deep_as_the_limit_and_no_deeper()
    {
        Settings = [("Limits:MaxDepth", "4"), ("Cpu:Threads", "2")];

        var response = await MapAsync("math.pow", """{"starmap":true,"returnExceptions":true}""", "[[[[1]]],2]\n[[[[[1]]]],2]\n");

        Assert.Equal("/problems/invalid-request", Problem(response, 0).GetProperty("type").GetString());
        Assert.Equal(("/problems/too-large", 2), (Problem(response, 1).GetProperty("type").GetString(), Problem(response, 1).GetProperty("line").GetInt32()));
    }

    [Theory]
    [InlineData(new byte[] { (byte)'"', 0xFF, (byte)'"' }, 2)]
    [InlineData(new byte[] { (byte)'"', 0xC3, 0xA9, 0xC3 }, 4)]
    [InlineData(new byte[] { 0xED, 0xA0, 0x80 }, 1)]
    public async Task A_line_that_is_not_UTF_8_is_one_failed_item(byte[] line, long position)
    {
        var response = await MapAsync("text.count", """{"returnExceptions":true}""", [.. "\"a\"\n"u8, .. line, .. "\n\"b\""u8]);

        Assert.Equal(
            ("/problems/malformed-json", 2L, position),
            (Problem(response, 1).GetProperty("type").GetString(), Problem(response, 1).GetProperty("line").GetInt64(), Problem(response, 1).GetProperty("position").GetInt64()));
        Assert.Equal((2, 1), (response.Summary!.Succeeded, response.Summary.Failed));
    }

    [Fact]
    public async Task A_line_that_is_too_long_is_one_failed_item()
    {
        Settings = [("Limits:MaxRequestBytes", "1024"), ("Cpu:Threads", "2")];

        var response = await MapAsync("test.number", """{"returnExceptions":true}""", $"1\n{new string(' ', 1_023)}2\n{new string(' ', 1_024)}3\n4\n");

        Assert.Equal("""{"index":1,"result":2}""", response.Lines[1]);
        Assert.Equal("Line 3 is longer than 1024 bytes (Limits:MaxRequestBytes).", Problem(response, 2).GetProperty("detail").GetString());
        Assert.Equal("""{"index":3,"result":4}""", response.Lines[3]);
    }

    [Fact]
    public async Task An_operations_own_error_has_its_line()
    {
        var problem = Problem(await MapAsync("math.pow", """{"starmap":true,"returnExceptions":true}""", "[1,1]\n\n[0,-1]\n"), 1);

        Assert.Equal(("/problems/operation-failed", 3), (problem.GetProperty("type").GetString(), problem.GetProperty("line").GetInt32()));
    }

    [Fact]
    public async Task The_errors_of_an_item_of_JSON_have_the_pointer_of_the_item()
    {
        var response = await CollectAsync(Service.StreamAsync("math.square", Request("""{"items":[1,"2",{"x":null}],"returnExceptions":true}"""), default));

        Assert.Equal("/items/1", Problem(response, 1).GetProperty("errors").EnumerateObject().Single().Name);
        Assert.Equal("/items/2/x", Problem(response, 2).GetProperty("errors").EnumerateObject().Single().Name);
    }

    [Theory]
    [InlineData(1, "")]
    [InlineData(2, "")]
    [InlineData(4, "")]
    [InlineData(4, ",\"chunkSize\":1")]
    [InlineData(4, ",\"chunkSize\":7")]
    [InlineData(4, ",\"chunkSize\":10000")]
    public async Task The_first_invalid_line_ends_the_map_after_the_results_before_it(int threads, string options)
    {
        Settings = [("Cpu:Threads", threads.ToString(CultureInfo.InvariantCulture))];
        Hook.Number = static (input, _) =>
        {
            Thread.SpinWait((int)(input.X.AsInteger * 7_919 % 3_000));
            return input.X;
        };

        var response = await MapAsync("test.number", $$"""{"ordered":true{{options}}}""", Body(700) + "}\n" + Body(50) + "x\n" + Body(3_000) + "\"");

        Assert.Equal(Enumerable.Range(0, 700).Select(Result), response.Lines);
        Assert.Equal(("/problems/malformed-json", 700L, 701L), (response.Problem!.Type, response.Problem.Index, response.Problem.Line));
        Assert.Null(response.Summary);
    }

    [Fact]
    public async Task Partial_output_of_a_failed_item_is_not_sent()
    {
        var response = await MapAsync("test.record", """{"returnExceptions":true,"chunkSize":3,"workers":1}""", "1\n0\n2\n");

        Assert.Equal("""{"index":0,"result":{"name":"n","value":1}}""", response.Lines[0]);
        Assert.StartsWith("""{"index":1,"error":{""", response.Lines[1], StringComparison.Ordinal);
        Assert.Equal("""{"index":2,"result":{"name":"n","value":0.5}}""", response.Lines[2]);
    }

    [Fact]
    public async Task After_a_failure_nothing_more_is_computed_or_read()
    {
        Hook.Number = static (input, _) => input.X.AsInteger == 3 ? throw new OperationException("No.") : input.X;
        var body = Long();

        var response = await CollectAsync(Service.StreamAsync("test.number", Options("{}"), body, default));

        Assert.Equal(("/problems/operation-failed", 3L), (response.Problem!.Type, response.Problem.Index));
        Assert.InRange(body.BytesRead, 1, 16 * MiB);
        await NothingRunsAsync(body);
    }

    [Theory]
    [InlineData(0, 1, false)]
    [InlineData(1, 1, true)]
    [InlineData(2, 3, false)]
    [InlineData(3, 3, true)]
    public async Task Up_to_maxFailures_lines_may_fail(int maxFailures, int failing, bool responses)
    {
        Hook.Number = (input, _) => input.X.AsInteger < failing ? throw new OperationException("No.") : input.X;

        var response = await MapAsync("test.number", $$"""{"returnExceptions":true,"maxFailures":{{maxFailures}}}""", Body(10));

        Assert.Equal(responses, response.Problem is null);
        Assert.Equal(responses, response.Summary is not null);
    }

    [Fact]
    public async Task Order_is_kept_for_items_of_any_duration()
    {
        Settings = [("Cpu:Threads", "4")];
        await CheckAsync(true, static (plan, response) => Assert.Equal(Enumerable.Range(0, plan.Spins.Count).Select(Result), response.Lines));
    }

    [Fact]
    public async Task Without_order_every_item_has_one_result()
    {
        Settings = [("Cpu:Threads", "4")];
        await CheckAsync(false, static (plan, response) => Assert.Equal(
            Enumerable.Range(0, plan.Spins.Count).Select(Result).Order(StringComparer.Ordinal), response.Lines.Order(StringComparer.Ordinal)));
    }

    [Theory]
    [InlineData("""{"ordered":false}""", true)]
    [InlineData("""{"ordered":true}""", false)]
    public async Task Only_without_order_completed_items_come_before_a_slow_one(string options, bool comes)
    {
        Hook.Number = (input, token) => input.X.AsInteger == 0 ? Hold(token) : input.X;
        await using var events = Service.StreamAsync("test.number", Options(options), Whole("0\n1\n"u8.ToArray()), default).GetAsyncEnumerator();

        var first = events.MoveNextAsync().AsTask();
        if (comes)
        {
            Assert.True(await first.WaitAsync(Patience));
            Assert.Equal(Result(1) + "\n", Encoding.UTF8.GetString(events.Current.Lines.Span));
            _gate.Set();
        }
        else
        {
            // The other worker has had its turn, and the stream still waits.
            await Services.GetRequiredService<CpuScheduler>().ComputeAsync(static _ => 0, default).WaitAsync(Patience);
            Assert.False(first.IsCompleted);
            _gate.Set();
            Assert.True(await first.WaitAsync(Patience));
            Assert.Equal(Result(0) + "\n", Encoding.UTF8.GetString(events.Current.Lines.Span));
        }
    }

    [Fact]
    public async Task A_result_is_sent_while_the_body_is_still_open()
    {
        var pipe = new Pipe();
        await using var events = Service.StreamAsync("math.square", Options("{}"), pipe.Reader, default).GetAsyncEnumerator();
        for (var i = 0; i < 100; i++)
        {
            await pipe.Writer.WriteAsync(Encoding.UTF8.GetBytes($"{i}\n"));
            Assert.True(await events.MoveNextAsync().AsTask().WaitAsync(Patience));
            Assert.Equal($$"""{"index":{{i}},"result":{{i * i}}}""" + "\n", Encoding.UTF8.GetString(events.Current.Lines.Span));
        }

        await pipe.Writer.CompleteAsync();
        Assert.True(await events.MoveNextAsync().AsTask().WaitAsync(Patience));
        Assert.Equal(100, events.Current.Summary!.Succeeded);
        Assert.False(await events.MoveNextAsync());
    }

    [Fact]
    public async Task Chunks_have_the_requested_size()
    {
        var counts = new List<int>();
        await foreach (var part in Service.StreamAsync("math.square", Options("""{"chunkSize":3,"workers":1}"""), Whole("1\n2\n3\n4\n5\n6\n7\n"u8.ToArray()), default))
        {
            counts.Add(part.Lines.Span.Count((byte)'\n'));
        }

        Assert.Equal([3, 3, 1, 0], counts);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task No_more_items_are_computed_at_once_than_there_are_workers(int workers)
    {
        Settings = [("Cpu:Threads", "4")];
        var (running, most) = (0, 0);
        Hook.Number = (input, _) =>
        {
            InterlockedMax(ref most, Interlocked.Increment(ref running));
            Thread.SpinWait(2_000);
            Interlocked.Decrement(ref running);
            return input.X;
        };

        var response = await MapAsync("test.number", $$"""{"workers":{{workers}},"chunkSize":1}""", Body(500));

        Assert.Equal(workers, response.Summary!.Workers);
        Assert.InRange(most, 1, workers);
    }

    [Fact]
    public async Task All_workers_compute_at_once()
    {
        Settings = [("Cpu:Threads", "3")];
        using var barrier = new Barrier(3);
        Hook.Number = (_, token) => barrier.SignalAndWait(Patience, token) ? 1L : 0L;

        Assert.Equal(["""{"index":0,"result":1}""", """{"index":1,"result":1}""", """{"index":2,"result":1}"""], (await MapAsync("test.number", "{}", "0\n0\n0\n")).Lines);
    }

    [Theory]
    [InlineData("true")]
    [InlineData("false")]
    public async Task While_results_are_not_read_computing_and_reading_pause_and_then_resume(string ordered)
    {
        const int Lines = 1_500_000;
        var computed = 0L;
        Hook.Number = (input, _) =>
        {
            Interlocked.Increment(ref computed);
            return input.X;
        };
        var body = Long(Lines);
        await using var events = Service.StreamAsync("test.number", Options($$"""{"ordered":{{ordered}}}"""), body, default).GetAsyncEnumerator();
        Assert.True(await events.MoveNextAsync().AsTask().WaitAsync(Patience));
        var lines = (long)events.Current.Lines.Span.Count((byte)'\n');

        await StallAsync(() => Interlocked.Read(ref computed) + body.BytesRead);

        // 4 MiB of lines of at least 22 bytes, and what the workers had begun; 1 MiB of items, and what the pipe had handed over.
        Assert.InRange(computed, 1, (6 * MiB) / 22);
        Assert.InRange(body.BytesRead, 1, 8 * MiB);
        while (await events.MoveNextAsync() && events.Current.Summary is null)
        {
            lines += events.Current.Lines.Span.Count((byte)'\n');
        }

        Assert.Equal((Lines, Lines), (lines, events.Current.Summary!.Succeeded));
    }

    [Fact]
    public async Task The_sender_waits_while_results_are_not_read()
    {
        var pipe = new Pipe();
        var written = 0L;
        await using var events = Service.StreamAsync("test.number", Options("{}"), pipe.Reader, default).GetAsyncEnumerator();
        var writing = Task.Run(async () =>
        {
            var piece = Encoding.UTF8.GetBytes(Body(1_000));
            for (var i = 0; i < 20_000; i++)
            {
                await pipe.Writer.WriteAsync(piece);
                Interlocked.Add(ref written, piece.Length);
            }

            await pipe.Writer.CompleteAsync();
        });
        Assert.True(await events.MoveNextAsync().AsTask().WaitAsync(Patience));

        await StallAsync(() => Interlocked.Read(ref written));

        Assert.False(writing.IsCompleted);
        Assert.InRange(written, 1, 8 * MiB);
    }

    [Fact]
    public async Task Other_items_run_ahead_of_a_slow_one_only_within_a_limit()
    {
        const int Items = 1_000;
        var computed = 0;
        Hook.Any = (input, token) =>
        {
            Interlocked.Increment(ref computed);
            _ = input.X.AsInteger == 0 ? Hold(token) : 0L;
            return new string('a', 64 * 1024);
        };
        var response = MapAsync("test.text", "{}", Body(Items));

        Assert.True(SpinWait.SpinUntil(() => Volatile.Read(ref computed) >= 60, Patience));
        await StallAsync(() => Volatile.Read(ref computed));

        // 4 MiB of results, and what a worker had begun; the first one.
        Assert.InRange(computed, 60, 80);
        _gate.Set();
        Assert.Equal(Items, (await response).Summary!.Succeeded);
        Assert.Equal(Enumerable.Range(0, Items), (await response).Lines.Select(static line => JsonElement.Parse(line).GetProperty("index").GetInt32()));
    }

    [Fact]
    public async Task A_chunk_that_many_results_wait_for_is_computed_even_without_room()
    {
        Settings = [("Cpu:Threads", "4")];
        Hook.Any = static (input, _) => new string('a', input.X.AsInteger % 3 == 0 ? 3 * MiB : 10);

        var response = await MapAsync("test.text", """{"chunkSize":2}""", Body(40));

        Assert.Equal(40, response.Summary!.Succeeded);
    }

    [Fact]
    public async Task A_map_that_takes_too_long_ends_with_a_timeout_after_its_results()
    {
        var started = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Hook.Number = (input, token) =>
        {
            if (input.X.AsInteger == 0)
            {
                return input.X;
            }

            started.TrySetResult();
            return Hold(token);
        };
        var response = MapAsync("test.number", """{"workers":1,"timeoutSeconds":2.5}""", "0\n1\n");
        await started.Task.WaitAsync(Patience);

        Time.Advance(TimeSpan.FromSeconds(2.5));

        Assert.Equal([Result(0)], (await response).Lines);
        Assert.Equal("The map timed out after 2.5 s (timeoutSeconds).", (await response).Problem!.Detail);
        Assert.Equal("/problems/timeout", (await response).Problem!.Type);
    }

    [Fact]
    public async Task A_body_that_does_not_end_in_time_is_a_timeout()
    {
        var pipe = new Pipe();
        await using var events = Service.StreamAsync("test.number", Options("""{"timeoutSeconds":2.5}"""), pipe.Reader, default).GetAsyncEnumerator();
        var first = events.MoveNextAsync().AsTask();

        Time.Advance(TimeSpan.FromSeconds(2.5));

        Assert.Equal("/problems/timeout", (await Assert.ThrowsAsync<ProblemException>(() => first.WaitAsync(Patience))).Problem.Type);
    }

    [Theory]
    [InlineData("0")]
    [InlineData("3600.5")]
    public async Task A_timeout_out_of_range_is_an_error(string seconds) =>
        Assert.Equal(
            ["/timeoutSeconds"], (await MapAsync("test.number", $$"""{"timeoutSeconds":{{seconds}}}""", "1\n")).Problem!.Errors!.Keys);

    [Fact]
    public async Task A_map_that_is_refused_has_no_span()
    {
        using var request = new Activity("request").SetIdFormat(ActivityIdFormat.W3C).Start();
        var spans = new ConcurrentQueue<string>();
        using var listener = new ActivityListener
        {
            ShouldListenTo = static source => string.Equals(source.Name, AppTelemetry.Name, StringComparison.Ordinal),
            Sample = (ref ActivityCreationOptions<ActivityContext> options) =>
                options.TraceId == request.TraceId ? ActivitySamplingResult.AllData : ActivitySamplingResult.None,
            ActivityStarted = span => spans.Enqueue(span.DisplayName),
        };
        ActivitySource.AddActivityListener(listener);

        await MapAsync("test.number", """{"timeoutSeconds":0}""", "1\n");
        var refused = spans.ToArray();
        await MapAsync("test.number", "{}", "1\n");

        Assert.Empty(refused);
        Assert.Contains("map test.number", spans);
    }

    [Fact]
    public async Task A_disconnect_stops_the_work_and_the_reading()
    {
        using var caller = new CancellationTokenSource();
        var started = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var computed = 0;
        Hook.Number = (_, token) =>
        {
            Interlocked.Increment(ref computed);
            started.TrySetResult();
            return Hold(token);
        };
        var pipe = new Pipe();
        await pipe.Writer.WriteAsync(Encoding.UTF8.GetBytes(Body(10_000)));
        var body = new WatchedReader(pipe.Reader);
        var response = CollectAsync(Service.StreamAsync("test.number", Options("{}"), body, caller.Token));
        await started.Task.WaitAsync(Patience);
        await caller.CancelAsync();

        Assert.IsAssignableFrom<OperationCanceledException>((await response).Failure);
        await NothingRunsAsync(body);
        Assert.InRange(computed, 1, 2);
    }

    [Fact]
    public async Task Leaving_early_stops_all_work()
    {
        var body = Long();
        var computed = 0L;
        Hook.Number = (input, _) =>
        {
            Interlocked.Increment(ref computed);
            return input.X;
        };

        await foreach (var part in Service.StreamAsync("test.number", Options("{}"), body, default))
        {
            Assert.False(part.Lines.IsEmpty);
            break;
        }

        var then = Interlocked.Read(ref computed);
        await NothingRunsAsync(body);
        Assert.Equal(then, Interlocked.Read(ref computed));
        Assert.Equal(0, Time.Timers);
    }

    [Fact]
    public async Task A_stream_is_refused_before_anything_is_read_when_the_CPU_queue_is_full()
    {
        Settings = [("Cpu:Threads", "1"), ("Cpu:MaxQueuedItems", "2")];
        var started = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Hook.Number = (_, token) =>
        {
            started.TrySetResult();
            return Hold(token);
        };
        var running = MapAsync("test.number", """{"items":[1,2,3]}""");
        await started.Task.WaitAsync(Patience);
        var body = new WatchedReader(Whole("1\n"u8.ToArray()));

        var response = await CollectAsync(Service.StreamAsync("test.number", Options("{}"), body, default));
        _gate.Set();
        await running;

        Assert.Equal(("/problems/saturated", 429, 0, 0L), (response.Problem!.Type, response.Problem.Status, response.Lines.Count, body.Reads));
    }

    [Fact]
    public async Task A_stream_that_waits_for_lines_takes_no_room_in_the_queue()
    {
        Settings = [("Cpu:Threads", "1"), ("Cpu:MaxQueuedItems", "1")];
        var pipe = new Pipe();
        await using var events = Service.StreamAsync("test.number", Options("{}"), pipe.Reader, default).GetAsyncEnumerator();
        var first = events.MoveNextAsync().AsTask();

        Assert.Equal("[1,2,3]", await ResultsAsync("test.number", """{"items":[1,2,3]}"""));
        await pipe.Writer.CompleteAsync();
        Assert.True(await first.WaitAsync(Patience));
    }

    [Fact]
    public async Task An_error_of_the_body_is_raised_after_the_results_before_it()
    {
        var pipe = new Pipe();
        var body = new WatchedReader(pipe.Reader);
        await using var events = Service.StreamAsync("math.square", Options("{}"), body, default).GetAsyncEnumerator();
        await pipe.Writer.WriteAsync("3\n4"u8.ToArray());
        Assert.True(await events.MoveNextAsync().AsTask().WaitAsync(Patience));
        await pipe.Writer.CompleteAsync(new InvalidDataException("broken"));

        var failure = await Assert.ThrowsAsync<InvalidDataException>(() => events.MoveNextAsync().AsTask().WaitAsync(Patience));
        Assert.Equal("broken", failure.Message);
        await NothingRunsAsync(body);
    }

    [Fact]
    public async Task A_scheduler_that_stops_ends_a_stream_that_waits_for_lines()
    {
        await using var events = Service.StreamAsync("test.number", Options("{}"), new Pipe().Reader, default).GetAsyncEnumerator();
        var first = events.MoveNextAsync().AsTask();

        Services.GetRequiredService<CpuScheduler>().Dispose();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => first.WaitAsync(Patience));
    }

    [Fact]
    public async Task A_scheduler_that_stops_ends_a_stream_that_waits_for_its_reader()
    {
        var body = Long();
        await using var events = Service.StreamAsync("test.number", Options("{}"), body, default).GetAsyncEnumerator();
        Assert.True(await events.MoveNextAsync().AsTask().WaitAsync(Patience));

        Services.GetRequiredService<CpuScheduler>().Dispose();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            while (await events.MoveNextAsync().AsTask().WaitAsync(Patience))
            {
                Assert.Null(events.Current.Summary);
            }
        });
    }

    [Theory]
    [InlineData("math.sqare", "{}", "/problems/unknown-operation")]
    [InlineData("greet", "{}", "/problems/wrong-kind")]
    [InlineData("primes.factor", """{"reduce":"sum"}""", "/problems/invalid-request")]
    public void An_operation_that_cannot_be_mapped_is_refused_at_once(string operation, string options, string type)
    {
        var body = new WatchedReader(Whole("1\n"u8.ToArray()));

        Assert.Equal(type, Assert.Throws<ProblemException>(() => Service.StreamAsync(operation, Options(options), body, default)).Problem.Type);
        Assert.Equal(0, body.Reads);
    }

    [Fact]
    public void Items_of_JSON_beyond_the_limit_are_refused_at_once()
    {
        Settings = [("Limits:MaxItems", "3")];

        Assert.Equal(
            "A map has at most 3 items (Limits:MaxItems), not 4.",
            Assert.Throws<ProblemException>(() => Service.StreamAsync("test.number", Request("""{"items":[1,2,3,4]}"""), default)).Message);
    }

    [Fact]
    public async Task There_may_be_more_lines_than_items_of_JSON()
    {
        Settings = [("Limits:MaxItems", "3"), ("Cpu:Threads", "2")];

        Assert.Equal(10, (await MapAsync("test.number", "{}", Body(10))).Summary!.Succeeded);
    }

    [Fact]
    public async Task Streamed_results_may_exceed_the_limit_of_a_response_in_one_piece()
    {
        Settings = [("Limits:MaxResultBytes", "1024"), ("Cpu:Threads", "2")];

        Assert.Equal(1_000, (await MapAsync("test.number", "{}", Body(1_000))).Summary!.Succeeded);
    }

    protected override void Dispose(bool disposing)
    {
        _gate.Set();
        base.Dispose(disposing);
        _gate.Dispose();
    }

    private static string Result(int index) => string.Create(CultureInfo.InvariantCulture, $$"""{"index":{{index}},"result":{{index}}}""");

    /// <summary>Lines of 0, 1, 2, ….</summary>
    private static string Body(int count) => string.Concat(Enumerable.Range(0, count).Select(static i => string.Create(CultureInfo.InvariantCulture, $"{i}\n")));

    private static string Write(MapSummary? summary) => JsonSerializer.Serialize(summary!, CoreJson.TypeInfo<MapSummary>());

    private static JsonElement Problem(MapLines response, int index)
    {
        var line = JsonElement.Parse(response.Lines[index]);
        Assert.Equal(index, line.GetProperty("index").GetInt32());
        return line.GetProperty("error");
    }

    private static void InterlockedMax(ref int most, int value)
    {
        for (var seen = Volatile.Read(ref most); value > seen;)
        {
            seen = Interlocked.CompareExchange(ref most, value, seen);
        }
    }

    /// <summary>Waits until nothing changes any more: what is bounded comes to a halt, what is not goes on to the end of the input.</summary>
    private static async Task StallAsync(Func<long> progress)
    {
        var watch = Stopwatch.StartNew();
        for (var (seen, since) = (progress(), watch.Elapsed); watch.Elapsed - since < TimeSpan.FromMilliseconds(300);)
        {
            Assert.True(watch.Elapsed < Patience, "It never comes to a halt.");
            await Task.Delay(10);
            if (progress() is var now && now != seen)
            {
                (seen, since) = (now, watch.Elapsed);
            }
        }
    }

    private static PipeReader Whole(byte[] body) => PipeReader.Create(new ReadOnlySequence<byte>(body));

    /// <summary>Many lines, made as they are read.</summary>
    private static WatchedReader Long(int lines = 100_000_000) =>
        new(PipeReader.Create(new RepeatedStream(Encoding.UTF8.GetBytes(Body(10_000)), lines / 10_000)));

    private MapOptions Options(string options) => Services.GetRequiredService<RequestReader>().Read<MapOptions>(Encoding.UTF8.GetBytes(options));

    private MapRequest Request(string request) => Services.GetRequiredService<MapRequestReader>().Read<MapRequest>(Encoding.UTF8.GetBytes(request));

    private long Hold(CancellationToken token) => WaitHandle.WaitAny([token.WaitHandle, _gate.WaitHandle], Patience) == 0
        ? throw new OperationCanceledException(token)
        : 0;

    private Task<MapLines> MapAsync(string operation, string options, string body) => MapAsync(operation, options, Encoding.UTF8.GetBytes(body));

    private Task<MapLines> MapAsync(string operation, string options, byte[] body) =>
        CollectAsync(Service.StreamAsync(operation, Options(options), Whole(body), default));

    private static async Task<MapLines> CollectAsync(IAsyncEnumerable<MapEvent> events)
    {
        var response = new MapLines();
        var text = new StringBuilder();
        try
        {
            await using var enumerator = events.GetAsyncEnumerator();
            while (await enumerator.MoveNextAsync().AsTask().WaitAsync(Patience))
            {
                Assert.Null(response.Summary);
                Assert.True(enumerator.Current.Summary is not null || enumerator.Current.Lines.Span.EndsWith((byte)'\n'));
                text.Append(Encoding.UTF8.GetString(enumerator.Current.Lines.Span));
                response = response with { Summary = enumerator.Current.Summary };
            }
        }
        catch (Exception exception) when (exception is not Xunit.Sdk.XunitException and not TimeoutException)
        {
            response = response with { Failure = exception };
        }

        return response with { Lines = [.. text.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries)] };
    }

    private Task CheckAsync(bool ordered, Action<Plan, MapLines> check)
    {
        var options = $"\"ordered\":{(ordered ? "true" : "false")}";
        return Task.Run(() => Prop.ForAll(Plans.ToArbitrary(), plan =>
        {
            Hook.Number = (input, _) =>
            {
                Thread.SpinWait(plan.Spins[(int)input.X.AsInteger]);
                return input.X;
            };
            check(plan, CollectAsync(Stream(plan, options + plan.ChunkSize)).Result);
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(100)));
    }

    private IAsyncEnumerable<MapEvent> Stream(Plan plan, string options)
    {
        if (plan.IsJson)
        {
            return Service.StreamAsync("test.number", Request($$"""{"items":{{Items(plan.Spins.Count)}},{{options}}}"""), default);
        }

        var pipe = new Pipe();
        _ = Task.Run(async () =>
        {
            var body = Encoding.UTF8.GetBytes(Body(plan.Spins.Count));
            for (var (start, i) = (0, 0); start < body.Length; i++)
            {
                var size = Math.Min(plan.Pieces.Count == 0 ? body.Length : plan.Pieces[i % plan.Pieces.Count], body.Length - start);
                await pipe.Writer.WriteAsync(body.AsMemory(start, size));
                start += size;
            }

            await pipe.Writer.CompleteAsync();
        });
        return Service.StreamAsync("test.number", Options($$"""{{{options}}}"""), pipe.Reader, default);
    }

    /// <summary>The threads are free, and nobody reads the body.</summary>
    private async Task NothingRunsAsync(WatchedReader body)
    {
        var scheduler = Services.GetRequiredService<CpuScheduler>();
        using var all = new Barrier(scheduler.Threads);
        await Task.WhenAll(Enumerable.Range(0, scheduler.Threads)
            .Select(_ => scheduler.ComputeAsync(token => all.SignalAndWait(Patience, token), CancellationToken.None))).WaitAsync(Patience);
        Assert.False(body.IsReading);
    }

    private sealed record Plan(IReadOnlyList<int> Spins, string ChunkSize, IReadOnlyList<int> Pieces, bool IsJson);

    private sealed record MapLines
    {
        public IReadOnlyList<string> Lines { get; init; } = [];

        public MapSummary? Summary { get; init; }

        public Exception? Failure { get; init; }

        public Problem? Problem => Failure is null ? null : Assert.IsType<ProblemException>(Failure).Problem;
    }

    /// <summary>A body that tells how it is read.</summary>
    private sealed class WatchedReader(PipeReader body) : PipeReader
    {
        private ReadOnlySequence<byte> _buffer;
        private long _bytes;
        private int _reads;
        private int _reading;

        public long BytesRead => Interlocked.Read(ref _bytes);

        public int Reads => Volatile.Read(ref _reads);

        public bool IsReading => Volatile.Read(ref _reading) != 0;

        public override async ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default)
        {
            Interlocked.Increment(ref _reads);
            Interlocked.Increment(ref _reading);
            try
            {
                var result = await body.ReadAsync(cancellationToken);
                _buffer = result.Buffer;
                return result;
            }
            finally
            {
                Interlocked.Decrement(ref _reading);
            }
        }

        public override void AdvanceTo(SequencePosition consumed, SequencePosition examined)
        {
            Interlocked.Add(ref _bytes, _buffer.Slice(0, consumed).Length);
            body.AdvanceTo(consumed, examined);
        }

        public override void AdvanceTo(SequencePosition consumed) => AdvanceTo(consumed, consumed);

        public override bool TryRead(out ReadResult result) => throw new NotSupportedException();

        public override void CancelPendingRead() => body.CancelPendingRead();

        public override void Complete(Exception? exception = null) => throw new NotSupportedException();
    }
}
