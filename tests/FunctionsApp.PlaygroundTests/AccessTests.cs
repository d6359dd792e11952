using Deque.AxeCore.Playwright;
using FunctionsApp.IntegrationTests.Hosting;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace FunctionsApp.PlaygroundTests;

/// <summary>For everyone: by keyboard, on a phone, in the dark, with a screen reader.</summary>
[Collection(PlaygroundCollection.Name)]
public sealed class AccessTests(PlaygroundFixture playground)
{
    public static TheoryData<string, int, ColorScheme> EachView()
    {
        var data = new TheoryData<string, int, ColorScheme>();
        foreach (var tab in Windows.Tabs)
        {
            data.Add(tab, 1280, ColorScheme.Light);
            data.Add(tab, 390, ColorScheme.Dark);
        }

        return data;
    }

    [BrowserTheory]
    [MemberData(nameof(EachView))]
    public async Task Axe_finds_nothing(string tab, int width, ColorScheme scheme)
    {
        await using var page = await playground.OpenAsync(tab, Windows.Of(width, scheme));
        await page.ChooseAsync(tab, Examples.Quick(tab, width));
        await page.RunAsync(tab);
        await page.Panel(tab).Locator("summary").First.ClickAsync();
        Assert.Empty(await ErrorsAsync(page));
        await page.ShootAsync($"{tab} {width} {scheme}");
    }

    /// <summary>Tasks have a panel of their own; the others share theirs.</summary>
    [BrowserTheory]
    [InlineData("await")]
    [InlineData("tasks")]
    public async Task Axe_finds_nothing_in_a_failure(string tab)
    {
        await using var page = await playground.OpenAsync(tab);
        await page.WriteAsync(tab, """{"unknown":1,"other":2}""");
        await page.RunAsync(tab, "failed");
        Assert.Empty(await ErrorsAsync(page));
        await page.WriteAsync(tab, "{");
        Assert.Empty(await ErrorsAsync(page));
    }

    [BrowserFact]
    public async Task Axe_finds_nothing_where_a_key_is_required()
    {
        await using var host = await LocalHostProcess.StartAsync(("Host__FunctionKeys__0", "a-key-of-the-tests"));
        await using var page = await playground.OpenAsync("", address: host.BaseAddress);
        await Expect(page.Page.Locator("#key")).ToBeVisibleAsync();
        Assert.Empty(await ErrorsAsync(page));
    }

    [BrowserFact]
    public async Task The_keyboard_is_enough()
    {
        await using var page = await playground.OpenAsync("await");
        var keyboard = page.Page.Keyboard;
        await keyboard.PressAsync("Tab");
        await Expect(page.Page.GetByRole(AriaRole.Link, new() { Name = "OpenAPI" })).ToBeFocusedAsync();
        await keyboard.PressAsync("Tab");
        await Expect(page.Page.Locator("#tab-await")).ToBeFocusedAsync();
        Assert.NotEqual("none", await page.Page.Locator("#tab-await").EvaluateAsync<string>("(tab) => getComputedStyle(tab).outlineStyle"));
        await keyboard.PressAsync("ArrowLeft");
        await Expect(page.Page.Locator("#tab-tasks")).ToBeFocusedAsync();
        await keyboard.PressAsync("Home");
        await keyboard.PressAsync("ArrowRight");
        await Expect(page.Page.Locator("#tab-sequence")).ToHaveAttributeAsync("aria-selected", "true");
        Assert.EndsWith("#sequence", page.Page.Url, StringComparison.Ordinal);

        // Only the chosen tab is a stop; what follows is its panel.
        await keyboard.PressAsync("Tab");
        await Expect(page.Part("sequence", "example")).ToBeFocusedAsync();
        await keyboard.PressAsync("ArrowDown");
        await FocusedAfterTabAsync("operation", "add", "run");
        await keyboard.PressAsync("Enter");
        await page.EndAsync("sequence");
        await Expect(page.Bars("sequence")).ToHaveCountAsync(4);
        await FocusedAfterTabAsync("compare", "body");
        await keyboard.PressAsync("Control+Enter");
        await page.EndAsync("sequence");
        await FocusedAfterTabAsync("copy-curl", "curl");
        await keyboard.PressAsync("Tab");
        await Expect(page.Bars("sequence").First).ToBeFocusedAsync();
        await keyboard.PressAsync("ArrowRight");
        await Expect(page.Bars("sequence").Nth(1)).ToBeFocusedAsync();

        async Task FocusedAfterTabAsync(params string[] parts)
        {
            foreach (var part in parts)
            {
                await keyboard.PressAsync("Tab");
                await Expect(page.Part("sequence", part)).ToBeFocusedAsync();
            }
        }
    }

    [BrowserFact]
    public async Task A_fragment_chooses_the_tab()
    {
        await using var page = await playground.OpenAsync("stream");
        await Expect(page.Panel("stream")).ToBeVisibleAsync();
        await page.Page.EvaluateAsync("() => { location.hash = '#map'; }");
        await Expect(page.Panel("map")).ToBeVisibleAsync();
        await Expect(page.Panel("stream")).ToBeHiddenAsync();
    }

    [BrowserFact]
    public async Task Nothing_moves_with_reduced_motion()
    {
        await using var page = await playground.OpenAsync("stream", new() { ReducedMotion = ReducedMotion.Reduce });
        await page.WriteAsync("stream", """{"count":1000,"intervalSeconds":0.1}""");
        await page.Part("stream", "run").ClickAsync();
        await Expect(page.Bars("stream").First).ToContainClassAsync("running");
        Assert.Equal("none", await page.Bars("stream").First.EvaluateAsync<string>("(bar) => getComputedStyle(bar).animationName"));
        await page.Part("stream", "cancel").ClickAsync();
        await page.EndAsync("stream", "cancelled");
    }

    private static async Task<List<string>> ErrorsAsync(PlaygroundPage page) =>
        [.. (await page.Page.RunAxe()).Violations
            .Select(static error => $"{error.Id}: {error.Help} {error.Nodes[0].Html} {string.Join(' ', error.Nodes[0].Any.Concat(error.Nodes[0].All).Concat(error.Nodes[0].None).Select(static check => check.Message))}")];
}
