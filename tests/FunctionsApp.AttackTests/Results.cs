using System.Text;
using FunctionsApp.AttackTests.Hosting;
using FunctionsApp.AttackTests.Wire;
using Xunit.Abstractions;

namespace FunctionsApp.AttackTests;

/// <summary>Attacks by small requests for large results.</summary>
public sealed class Results(AttackedHost hosts, ITestOutputHelper output) : Hosting.AttackTests(hosts, output)
{
    /// <summary>A result of 10 MB for 13 kB: a value of 10 kB, a thousand times.</summary>
    private static readonly string Format10MB =
        $$$$"""{"operation":"text.format","input":{"template":"{{{{new StringBuilder().Insert(0, "{a}", 1_000)}}}}","values":{"a":"{{{{new string('a', 10_000)}}}}"}}}""";

    [AttackFact]
    public Task A_gather_of_large_results_is_refused_with_a_problem() => AttackAsync(static async attack =>
        attack.Expect("A gather of 200 text.format of 10 MB", [await attack.PostAsync("gather", Body.Array("""{"calls":""", Format10MB, 200))],
            Reply.TooLarge, Reply.InvalidRequest, Reply.Saturated));

    [AttackFact]
    public Task A_sequence_that_doubles_a_value_is_refused_with_a_problem() => AttackAsync(static async attack =>
    {
        var steps = Enumerable.Range(0, 40).Select(static i =>
            $$$"""{"operation":"echo","input":{"value":[{"$ref":"#/results/{{{i}}}"},{"$ref":"#/results/{{{i}}}"}]}}""");
        var body = Body.Of($$$"""{"steps":[{"operation":"echo","input":{"value":"{{{new string('a', 1_000)}}}"}},{{{string.Join(',', steps)}}}]}""");
        attack.Expect("A sequence that doubles a value 40 times", [await attack.PostAsync("sequence", body)],
            Reply.TooLarge, Reply.InvalidRequest, Reply.Saturated);
    });

    [AttackFact]
    public Task A_problem_has_at_most_1_MiB_of_results_and_counts_the_omitted_ones() => AttackAsync(static async attack =>
    {
        // 26 steps of 10 MB are under 256 MiB, and over 64 MiB: a sequence of either limit ends with a problem.
        var small = """{"operation":"echo","input":{"value":1}},""";
        var tooLarge = await attack.PostAsync("sequence", Body.Of("""{"steps":[""").Then(small).Repeat(Format10MB + ",", 26)
            .Then("""{"operation":"fail","input":{"message":"No."}}]}"""));

        // The memory of the first may not be free yet.
        var failed = await attack.PostPatientlyAsync("sequence", Body.Of("""{"steps":[""").Then(small).Repeat(Format10MB + ",", 5)
            .Then("""{"operation":"fail","input":{"message":"No."}}]}"""));
        attack.Print($"{tooLarge.Summary} of {tooLarge.Length:n0} bytes, {failed.Summary} of {failed.Length:n0} bytes");
        Assert.Equal(Reply.TooLarge, tooLarge.Summary);
        Assert.Equal("500 operation-failed", failed.Summary);
        foreach (var problem in new[] { tooLarge, failed })
        {
            Assert.InRange(problem.Length, 1, (1 << 20) + 4_096);
            var results = problem.Json.GetProperty("results");
            Assert.Equal(1, results[0].GetInt32());
            Assert.Equal(problem.Json.GetProperty("index").GetInt32(), results.GetArrayLength() + problem.Json.GetProperty("omittedResults").GetInt32());
        }
    });

    [AttackFact]
    public Task A_map_of_a_million_failures_succeeds_or_is_refused_with_a_problem() => AttackAsync(static async attack =>
        attack.Expect("A map of 1,000,000 {}",
            [await attack.PostAsync("map/math.square", Body.Array("""{"returnExceptions":true,"items":""", "{}", 1_000_000))], Reply.Named));

    [AttackFact]
    public Task A_map_of_a_million_chunks_succeeds_or_is_refused_with_a_problem() => AttackAsync(static async attack =>
        attack.Expect("A map of 1,000,000 hashes in chunks of one",
            [await attack.PostAsync("map/hash", Body.Array("""{"chunkSize":1,"items":""", "\"a\"", 1_000_000))], Reply.Named));

    [AttackFact]
    public Task A_map_of_large_tiles_succeeds_or_is_refused_with_a_problem() => AttackAsync(static async attack =>
    {
        var tiles = Body.Array("""{"items":""",
            """{"centerX":2,"centerY":2,"scale":1,"column":0,"row":0,"columns":1,"rows":1,"size":1024,"maxIterations":50}""", 128);
        attack.Expect("A map of 128 tiles of 1,024 in one piece", [await attack.PostAsync("map/fractal.tile", tiles)], Reply.Named);
        attack.Expect("A map of 128 tiles of 1,024 in lines", [await attack.PostAsync("map/fractal.tile", tiles, Attack.Lines)], Reply.Named);
    });

    [AttackFact]
    public Task Maps_of_large_results_beside_tasks_succeed_or_are_refused_with_a_problem() => AttackAsync(static async attack =>
    {
        // 56 MB of results each: alone, a map is under every limit.
        const string Tile = """{"centerX":2,"centerY":2,"scale":1,"column":0,"row":0,"columns":1,"rows":1,"size":512,"maxIterations":50}""";
        var map = Body.Array("""{"items":""", Tile, 80);
        var task = Body.Array("""{"pattern":"map","request":{"operation":"fractal.tile","items":""", Tile, 80, "}}");
        var others = attack.WatchOthers();
        var tasks = Attack.AtOnceAsync(12, _ => attack.PostAsync("tasks", task));
        var maps = await Attack.AtOnceAsync(12, _ => attack.PostAsync("map/fractal.tile", map));
        var created = await tasks;
        attack.Expect("12 maps with 56 MB of results each", maps, Reply.Named);
        attack.Expect("12 tasks of the same beside them", created, "202", Reply.Saturated, Reply.TooLarge);
        foreach (var reply in created.Where(static reply => reply.Status == 202))
        {
            var id = reply.Json.GetProperty("id").GetString();
            var ended = await attack.SendAsync("DELETE", $"tasks/{id}");
            Assert.Contains(ended.Summary, (string[])["202", "409 already-finished"]);
        }

        var slow = Bystander.Percentile(attack.Bystander.HealthChecks, 90);
        Assert.True(slow <= 1_000 || others.Disturbs, $"One in ten health checks took {slow:0} ms or longer.");
    });
}
