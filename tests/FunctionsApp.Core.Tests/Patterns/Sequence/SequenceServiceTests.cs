using System.Globalization;
using System.Text;
using FunctionsApp.Core.Json.Schema;
using FunctionsApp.Core.Limits;
using FunctionsApp.Core.Patterns.Sequence;
using Microsoft.Extensions.DependencyInjection;

namespace FunctionsApp.Core.Tests.Patterns.Sequence;

public sealed class SequenceServiceTests : PatternTests
{
    [Fact]
    public async Task A_step_starts_when_the_one_before_has_ended()
    {
        var run = RunAsync("""{"steps":[{"operation":"probe","input":{"name":"a"}},{"operation":"probe","input":{"name":"b"}}]}""");
        Assert.Equal(["a"], Probe.Started);
        Time.Advance(TimeSpan.FromSeconds(1));
        Probe.Succeed("a");
        Assert.Equal(["a", "b"], Probe.Started);
        Time.Advance(TimeSpan.FromSeconds(2));
        Probe.Succeed("b");

        Assert.Equal(
            """{"results":["a","b"],"timeline":[{"index":0,"operation":"probe","startedMs":0,"finishedMs":1000},{"index":1,"operation":"probe","startedMs":1000,"finishedMs":3000}],"elapsedMs":3000}""",
            Json(await run.WaitAsync(Limit)));
    }

    [Fact]
    public async Task A_timeout_has_the_running_step_and_the_results_so_far()
    {
        var run = RunAsync("""{"steps":[{"operation":"echo","input":{"value":1}},{"operation":"probe","input":{"name":"b"}}],"timeoutSeconds":5}""");
        Time.Advance(TimeSpan.FromSeconds(5));

        var (slug, problem) = await ProblemOf(run);
        Assert.Equal(("timeout", 1), (slug, problem.Index));
        Assert.Equal(["1"], problem.Results!.Select(static result => Encoding.UTF8.GetString(result.Span)));
        Assert.Equal(["b"], Probe.Cancelled);
    }

    [Fact]
    public async Task A_value_that_references_nest_too_deeply_is_refused_and_the_limit_named()
    {
        const string Nested = """[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["$"]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]""";
        var deeper = Nested.Replace("\"$\"", """{"$ref":"#/results/0"}""", StringComparison.Ordinal);
        var steps = Enumerable.Range(0, 13).Select(i => i == 0 ? Nested : deeper.Replace("results/0", $"results/{i - 1}", StringComparison.Ordinal))
            .Select(static value => $$$"""{"operation":"echo","input":{"value":{{{value}}}}}""");

        var (slug, problem) = await ProblemOf(RunAsync($$"""{"steps":[{{string.Join(',', steps)}}]}"""));

        Assert.Equal("too-large", slug);
        Assert.Contains("600", problem.Detail, StringComparison.Ordinal);
        Assert.DoesNotContain("Limits:MaxDepth", problem.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_error_in_a_later_step_is_found_before_the_first_starts()
    {
        var (slug, problem) = await ProblemOf(RunAsync("""
            {"steps":[{"operation":"probe","input":{"name":"a"}},{"operation":"echo"},{"operation":"delay","input":{"seconds":-1}}]}
            """));

        Assert.Equal(("invalid-request", 1), (slug, problem.Index));
        Assert.Equal(["/steps/1/input/value", "/steps/2/input/seconds"], problem.Errors!.Keys);
        Assert.Empty(Probe.Started);
    }

    [Fact]
    public async Task An_unexpected_failure_has_no_internals()
    {
        var run = RunAsync("""{"steps":[{"operation":"probe","input":{"name":"a"}}]}""");
        Probe.Break("a");

        var (slug, problem) = await ProblemOf(run);
        Assert.Equal("internal-error", slug);
        Assert.DoesNotContain("secret", Json(problem), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_callers_cancellation_stops_the_step_and_starts_no_other()
    {
        using var caller = new CancellationTokenSource();
        var run = RunAsync("""{"steps":[{"operation":"probe","input":{"name":"a"}},{"operation":"probe","input":{"name":"b"}}]}""", caller.Token);
        await caller.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => run.WaitAsync(Limit));
        Assert.Equal(["a"], Probe.Started);
        Assert.Equal(["a"], Probe.Cancelled);
    }

    [Fact]
    public async Task An_object_with_more_than_a_reference_is_a_value()
    {
        var response = await RunAsync("""{"steps":[{"operation":"echo","input":{"value":{"$ref":"#/results/9","and":1}}}]}""");

        Assert.Equal("""{"$ref":"#/results/9","and":1}""", response.Results[0].ToString());
    }

    [Theory]
    [InlineData("1048576", "1048576", null)]
    [InlineData("524288,524288", "524288,524288", null)]
    [InlineData("524288,524289", "524288", 1)]
    [InlineData("524288,524287,2,1", "524288,524287", 2)]
    [InlineData("1048577,1,1", "", 3)]
    public async Task A_problem_has_the_first_mebibyte_of_results_and_counts_the_omitted_ones(string results, string carried, int? omitted)
    {
        // A result is a text of one letter, or of as many as its JSON has room for.
        var steps = results.Split(',').Select(static bytes => int.Parse(bytes, CultureInfo.InvariantCulture))
            .Select(static bytes => $$$"""{"operation":"echo","input":{"value":{{{(bytes < 3 ? new string('1', bytes) : $"\"{new string('a', bytes - 2)}\"")}}}} }""");

        var (slug, problem) = await ProblemOf(RunAsync($$"""{"steps":[{{string.Join(',', steps)}},{"operation":"fail","input":{"message":"no"} }]}"""));

        Assert.Equal("operation-failed", slug);
        Assert.Equal(carried, string.Join(',', problem.Results!.Select(static result => result.Length)));
        Assert.Equal(omitted, problem.OmittedResults);
        Assert.Equal(omitted is not null, Json(problem).Contains($"\"omittedResults\":{omitted}", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Results_beyond_the_limit_of_the_request_are_too_large_at_the_step_that_made_them()
    {
        using var services = TestServices.Create(Time, configure: null, ("Limits:MaxResultBytes", "2000"));
        var text = new string('a', 900);
        var request = services.GetRequiredService<RequestReader>().Read<SequenceRequest>(Encoding.UTF8.GetBytes(
            $$"""{"steps":[{"operation":"echo","input":{"value":"{{text}}"} },{"operation":"echo","input":{"value":"{{text}}"} },{"operation":"echo","input":{"value":"{{text}}"} }]}"""));

        var (slug, problem) = await ProblemOf(services.GetRequiredService<SequenceService>().RunAsync(request, default));

        Assert.Equal(("too-large", 2, 2), (slug, problem.Index, problem.Results!.Count));
        Assert.Contains("Limits:MaxResultBytes", problem.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Values_of_references_count_as_results()
    {
        using var services = TestServices.Create(Time, configure: null, ("Limits:MaxResultBytes", "2000"));
        var request = services.GetRequiredService<RequestReader>().Read<SequenceRequest>(Encoding.UTF8.GetBytes(
            $$"""{"steps":[{"operation":"echo","input":{"value":"{{new string('a', 900)}}"} },{"operation":"echo","input":{"value":[{"$ref":"#/results/0"},{"$ref":"#/results/0"}]} }]}"""));

        var (slug, problem) = await ProblemOf(services.GetRequiredService<SequenceService>().RunAsync(request, default));

        Assert.Equal(("too-large", 1), (slug, problem.Index));
    }

    [Fact]
    public async Task Results_are_charged_until_the_request_ends()
    {
        var budget = Get<MemoryBudget>();
        using var memory = RequestMemory.Current = budget.Open();
        var value = $$"""{"operation":"echo","input":{"value":"{{new string('a', 100_000)}}"} }""";

        await RunAsync($$"""{"steps":[{{value}},{{value}}]}""");

        Assert.Equal(200_004 - RequestMemory.FreeBytes, budget.Taken);
        memory.Dispose();
        Assert.Equal(0, budget.Taken);
    }

    private Task<SequenceResponse> RunAsync(string json, CancellationToken cancellationToken = default) =>
        Get<SequenceService>().RunAsync(Read<SequenceRequest>(json), cancellationToken);
}
