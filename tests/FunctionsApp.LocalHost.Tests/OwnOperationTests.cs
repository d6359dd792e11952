using System.Text.Json;
using FunctionsApp.Operations;
using Microsoft.Extensions.DependencyInjection;
using Team.Operations;

namespace FunctionsApp.LocalHost.Tests;

/// <summary>The operations that the README and the page of operations show, from an assembly that references Core alone.</summary>
public sealed class OwnOperationTests
{
    [Theory]
    [InlineData("README.md", nameof(TextMirrorOperation))]
    [InlineData("docs/operations.md", nameof(CollatzOperation))]
    [InlineData("docs/operations.md", nameof(PageTitleOperation))]
    [InlineData("docs/operations.md", nameof(VisitsCountOperation))]
    [InlineData("docs/operations.md", nameof(TextWordsOperation))]
    public void The_page_shows_the_compiled_code(string page, string operation) => Assert.Contains(
        $"```csharp\n{Read($"tests/Team.Operations/{operation}.cs")}```", Read(page), StringComparison.Ordinal);

    [Fact]
    public async Task The_assembly_references_nothing_of_the_app_but_Core()
    {
        await using var host = await StartAsync();

        Assert.Equal(
            ["FunctionsApp.Core"],
            typeof(TextMirrorOperation).Assembly.GetReferencedAssemblies().Select(static name => name.Name!).Where(static name => name.StartsWith("FunctionsApp", StringComparison.Ordinal)));
        Assert.StartsWith("""{"operation":"text.mirror","result":"desserts",""", (await host.PostAsync("await/text.mirror", """{"text":"stressed"}""")).Body, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Every_pattern_runs_an_own_operation_and_checks_its_input()
    {
        await using var host = await StartAsync();

        Assert.StartsWith("""{"results":[111,118,178,261],"errors":[],""", (await host.PostAsync("map/math.collatz", """{"items":[27,97,871,6171]}""")).Body, StringComparison.Ordinal);
        Assert.StartsWith("""{"results":[{"index":0,"operation":"math.collatz","status":"succeeded","result":111""", (await host.PostAsync("gather", """{"calls":[{"operation":"math.collatz","input":{"start":27}}]}""")).Body, StringComparison.Ordinal);
        var failed = await host.PostAsync("await/math.collatz", """{"start":27,"maxSteps":100}""");
        Assert.Equal((500, "27 does not come down to 1 within 100 steps."), (failed.Status, Json(failed.Body).GetProperty("detail").GetString()));
        var refused = Json((await host.PostAsync("await/math.collatz", """{"start":0,"steps":1}""")).Body).GetProperty("errors");
        Assert.Equal("must be an integer from 1 to 9223372036854775807", refused.GetProperty("/start")[0].GetString());
        Assert.Equal("is not a known property; known are start, maxSteps", refused.GetProperty("/steps")[0].GetString());
    }

    [Fact]
    public async Task An_own_operation_is_in_the_catalog_and_the_OpenAPI_document()
    {
        await using var host = await StartAsync();

        Assert.Contains("\"name\":\"page.title\"", await host.Http.GetStringAsync(new Uri("operations", UriKind.Relative)), StringComparison.Ordinal);
        Assert.Contains("\"/map/math.collatz\"", await host.Http.GetStringAsync(new Uri("openapi.json", UriKind.Relative)), StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_own_operation_that_calls_a_service_is_guarded_and_passes_on_its_failure()
    {
        await using var guarded = await StartAsync();
        await using var host = await StartAsync("--Outbound:AllowedHosts:0", "127.0.0.1");
        var api = guarded.Http.BaseAddress!;

        Assert.Contains("destination-not-allowed", (await guarded.PostAsync("await/page.title", $$"""{"url":"{{api}}playground"}""")).Body, StringComparison.Ordinal);
        Assert.Equal(200, (await host.PostAsync("await/page.title", $$"""{"url":"{{api}}playground","maxRetries":0}""")).Status);
        var failed = Json((await host.PostAsync("await/page.title", $$"""{"url":"{{api}}nothing"}""")).Body);
        Assert.Equal(
            ("/problems/upstream-failed", "'127.0.0.1' responded with status 404 (raiseForStatus)."),
            (failed.GetProperty("type").GetString(), failed.GetProperty("detail").GetString()));
    }

    [Fact]
    public async Task An_own_operation_uses_a_service_and_another_streams()
    {
        await using var host = await StartAsync();

        Assert.Contains("\"result\":1,", (await host.PostAsync("await/visits.count", """{"visitor":"Ada"}""")).Body, StringComparison.Ordinal);
        Assert.Contains("\"result\":2,", (await host.PostAsync("await/visits.count", """{"visitor":"Ada"}""")).Body, StringComparison.Ordinal);
        Assert.StartsWith("""
            {"value":"to"}
            {"value":"be"}
            {"end":{"count":2,
            """, (await host.PostAsync("stream/text.words", """{"text":"to be"}""")).Body, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_built_in_operation_can_be_removed()
    {
        await using var host = await OwnHost.StartAsync(static services => services.RemoveOperation<HttpRequestOperation>());

        Assert.Equal(404, (await host.PostAsync("await/http.request", """{"url":"https://example.com/"}""")).Status);
        Assert.Equal(200, (await host.PostAsync("await/echo", """{"value":1}""")).Status);
    }

    private static Task<OwnHost> StartAsync(params string[] args) => OwnHost.StartAsync(
        static services => services.AddSingleton<VisitCounter>().AddTeamOperations(), args);

    private static JsonElement Json(string text) => JsonDocument.Parse(text).RootElement;

    private static string Read(string path) => File.ReadAllText(Path.Combine(Repository.Root, path)).ReplaceLineEndings("\n");
}
