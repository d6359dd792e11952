using System.Globalization;
using FunctionsApp.Core.Cpu;
using FunctionsApp.Core.Limits;
using FunctionsApp.Core.Problems;
using Microsoft.Extensions.DependencyInjection;

namespace FunctionsApp.Core.Tests.Patterns.Map;

public sealed class MapServiceTests : MapTests
{
    private readonly ManualResetEventSlim _gate = new();

    [Theory]
    [InlineData("math.square", """{"items":[1,2.5,-3]}""", "[1,6.25,9]")]
    [InlineData("math.square", """{"items":[{"x":2},3]}""", "[4,9]")]
    [InlineData("math.square", """{"items":[]}""", "[]")]
    [InlineData("math.square", """{"items":[3],"workers":1024,"chunkSize":100000000}""", "[9]")]
    [InlineData("math.square", """{"items":[1,2,3,4,5],"chunkSize":2}""", "[1,4,9,16,25]")]
    [InlineData("math.pow", """{"items":[[2,3],[3,2],[2,0.5]],"starmap":true}""", "[8,9,1.4142135623730951]")]
    [InlineData("math.pow", """{"items":[{"x":2,"y":3},{"y":2,"x":3}]}""", "[8,9]")]
    [InlineData("test.number", """{"items":[[1],[1,2],[1,null]],"starmap":true}""", "[1,1,1]")]
    [InlineData("primes.isPrime", """{"items":[7,8]}""", "[true,false]")]
    [InlineData("primes.factor", """{"items":[12,7,1]}""", "[[2,2,3],[7],[]]")]
    [InlineData("stats.describe", """{"items":[[1,3]]}""", """[{"count":2,"mean":2,"standardDeviation":1.4142135623730951,"min":1,"p25":1.5,"median":2,"p75":2.5,"max":3}]""")]
    public async Task Each_item_gives_its_result_in_order(string operation, string request, string expected) =>
        Assert.Equal(expected, await ResultsAsync(operation, request));

    [Fact]
    public async Task Many_items_on_several_threads_keep_their_order()
    {
        Settings = [("Cpu:Threads", "4")];

        Assert.Equal(Items(20_000), await ResultsAsync("test.number", $$"""{"items":{{Items(20_000)}}}"""));
    }

    [Fact]
    public async Task A_result_of_null_has_its_place()
    {
        Hook.Any = static (input, _) => input.X.AsInteger == 1 ? null : "a,b\"";

        Assert.Equal("""["a,b\"",null,"a,b\""]""", await ResultsAsync("test.text", """{"items":[0,1,2],"chunkSize":1}"""));
    }

    [Fact]
    public async Task The_response_is_written_by_the_contract() =>
        Assert.Equal(
            """{"results":[4,9],"errors":[],"workers":1,"chunks":[{"from":0,"count":2,"worker":0,"startedMs":0,"finishedMs":0}],"elapsedMs":0}""",
            Write(await MapAsync("math.square", """{"items":[2,3],"workers":1,"chunkSize":5}""")));

    [Theory]
    [InlineData("sum", "13")]
    [InlineData("min", "4")]
    [InlineData("max", "9")]
    [InlineData("count", "2")]
    public async Task A_reduced_response_has_one_result_in_place_of_the_results(string reduce, string expected) =>
        Assert.Equal(
            $$"""{"result":{{expected}},"errors":[],"workers":1,"chunks":[{"from":0,"count":2,"worker":0,"startedMs":0,"finishedMs":0}],"elapsedMs":0}""",
            Write(await MapAsync("math.square", $$"""{"items":[2,3],"workers":1,"chunkSize":5,"reduce":"{{reduce}}"}""")));

    [Theory]
    [InlineData("sum", "0")]
    [InlineData("min", "null")]
    [InlineData("max", "null")]
    [InlineData("count", "0")]
    public async Task A_reduction_of_no_results_has_its_neutral_value(string reduce, string expected) =>
        Assert.Equal(
            $$"""{"result":{{expected}},"errors":[],"workers":2,"chunks":[],"elapsedMs":0}""",
            Write(await MapAsync("math.square", $$"""{"items":[],"reduce":"{{reduce}}"}""")));

    [Theory]
    [InlineData("sum", "[9223372036854775807,1]", "9.223372036854776E+18")]
    [InlineData("sum", "[-9,9,0.5]", "0.5")]
    [InlineData("sum", "[0.5,0.25]", "0.75")]
    [InlineData("sum", "[1.5,1.5]", "3")]
    [InlineData("sum", "[9007199254740993,0]", "9007199254740993")]
    [InlineData("min", "[3,2.5,7]", "2.5")]
    [InlineData("min", "[3,-2,7.5]", "-2")]
    [InlineData("max", "[3,2.5,7]", "7")]
    [InlineData("max", "[9007199254740992,9007199254740993,9007199254740991]", "9007199254740993")]
    [InlineData("max", "[-1,-1.5]", "-1")]
    [InlineData("max", "[1e300,9223372036854775807]", "1E+300")]
    [InlineData("count", "[1,1.5]", "2")]
    public async Task Integers_and_doubles_reduce_together(string reduce, string items, string expected) =>
        Assert.Equal(expected, await ReducedAsync("test.number", $$"""{"items":{{items}},"reduce":"{{reduce}}"}"""));

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public async Task A_sum_that_fits_64_bits_is_exact_however_it_is_chunked(int chunkSize)
    {
        Hook.Number = static (input, _) => input.X.AsInteger switch { 0 => long.MaxValue, 1 => 1L, 2 => -1L, _ => -5L };

        Assert.Equal("9223372036854775802", await ReducedAsync("test.number", $$"""{"items":[0,1,2,3],"chunkSize":{{chunkSize}},"reduce":"sum"}"""));
    }

    [Fact]
    public async Task A_sum_beyond_the_doubles_is_an_error()
    {
        Hook.Number = static (_, _) => double.MaxValue;

        var failure = await Record.ExceptionAsync(() => MapAsync("test.number", """{"items":[1,2],"reduce":"sum"}"""));

        Assert.Equal("/problems/operation-failed", Services.GetRequiredService<ProblemDescriber>().Describe(failure!).Type);
    }

    [Theory]
    [InlineData("test.boolean", "sum", "2")]
    [InlineData("test.boolean", "min", "0")]
    [InlineData("test.boolean", "max", "1")]
    [InlineData("test.boolean", "count", "3")]
    [InlineData("test.double", "sum", "3")]
    [InlineData("test.text", "count", "3")]
    [InlineData("primes.factor", "count", "3")]
    public async Task Results_reduce_if_they_are_numbers(string operation, string reduce, string expected)
    {
        Hook.Any = static (_, _) => "text";

        Assert.Equal(expected, await ReducedAsync(operation, $$"""{"items":[1,{{(operation[0] == 'p' ? 3 : 0)}},2],"reduce":"{{reduce}}"}"""));
    }

    [Theory]
    [InlineData("sum")]
    [InlineData("min")]
    [InlineData("max")]
    public async Task Results_that_are_not_numbers_can_only_be_counted(string reduce) =>
        Assert.Equal("/reduce must be 'count' for 'test.text', whose results are not numbers.",
            (await RefusalAsync("test.text", $$"""{"items":[1],"reduce":"{{reduce}}"}""")).Detail);

    [Theory]
    [InlineData("math.sqare", "/problems/unknown-operation")]
    [InlineData("greet", "/problems/wrong-kind")]
    public async Task An_operation_that_returns_no_single_value_cannot_be_mapped(string operation, string type) =>
        Assert.Equal(type, (await RefusalAsync(operation, """{"items":[1]}""")).Type);

    [Theory]
    [InlineData(3, true)]
    [InlineData(4, false)]
    public async Task A_map_has_as_many_items_as_the_limit_and_no_more(int items, bool fits)
    {
        Settings = [("Limits:MaxItems", "3")];

        var failure = await Record.ExceptionAsync(() => MapAsync("test.number", $$"""{"items":{{Items(items)}}}"""));

        Assert.Equal(fits ? null : "A map has at most 3 items (Limits:MaxItems), not 4.", failure?.Message);
    }

    [Theory]
    [InlineData("null", "2")]
    [InlineData("1", "1")]
    [InlineData("2", "2")]
    [InlineData("1024", "2")]
    public async Task There_are_no_more_workers_than_threads(string workers, string expected) =>
        Assert.Equal(expected, (await MapAsync("test.number", $$"""{"items":[1,2,3],"workers":{{workers}}}""")).Workers?.ToString(CultureInfo.InvariantCulture));

    [Fact]
    public async Task One_worker_computes_one_item_at_a_time()
    {
        Settings = [("Cpu:Threads", "4")];
        var (running, most) = (0, 0);
        Hook.Number = (input, _) =>
        {
            most = Math.Max(most, Interlocked.Increment(ref running));
            Thread.Yield();
            Interlocked.Decrement(ref running);
            return input.X;
        };

        await MapAsync("test.number", $$"""{"items":{{Items(500)}},"workers":1,"chunkSize":1}""");

        Assert.Equal(1, most);
    }

    [Fact]
    public async Task All_workers_compute_at_once()
    {
        Settings = [("Cpu:Threads", "3")];
        using var barrier = new Barrier(3);
        Hook.Number = (_, token) => barrier.SignalAndWait(Patience, token) ? 1L : 0L;

        Assert.Equal("[1,1,1]", await ResultsAsync("test.number", """{"items":[1,2,3]}"""));
    }

    [Theory]
    [InlineData("[1,\"2\",3]", "", 1, "/items/1 must be a number, not a string")]
    [InlineData("[1,2,null]", "", 2, "/items/2 must be a number, not null")]
    [InlineData("[[1]]", "", 0, "/items/0 must be a number, not an array")]
    [InlineData("[1,{}]", "", 1, "/items/1/x is required")]
    [InlineData("[{\"x\":1,\"z\":2}]", "", 0, "/items/0/z is not a known property; known are x, y")]
    [InlineData("[{\"x\":1,\"x\":2}]", "", 0, "/items/0/x appears more than once")]
    [InlineData("[1e999]", "", 0, "/items/0 must be a number, and at most 1.7976931348623157E+308 in size")]
    [InlineData("[[1],[]]", ",\"starmap\":true", 1, "/items/1/0 is required")]
    [InlineData("[[1,2,3]]", ",\"starmap\":true", 0, "/items/0 must have at most 2 values, one for each property of the input")]
    [InlineData("[[1,\"2\"]]", ",\"starmap\":true", 0, "/items/0/1 must be a number, not a string")]
    [InlineData("[1]", ",\"starmap\":true", 0, "/items/0 must be an array of the input's values, because starmap is set")]
    [InlineData("[{\"x\":1}]", ",\"starmap\":true", 0, "/items/0 must be an array of the input's values, because starmap is set")]
    public async Task An_item_of_the_wrong_shape_ends_the_map_with_its_index_and_its_errors(string items, string options, int index, string error)
    {
        var problem = await RefusalAsync("test.number", $$"""{"items":{{items}},"workers":1{{options}}}""");

        Assert.Equal((index, error), (problem.Index, Lines(problem)));
    }

    [Fact]
    public async Task The_errors_of_all_items_are_listed_when_one_of_them_ends_the_map() =>
        Assert.Equal(
            "/items/1/x is required\n/items/3/z is not a known property; known are x, y",
            Lines(await RefusalAsync("test.number", """{"items":[1,{},2,{"x":1,"z":2}],"workers":1}""")));

    [Fact]
    public async Task At_most_a_hundred_invalid_items_are_listed() =>
        Assert.Equal(100, (await RefusalAsync("test.number", $$"""{"items":[{{string.Join(',', Enumerable.Repeat("{}", 500))}}]}""")).Errors!.Count);

    [Fact]
    public async Task An_item_that_fails_ends_the_map_with_its_error_and_index()
    {
        Hook.Number = static (input, _) => input.X.AsInteger == 2 ? throw new OperationException("Two will not do.") : input.X;

        var problem = await RefusalAsync("test.number", """{"items":[0,1,2,3]}""");

        Assert.Equal(("/problems/operation-failed", "Two will not do.", 2), (problem.Type, problem.Detail, problem.Index!.Value));
    }

    [Fact]
    public async Task An_item_that_fails_unexpectedly_ends_the_map_without_its_internals()
    {
        Hook.Number = static (_, _) => throw new InvalidDataException("secret");

        var problem = await RefusalAsync("test.number", """{"items":[0]}""");

        Assert.Equal(("/problems/internal-error", 0), (problem.Type, problem.Index!.Value));
    }

    [Fact]
    public async Task An_item_that_fails_after_another_has_ended_the_map_changes_nothing()
    {
        using var first = new ManualResetEventSlim();
        Hook.Number = (input, cancellationToken) =>
        {
            if (input.X.AsInteger == 0)
            {
                first.Wait(cancellationToken);
                throw new OperationException("The first.");
            }

            // Fails when the first has ended the map.
            first.Set();
            cancellationToken.WaitHandle.WaitOne(TimeSpan.FromSeconds(30));
            throw new OperationException("The second.");
        };

        var problem = await RefusalAsync("test.number", """{"items":[0,1],"chunkSize":1,"workers":2}""");

        Assert.Equal(("The first.", 0), (problem.Detail, problem.Index!.Value));
    }

    [Fact]
    public async Task Items_after_a_failed_item_are_not_computed()
    {
        var computed = 0;
        Hook.Number = (input, _) => ++computed == 3 ? throw new OperationException("No.") : input.X;

        await RefusalAsync("test.number", $$"""{"items":{{Items(1_000)}},"workers":1,"chunkSize":1000}""");

        Assert.Equal(3, computed);
    }

    [Fact]
    public async Task A_failed_item_stops_the_others_and_waits_for_them()
    {
        using var both = new Barrier(2);
        var stopped = false;
        Hook.Number = (input, token) =>
        {
            both.SignalAndWait(Patience, CancellationToken.None);
            if (input.X.AsInteger == 1)
            {
                throw new OperationException("No.");
            }

            stopped = WaitHandle.WaitAny([token.WaitHandle], Patience) == 0;
            throw new OperationCanceledException(token);
        };

        var problem = await RefusalAsync("test.number", """{"items":[0,1],"chunkSize":1}""");

        Assert.Equal((true, 1), (stopped, problem.Index!.Value));
    }

    [Fact]
    public async Task With_returnExceptions_a_failed_item_has_a_null_result()
    {
        Hook.Number = static (input, _) => input.X.AsInteger % 2 == 1 ? throw new OperationException("Odd.") : input.X;

        var response = await MapAsync("test.number", """{"items":[0,1,"two",3,4],"returnExceptions":true}""");

        Assert.Equal("[0,null,null,null,4]", response.Results!.ToElement().GetRawText());
    }

    [Fact]
    public async Task With_returnExceptions_each_error_has_its_index()
    {
        Hook.Number = static (input, _) => input.X.AsInteger % 2 == 1 ? throw new OperationException("Odd.") : input.X;

        var response = await MapAsync("test.number", """{"items":[0,1,"two",3,4],"returnExceptions":true,"chunkSize":1}""");

        Assert.Equal(
            [(1, "Odd."), (2, "/items/2 must be a number, not a string."), (3, "Odd.")],
            response.Errors.Select(static error => (error.Index, error.Error.Detail)));
    }

    [Theory]
    [InlineData("sum", "4")]
    [InlineData("min", "0")]
    [InlineData("max", "4")]
    [InlineData("count", "2")]
    public async Task Failed_items_are_left_out_of_a_reduction(string reduce, string expected)
    {
        Hook.Number = static (input, _) => input.X.AsInteger % 2 == 1 ? throw new OperationException("Odd.") : input.X;

        Assert.Equal(expected, await ReducedAsync("test.number", $$"""{"items":[1,0,3,4],"returnExceptions":true,"reduce":"{{reduce}}"}"""));
    }

    [Fact]
    public async Task When_every_item_fails_the_minimum_is_null()
    {
        Hook.Number = static (_, _) => throw new OperationException("No.");

        Assert.Equal("null", await ReducedAsync("test.number", """{"items":[1,2],"returnExceptions":true,"reduce":"min"}"""));
    }

    [Theory]
    [InlineData(0, 1, false)]
    [InlineData(1, 1, true)]
    [InlineData(2, 3, false)]
    [InlineData(3, 3, true)]
    public async Task Up_to_maxFailures_items_may_fail(int maxFailures, int failing, bool responses)
    {
        Hook.Number = (input, _) => input.X.AsInteger < failing ? throw new OperationException("No.") : input.X;

        var failure = await Record.ExceptionAsync(
            () => MapAsync("test.number", $$"""{"items":{{Items(10)}},"returnExceptions":true,"maxFailures":{{maxFailures}}}"""));

        Assert.Equal(responses, failure is null);
    }

    [Fact]
    public async Task One_failure_over_maxFailures_stops_the_map_with_that_failure()
    {
        var computed = 0;
        Hook.Number = (input, _) =>
        {
            computed++;
            return input.X.AsInteger % 2 == 1 ? throw new OperationException("Odd.") : input.X;
        };

        var problem = await RefusalAsync("test.number", $$"""{"items":{{Items(100)}},"returnExceptions":true,"maxFailures":2,"workers":1}""");

        Assert.Equal(("/problems/operation-failed", 5, 6), (problem.Type, problem.Index!.Value, computed));
    }

    [Fact]
    public async Task Without_returnExceptions_the_first_failure_ends_the_map_despite_maxFailures()
    {
        Hook.Number = static (_, _) => throw new OperationException("No.");

        Assert.Equal(0, (await RefusalAsync("test.number", """{"items":[1,2],"maxFailures":5,"workers":1}""")).Index);
    }

    [Fact]
    public async Task An_item_whose_result_cannot_be_written_is_one_failed_item()
    {
        var response = await MapAsync("test.record", """{"items":[1,0,2],"returnExceptions":true,"workers":1,"chunkSize":3}""");

        Assert.Equal("""[{"name":"n","value":1},null,{"name":"n","value":0.5}]""", response.Results!.ToElement().GetRawText());
    }

    [Fact]
    public async Task An_item_whose_result_cannot_be_written_ends_the_map_with_its_index() =>
        Assert.Equal(1, (await RefusalAsync("test.record", """{"items":[1,0,2],"workers":1,"chunkSize":3}""")).Index);

    [Fact]
    public async Task A_double_that_JSON_cannot_represent_is_one_failed_item()
    {
        Hook.Number = static (input, _) => input.X.AsInteger == 1 ? double.NaN : input.X;

        Assert.Equal("[0,null,2]", await ResultsAsync("test.number", """{"items":[0,1,2],"returnExceptions":true,"chunkSize":3}"""));
    }

    [Fact]
    public async Task Results_within_the_budget_are_returned()
    {
        Settings = [("Limits:MaxResultBytes", "1024")];
        Hook.Any = static (_, _) => new string('a', 100);

        Assert.Equal(6, (await MapAsync("test.text", $$"""{"items":{{Items(6)}},"chunkSize":6}""")).Results!.ToElement().GetArrayLength());
    }

    [Fact]
    public async Task The_chunks_of_the_response_are_charged_too()
    {
        Settings = [("Limits:MaxResultBytes", "1024")];
        Hook.Any = static (_, _) => "a";

        Assert.Equal("/problems/too-large", (await RefusalAsync("test.text", $$"""{"items":{{Items(20)}},"chunkSize":1}""")).Type);
    }

    [Theory]
    [InlineData("false")]
    [InlineData("true")]
    public async Task Results_beyond_the_budget_end_the_map_as_too_large(string returnExceptions)
    {
        Settings = [("Limits:MaxResultBytes", "1024")];
        Hook.Any = static (_, _) => new string('a', 100);

        var problem = await RefusalAsync("test.text", $$"""{"items":{{Items(20)}},"returnExceptions":{{returnExceptions}}}""");

        Assert.Equal("/problems/too-large", problem.Type);
    }

    [Theory]
    [InlineData("false")]
    [InlineData("true")]
    public async Task A_map_with_results_over_the_budget_stops_computing(string returnExceptions)
    {
        Settings = [("Limits:MaxResultBytes", "200000")];
        var computed = 0;
        Hook.Any = (_, _) => ++computed > 0 ? new string('a', 10_000) : null;

        await RefusalAsync("test.text", $$"""{"items":{{Items(2_000)}},"workers":1,"chunkSize":2000,"returnExceptions":{{returnExceptions}}}""");

        // 20 fill the budget. The worker is at most 4.5 MiB ahead of what is charged, which is 472 results.
        Assert.InRange(computed, 20, 500);
    }

    [Fact]
    public async Task Failures_count_as_results()
    {
        Settings = [("Limits:MaxResultBytes", "10000")];
        Hook.Any = static (_, _) => throw new OperationException(new string('a', 100));

        Assert.Equal("/problems/too-large", (await RefusalAsync("test.text", $$"""{"items":{{Items(20)}},"returnExceptions":true}""")).Type);
    }

    [Fact]
    public async Task Results_are_charged_until_the_request_ends()
    {
        Settings = [("Limits:MaxBytesInFlight", "10000000")];
        Hook.Any = static (input, _) => input.X.AsDouble % 2 == 0 ? new string('a', 40_000) : null;
        var budget = Services.GetRequiredService<MemoryBudget>();
        using var memory = RequestMemory.Current = budget.Open();

        await MapAsync("test.text", $$"""{"items":{{Items(10)}}}""");

        // Each chunk takes some bytes beside its results.
        Assert.InRange(budget.Taken, 200_000 - RequestMemory.FreeBytes, 205_000 - RequestMemory.FreeBytes);
        memory.Dispose();
        Assert.Equal(0, budget.Taken);
    }

    [Fact]
    public async Task A_map_without_room_for_its_results_is_saturated()
    {
        Settings = [("Limits:MaxBytesInFlight", "1048576")];
        Hook.Any = static (_, _) => new string('a', 40_000);
        var budget = Services.GetRequiredService<MemoryBudget>();
        using var other = budget.Open();
        await other.HoldAsync(budget.Limit + RequestMemory.FreeBytes, default);
        using var memory = RequestMemory.Current = budget.Open();
        var map = RefusalAsync("test.text", $$"""{"items":{{Items(10)}}}""");
        while (!map.IsCompleted && Time.Timers < 2)
        {
            // The map's own limit, and the wait for room.
            await Task.Yield();
        }

        Time.Advance(MemoryBudget.MaxWait);

        Assert.Equal("/problems/saturated", (await map).Type);
        Assert.Equal(budget.Limit, budget.Taken);
    }

    [Fact]
    public async Task A_map_that_takes_too_long_ends_with_a_timeout()
    {
        var started = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Hook.Number = (_, token) =>
        {
            started.TrySetResult();
            return WaitHandle.WaitAny([token.WaitHandle], Patience) == 0 ? throw new OperationCanceledException(token) : 0L;
        };
        var map = RefusalAsync("test.number", """{"items":[1,2,3],"timeoutSeconds":2.5}""");
        await started.Task.WaitAsync(Patience);

        Time.Advance(TimeSpan.FromSeconds(2.5));

        Assert.Equal("The map timed out after 2.5 s (timeoutSeconds).", (await map).Detail);
    }

    [Theory]
    [InlineData("0")]
    [InlineData("-1")]
    [InlineData("3600.5")]
    public async Task A_timeout_out_of_range_is_an_error(string seconds) =>
        Assert.Equal("/timeoutSeconds must be more than 0 and at most 3600 (Limits:MaxTimeoutSeconds)",
            Lines(await RefusalAsync("test.number", $$"""{"items":[1],"timeoutSeconds":{{seconds}}}""")));

    [Fact]
    public async Task A_disconnect_stops_the_map_and_frees_the_threads()
    {
        using var caller = new CancellationTokenSource();
        var started = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var computed = 0;
        Hook.Number = (_, token) =>
        {
            Interlocked.Increment(ref computed);
            started.TrySetResult();
            return WaitHandle.WaitAny([token.WaitHandle], Patience) == 0 ? throw new OperationCanceledException(token) : 0L;
        };
        var map = MapAsync("test.number", $$"""{"items":{{Items(1_000)}}}""", caller.Token);
        await started.Task.WaitAsync(Patience);
        await caller.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => map);

        await Services.GetRequiredService<CpuScheduler>().ComputeAsync(static _ => 0, CancellationToken.None).WaitAsync(Patience);

        Assert.InRange(computed, 1, 2);
    }

    [Theory]
    [InlineData(",x]", "", "malformed-json")]
    [InlineData(",x]", ",\"returnExceptions\":true", "malformed-json")]
    [InlineData(",x]", ",\"reduce\":\"count\"", "malformed-json")]
    [InlineData(",\"a\",x]", "", "malformed-json")]
    [InlineData(",\"a\",x]", ",\"returnExceptions\":true,\"maxFailures\":0", "malformed-json")]
    [InlineData(",]", "", "malformed-json")]
    [InlineData("]]", "", "malformed-json")]
    [InlineData("]", ",\"workers\":1.5x", "malformed-json")]
    [InlineData(",\"\\ud800\"]", ",\"returnExceptions\":true", "invalid-request /items/10000 has half of a surrogate pair")]
    [InlineData(",\"\\ud800\",\"a\"]", "", "invalid-request /items/10000 has half of a surrogate pair")]
    [InlineData(",\"a\",{\"x\":null}]", "", "invalid-request /items/10000 must be a number, not a string|/items/10001/x must be a number, not null")]
    [InlineData(",\"a\"]", ",\"returnExceptions\":true", null)]
    public async Task The_text_of_a_large_map_is_checked_as_a_whole(string end, string options, string? expected)
    {
        var request = $$"""{"items":{{Items(10_000)[..^1]}}{{end}}{{options}}}""";
        if (expected is null)
        {
            Assert.Equal(10_000, Assert.Single((await MapAsync("test.number", request)).Errors).Index);
            return;
        }

        var problem = await RefusalAsync("test.number", request);
        var told = problem.Type["/problems/".Length..] + (problem.Errors is { } errors
            ? " " + string.Join('|', errors.Select(static error => $"{error.Key} {error.Value[0]}"))
            : "");
        Assert.StartsWith(expected, told, StringComparison.Ordinal);
    }

    [Fact]
    public async Task No_item_is_computed_if_the_text_is_not_JSON()
    {
        var computed = 0;
        Hook.Number = (input, _) =>
        {
            Interlocked.Increment(ref computed);
            return input.X;
        };

        Assert.Equal("/problems/malformed-json", (await RefusalAsync("test.number", $$"""{"items":{{Items(10_000)[..^1]}},x]}""")).Type);
        Assert.Equal(0, computed);
    }

    [Theory]
    [InlineData(",x]", "malformed-json")]
    [InlineData(",7]", "too-large")]
    public async Task The_text_is_checked_before_the_number_of_items(string end, string expected)
    {
        Settings = [("Limits:MaxItems", "10000")];

        Assert.Equal($"/problems/{expected}", (await RefusalAsync("test.number", $$"""{"items":{{Items(10_000)[..^1]}}{{end}}}""")).Type);
    }

    [Fact]
    public async Task A_map_is_refused_when_the_CPU_queue_is_full()
    {
        Settings = [("Cpu:Threads", "1"), ("Cpu:MaxQueuedItems", "3")];
        var started = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Hook.Number = (input, _) =>
        {
            started.TrySetResult();
            _gate.Wait(Patience, CancellationToken.None);
            return input.X;
        };
        var running = MapAsync("test.number", """{"items":[1,2]}""");
        await started.Task.WaitAsync(Patience);

        var problem = await RefusalAsync("test.number", """{"items":[1,2,3]}""");
        _gate.Set();
        await running;

        Assert.Equal(("/problems/saturated", 1), (problem.Type, problem.RetryAfterSeconds!.Value));
    }

    [Fact]
    public async Task A_small_map_that_arrives_during_a_huge_one_ends_before_it()
    {
        Settings = [("Cpu:Threads", "1")];
        var started = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var computed = 0;
        Hook.Number = (input, _) =>
        {
            if (input.Y is not null)
            {
                return computed;
            }

            started.TrySetResult();
            _gate.Wait(Patience, CancellationToken.None);
            computed++;

            // So that the huge map's chunks stay small, as those of real work do.
            Time.Advance(TimeSpan.FromMilliseconds(5));
            return input.X;
        };
        var huge = MapAsync("test.number", $$"""{"items":{{Items(5_000)}}}""");
        await started.Task.WaitAsync(Patience);
        var small = ReducedAsync("test.number", """{"items":[[1,1]],"starmap":true,"reduce":"max"}""");
        _gate.Set();
        await huge;

        Assert.InRange(int.Parse(await small, CultureInfo.InvariantCulture), 1, 10);
    }

    protected override void Dispose(bool disposing)
    {
        _gate.Set();
        base.Dispose(disposing);
        _gate.Dispose();
    }

    private static string Lines(Problem problem) => FunctionsApp.Core.Tests.Json.Samples.Lines(problem);
}
