using Deque.AxeCore.Playwright;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace FunctionsApp.PlaygroundTests;

/// <summary>For everyone: by keyboard, on a phone, in the dark, with a screen reader.</summary>
[Collection(PlaygroundCollection.Name)]
public sealed class AccessTests(PlaygroundFixture playground)
{
    private static readonly string[] Tabs = ["await", "sequence", "callback", "gather", "map", "stream", "tasks"];

    public static TheoryData<string, ColorScheme> TabsInBothSchemes()
    {
        var data = new TheoryData<string, ColorScheme>();
        foreach (var tab in Tabs)
        {
            data.Add(tab, ColorScheme.Light);
            data.Add(tab, ColorScheme.Dark);
        }

        return data;
    }

    public static TheoryData<string> EachTab() => [.. Tabs];

    [BrowserTheory]
    [MemberData(nameof(TabsInBothSchemes))]
    public async Task Axe_finds_no_serious_problem(string tab, ColorScheme scheme)
    {
        await using var page = await playground.OpenAsync(tab, new() { ColorScheme = scheme, ViewportSize = new() { Width = 1360, Height = 900 } });
        await page.ChooseAsync(tab, Quick(tab));
        await page.RunAsync(tab);
        await page.Panel(tab).Locator("summary").First.ClickAsync();
        Assert.Empty(await ErrorsAsync(page));
        await page.ShootAsync($"{tab} {scheme}");
    }

    [BrowserTheory]
    [InlineData(ColorScheme.Light)]
    [InlineData(ColorScheme.Dark)]
    public async Task Axe_finds_no_serious_problem_in_an_error(ColorScheme scheme)
    {
        await using var page = await playground.OpenAsync("await", new() { ColorScheme = scheme });
        await page.ChooseAsync("await", "Request with two errors");
        await page.RunAsync("await", "failed");
        Assert.Empty(await ErrorsAsync(page));
    }

    [BrowserTheory]
    [MemberData(nameof(EachTab))]
    public async Task A_phone_shows_it_without_scrolling_sideways(string tab)
    {
        await using var page = await playground.OpenAsync(tab, new() { ViewportSize = new() { Width = 360, Height = 740 }, IsMobile = true, HasTouch = true, DeviceScaleFactor = 2 });
        await page.ChooseAsync(tab, Quick(tab));
        await page.RunAsync(tab);
        Assert.Equal(360, await page.Page.EvaluateAsync<int>("() => document.documentElement.scrollWidth"));

        // Run has brought what runs into sight.
        await Expect(page.Panel(tab).Locator(".chart").First).ToBeInViewportAsync();
        await page.ShootAsync($"phone {tab}");
    }

    [BrowserFact]
    public async Task The_keyboard_is_enough()
    {
        await using var page = await playground.OpenAsync("await");
        var keyboard = page.Page.Keyboard;
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
        await keyboard.PressAsync("Tab");
        await keyboard.PressAsync("Tab");
        await keyboard.PressAsync("Tab");
        await Expect(page.Part("sequence", "body")).ToBeFocusedAsync();
        await keyboard.PressAsync("Control+Enter");
        await page.EndAsync("sequence");
        await Expect(page.Bars("sequence")).ToHaveCountAsync(4);
        for (var i = 0; i < 2; i++)
        {
            await keyboard.PressAsync("Tab");
        }

        await Expect(page.Part("sequence", "compare")).ToBeFocusedAsync();
        await keyboard.PressAsync("Tab");
        await Expect(page.Bars("sequence").First).ToBeFocusedAsync();
        await keyboard.PressAsync("ArrowRight");
        await Expect(page.Bars("sequence").Nth(1)).ToBeFocusedAsync();
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

    /// <summary>An example that does not take long, for what is the same with all of them.</summary>
    private static string Quick(string tab) => tab switch
    {
        "await" => "Count primes",
        "sequence" => "Each step uses the one before",
        "callback" => "Work, then a sentence",
        "gather" => "Some fail, the others continue",
        "map" => "Fractal: the whole set",
        "stream" => "Hello and goodbye",
        _ => "A map, with its progress",
    };

    private static async Task<List<string>> ErrorsAsync(PlaygroundPage page) =>
        [.. (await page.Page.RunAxe()).Violations
            .Where(static error => error.Impact is "serious" or "critical")
            .Select(static error => $"{error.Id}: {error.Help} {error.Nodes[0].Html} {string.Join(' ', error.Nodes[0].Any.Concat(error.Nodes[0].All).Concat(error.Nodes[0].None).Select(static check => check.Message))}")];
}
