using System.Text.RegularExpressions;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace FunctionsApp.PlaygroundTests;

/// <summary>What a visitor sees without doing anything, and where the page leads.</summary>
[Collection(PlaygroundCollection.Name)]
public sealed class StartTests(PlaygroundFixture playground)
{
    /// <summary>Notes each frame in which a chart has neither bars nor a sign that it waits, or a picture has no tile and no such sign.</summary>
    private const string Watch = """
        window.empty = [];
        const small = new OffscreenCanvas(16, 16).getContext("2d", { willReadFrequently: true });
        (function look() {
          for (const chart of document.querySelectorAll(".chart"))
            if (chart.checkVisibility() && !chart.matches(".washed") && !chart.querySelector(".bar")) empty.push("an axis without bars");
          for (const canvas of document.querySelectorAll("canvas")) {
            if (!canvas.checkVisibility({ visibilityProperty: true }) || getComputedStyle(canvas).backgroundImage !== "none") continue;
            small.clearRect(0, 0, 16, 16);
            small.drawImage(canvas, 0, 0, 16, 16);
            if (!small.getImageData(0, 0, 16, 16).data.some((value) => value)) empty.push("a picture without a tile");
          }
          requestAnimationFrame(look);
        })();
        """;

    public static TheoryData<string> EachTab() => [.. Windows.Tabs];

    [BrowserFact]
    public async Task The_page_opens_on_the_first_tab_and_runs_its_first_example()
    {
        await using var page = await playground.OpenAsync("");
        await page.EndAsync("await");
        await Expect(page.Page.GetByRole(AriaRole.Tab).First).ToHaveAttributeAsync("aria-selected", "true");
        await Expect(page.Bars("await")).ToHaveCountAsync(1);
        await Expect(page.Part("await", "answer")).ToContainTextAsync("\"result\": \"done\"");
    }

    [BrowserTheory]
    [MemberData(nameof(EachTab))]
    public async Task A_tab_runs_its_first_example_once(string tab)
    {
        var other = tab == "await" ? "stream" : "await";
        await using var page = await playground.OpenAsync(other, prepare: static context => context.AddInitScriptAsync(Watch));
        await page.Page.ClickAsync($"#tab-{tab}");
        await page.EndAsync(tab);
        await page.Page.ClickAsync($"#tab-{other}");
        await page.Page.ClickAsync($"#tab-{tab}");
        await page.EndAsync(tab);
        Assert.NotEqual(0, await page.Bars(tab).CountAsync());
        Assert.Single(page.Requests, request => IsRunOf(request, tab));
        await NothingWasEmptyAsync(page);
    }

    [BrowserFact]
    public async Task A_reload_finds_the_task_of_the_example_and_creates_no_other()
    {
        await using var page = await playground.OpenAsync("tasks", prepare: static context => context.AddInitScriptAsync(Watch));
        await page.EndAsync("tasks");
        await ReloadAsync();
        await Expect(page.Panel("tasks").Locator(".pill")).ToContainTextAsync("succeeded");
        await page.Panel("tasks").GetByText("Remove ended tasks").ClickAsync();
        await Expect(page.Panel("tasks").Locator(".chart")).ToBeHiddenAsync();
        await ReloadAsync();
        await Expect(page.Panel("tasks").Locator(".tasks")).ToContainTextAsync("There are none.");
        await Expect(page.Panel("tasks").Locator(".chart")).ToBeHiddenAsync();
        Assert.Single(page.Requests, static request => IsRunOf(request, "tasks"));
        await NothingWasEmptyAsync(page);

        async Task ReloadAsync()
        {
            await NothingWasEmptyAsync(page);
            await page.Page.ReloadAsync();
            await page.Page.Locator("html[data-ready]").WaitForAsync();
        }
    }

    [BrowserTheory]
    [MemberData(nameof(EachTab))]
    public async Task A_request_that_fails_at_once_has_no_empty_axis(string tab)
    {
        await using var page = await playground.OpenAsync(tab, prepare: static context => context.AddInitScriptAsync(Watch));
        await page.WriteAsync(tab, """{"items":0,"unknown":1}""");
        await page.RunAsync(tab, "failed");
        await Expect(page.Part(tab, "problem")).ToBeVisibleAsync();
        Assert.Equal(tab == "tasks" ? 0 : 1, await page.Bars(tab).CountAsync());
        await NothingWasEmptyAsync(page);
    }

    [BrowserFact]
    public async Task A_map_that_has_no_tile_yet_has_no_black_rectangle()
    {
        var arrived = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var released = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var page = await playground.OpenAsync("map", prepare: async context =>
        {
            await context.AddInitScriptAsync(Watch);
            await context.RouteAsync("**/map/fractal.tile", async route =>
            {
                arrived.TrySetResult();
                await released.Task;
                await route.FulfillAsync(new()
                {
                    Status = 503,
                    ContentType = "application/problem+json",
                    Body = """{"title":"Too much work is queued","status":503}""",
                });
            });
        });
        await arrived.Task.WaitAsync(TimeSpan.FromSeconds(60));
        await Expect(page.Panel("map").Locator(".fractal")).ToContainClassAsync("blank");
        await page.Page.EvaluateAsync("() => new Promise(requestAnimationFrame)");
        await page.ShootAsync("map without a tile");
        released.SetResult();
        await page.EndAsync("map", "failed");
        await Expect(page.Panel("map").Locator(".fractal")).ToBeHiddenAsync();
        await NothingWasEmptyAsync(page);
    }

    [BrowserTheory]
    [MemberData(nameof(EachTab))]
    public async Task Malformed_JSON_clears_what_the_last_run_has_left(string tab)
    {
        await using var page = await playground.OpenAsync(tab);
        await page.WriteAsync(tab, """{"unknown":1}""");
        await page.RunAsync(tab, "failed");
        await page.WriteAsync(tab, """{"unknown":""");
        await Expect(page.Part(tab, "problem")).ToBeHiddenAsync();
        await Expect(page.Part(tab, "fault")).ToHaveTextAsync(new Regex("^Invalid JSON: ", RegexOptions.None, TimeSpan.FromSeconds(1)));
        await page.Part(tab, "run").ClickAsync();
        await Expect(page.Part(tab, "status")).ToHaveTextAsync("Not sent: the request is not valid JSON.");
        await Expect(page.Part(tab, "answer-card")).ToBeHiddenAsync();
        Assert.Equal(0, await page.Bars(tab).CountAsync());
        await page.WriteAsync(tab, "{}");
        await Expect(page.Part(tab, "fault")).ToBeHiddenAsync();
    }

    [BrowserFact]
    public async Task Malformed_JSON_stops_the_run_before()
    {
        await using var page = await playground.OpenAsync("stream");
        await page.WriteAsync("stream", """{"count":1000,"intervalSeconds":0.1}""");
        await page.Part("stream", "run").ClickAsync();
        await Expect(page.Bars("stream").Nth(2)).ToBeVisibleAsync();
        await page.WriteAsync("stream", "{");
        await page.Page.Keyboard.PressAsync("Control+Enter");
        await page.EndAsync("stream", "failed");
        await Expect(page.Part("stream", "cancel")).ToBeDisabledAsync();
        await Expect(page.Bars("stream")).ToHaveCountAsync(0);
        await Expect(page.Part("stream", "clock")).ToBeEmptyAsync();
    }

    [BrowserFact]
    public async Task The_page_links_to_the_pages_of_a_repository_that_is_known()
    {
        await using var page = await playground.OpenAsync("map", prepare: static context => context.RouteAsync("**/", static async route =>
        {
            var response = await route.FetchAsync();
            var body = Regex.Replace(
                await response.TextAsync(),
                "(?<=<meta name=\"repository\" content=\")[^\"]*",
                "https://example.com/owner/name",
                RegexOptions.None,
                TimeSpan.FromSeconds(1));
            await route.FulfillAsync(new() { Response = response, Body = body });
        }));
        var links = await page.Page.Locator("a[href]").EvaluateAllAsync<string[]>(
            "links => links.filter((link) => link.checkVisibility()).map((link) => `${link.textContent} ${link.href}`)");
        Assert.Equal(
            [
                "Documentation https://example.com/owner/name/tree/HEAD/docs",
                $"OpenAPI {new Uri(playground.Host.BaseAddress, "api/openapi.json")}",
                "Repository https://example.com/owner/name/",
                "Documentation https://example.com/owner/name/blob/HEAD/docs/map.md",
            ],
            links);
        Assert.All(Windows.Tabs, static tab => Assert.True(File.Exists(Path.Combine(Repository.Root, "docs", tab + ".md"))));
    }

    [BrowserFact]
    public async Task The_page_has_no_link_that_leads_nowhere()
    {
        await using var page = await playground.OpenAsync("map");
        foreach (var link in await page.Page.Locator("a").AllAsync())
        {
            if (await link.IsVisibleAsync())
            {
                Assert.Matches("^https?://[^/]+/.", await link.EvaluateAsync<string>("link => link.href"));
            }
        }

        var document = await page.Page.RunAndWaitForPopupAsync(() => page.Page.GetByRole(AriaRole.Link, new() { Name = "OpenAPI" }).ClickAsync());
        await Expect(document.Locator("body")).ToContainTextAsync("\"openapi\"");
    }

    private static bool IsRunOf(IRequest request, string tab) =>
        request.Method == "POST" && new Uri(request.Url).AbsolutePath.StartsWith($"/api/{tab}", StringComparison.Ordinal);

    private static async Task NothingWasEmptyAsync(PlaygroundPage page) =>
        Assert.Empty((await page.Page.EvaluateAsync<string[]>("() => empty")).Distinct(StringComparer.Ordinal));
}
