using System.Diagnostics;
using System.Text.Json;
using FunctionsApp.Core.Json;
using FunctionsApp.Core.Problems;

namespace FunctionsApp.Core.Tests.Problems;

public sealed class ProblemTests
{
    public static TheoryData<Problem, string, int> All => new()
    {
        { Problem.MalformedJson("?"), "malformed-json", 400 },
        { Problem.InvalidRequest("", "?"), "invalid-request", 422 },
        { Problem.UnknownOperation("?", []), "unknown-operation", 404 },
        { Problem.WrongKind("?"), "wrong-kind", 422 },
        { Problem.TooLarge("?"), "too-large", 413 },
        { Problem.Saturated("?", 1), "saturated", 429 },
        { Problem.OperationFailed("?"), "operation-failed", 500 },
        { Problem.InternalError(), "internal-error", 500 },
        { Problem.CallbacksNotConfigured(), "callbacks-not-configured", 501 },
        { Problem.Timeout("?"), "timeout", 504 },
        { Problem.ShuttingDown(), "shutting-down", 503 },
    };

    [Theory]
    [MemberData(nameof(All))]
    public void Each_kind_of_problem_has_its_type_and_status(Problem problem, string slug, int status) =>
        Assert.Equal(("/problems/" + slug, status), (problem.Type, problem.Status));

    [Fact]
    public void A_long_name_of_the_caller_is_cut()
    {
        var name = new string('x', 7_900);

        foreach (var problem in new[] { Problem.UnknownOperation(name, []), Problem.UnknownOperation(name, ["echo"]) })
        {
            Assert.InRange(problem.Detail.Length, 100, 200);
            Assert.Contains("x…", problem.Detail, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_character_is_not_cut_in_half() => Assert.Equal(new string('x', 99) + "…", Excerpt.Of(new string('x', 99) + "😀"));

    [Fact]
    public void A_problem_is_written_as_RFC_9457_has_it()
    {
        using var activity = Request();

        Assert.Equal(
            $$"""{"type":"/problems/timeout","title":"The work timed out","status":504,"detail":"Too late.","traceId":"{{activity.TraceId}}"}""",
            Write(Problem.Timeout("Too late.")));
    }

    [Fact]
    public void Properties_of_one_kind_of_problem_are_written()
    {
        using var activity = Request();
        var problem = Problem.InvalidRequest("/a~1b", "must be <ä>") with { Index = 0, Id = "mine", Results = ["[1e400]"u8.ToArray()] };

        Assert.Equal(
            $$"""
            {"type":"/problems/invalid-request","title":"The request is not valid","status":422,"detail":"/a~1b must be <ä>.","traceId":"{{activity.TraceId}}","errors":{"/a~1b":["must be <ä>"]},"index":0,"id":"mine","results":[[1e400]]}
            """,
            Write(problem));
    }

    [Fact]
    public void The_place_in_a_malformed_body_is_written()
    {
        using var activity = Request();

        Assert.Equal(
            $$"""{"type":"/problems/malformed-json","title":"The body is not JSON","status":400,"detail":"Odd (line 2, position 3)","traceId":"{{activity.TraceId}}","line":2,"position":3}""",
            Write(Problem.MalformedJson("Odd").At(2, 3)));
    }

    [Fact]
    public void The_retry_delay_is_a_header_and_not_in_the_body()
    {
        var problem = Problem.Saturated("Full.", 7);

        Assert.Equal((7, false), (problem.RetryAfterSeconds, Write(problem).Contains("etry", StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData(new string[0], "There is no operation 'sqare'.")]
    [InlineData(new[] { "math.square", "echo" }, "There is no operation 'sqare'. Did you mean 'math.square'?")]
    public void An_unknown_operation_is_reported_with_the_nearest_name(string[] suggestions, string detail) =>
        Assert.Equal(detail, Problem.UnknownOperation("sqare", suggestions).Detail);

    [Fact]
    public void An_error_of_the_whole_body_names_the_body() =>
        Assert.Equal("The body must be an object.", Problem.InvalidRequest("", "must be an object").Detail);

    [Fact]
    public void The_detail_has_the_first_error_and_counts_the_others() =>
        Assert.Equal("/a one, and 3 more (see errors).", Problem.InvalidRequest(new Dictionary<string, string[]>(StringComparer.Ordinal)
        {
            ["/a"] = ["one", "two"],
            ["/b"] = ["three"],
            ["/c"] = ["four"],
        }).Detail);

    [Fact]
    public void Errors_of_a_part_are_moved_below_its_pointer()
    {
        var problem = Problem.InvalidRequest(new Dictionary<string, string[]>(StringComparer.Ordinal) { [""] = ["a"], ["/x~1"] = ["b"] });

        Assert.Equal(["/items/2", "/items/2/x~1"], problem.Below("/items/2").Errors!.Keys);
    }

    [Fact]
    public void The_detail_follows_moved_errors() =>
        Assert.Equal("/items/2/x is required.", Problem.InvalidRequest("/x", "is required").Below("/items/2").Detail);

    [Fact]
    public void A_problem_without_a_pointer_stays_unchanged()
    {
        var problem = Problem.TooLarge("It is.");

        Assert.Same(problem, problem.Below("/items/2"));
    }

    [Fact]
    public void The_trace_id_is_that_of_the_request()
    {
        using var activity = Request();

        Assert.Equal(activity.TraceId.ToHexString(), Problem.InternalError().TraceId);
    }

    [Fact]
    public void Without_a_request_there_is_a_trace_id_too() => Assert.Matches("^[0-9a-f]{32}$", Problem.InternalError().TraceId);

    [Fact]
    public void A_request_whose_ids_are_not_those_of_W3C_has_a_trace_id_that_is_not_all_zero()
    {
        using var activity = new Activity("old").SetIdFormat(ActivityIdFormat.Hierarchical).Start();

        Assert.NotEqual(new string('0', 32), Problem.InternalError().TraceId);
    }

    [Fact]
    public void The_message_of_the_exception_is_the_detail() =>
        Assert.Equal("Too late.", new ProblemException(Problem.Timeout("Too late.")).Message);

    private static Activity Request() => new Activity("request").SetIdFormat(ActivityIdFormat.W3C).Start();

    private static string Write(Problem problem) => JsonSerializer.Serialize(problem, CoreJson.TypeInfo<Problem>());
}
