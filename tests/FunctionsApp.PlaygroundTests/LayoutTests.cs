using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace FunctionsApp.PlaygroundTests;

/// <summary>What is where, on a desktop, in a narrow window and on a phone.</summary>
[Collection(PlaygroundCollection.Name)]
public sealed class LayoutTests(PlaygroundFixture playground)
{
    public static TheoryData<string> EachTab() => [.. Windows.Tabs];

    public static TheoryData<string, int> EachTabAndWidth()
    {
        var data = new TheoryData<string, int>();
        foreach (var (tab, width) in from tab in Windows.Tabs from width in Windows.Widths select (tab, width))
        {
            data.Add(tab, width);
        }

        return data;
    }

    [BrowserTheory]
    [MemberData(nameof(EachTabAndWidth))]
    public async Task Run_and_Cancel_stay_where_they_are(string tab, int width)
    {
        await using var page = await playground.OpenAsync(tab, new() { ViewportSize = new() { Width = width, Height = 740 } });
        await page.ChooseAsync(tab, Examples.Quick(tab, width));
        await page.Page.EvaluateAsync(
            """
            (tab) => {
              window.places = new Set();
              (function look() {
                for (const name of ["run", "cancel"]) {
                  const { x, y } = document.querySelector(`#panel-${tab} [data-is=${name}]`).getBoundingClientRect();
                  places.add(`${name} ${Math.round(x)} ${Math.round(y + scrollY)}`);
                }
                requestAnimationFrame(look);
              })();
            }
            """,
            tab);
        await page.RunAsync(tab);
        await page.WriteAsync(tab, """{"unknown":1}""");
        await page.RunAsync(tab, "failed");
        await page.WriteAsync(tab, "{");
        await page.Part(tab, "run").ClickAsync();
        await Expect(page.Part(tab, "status")).ToContainTextAsync("Not sent");

        var places = await page.Page.EvaluateAsync<string[]>("() => [...places]");
        Assert.True(places.Length == 2, string.Join(", ", places));
    }

    [BrowserTheory]
    [MemberData(nameof(EachTab))]
    public async Task Selects_and_requests_are_readable_at_their_width(string tab)
    {
        await using var page = await playground.OpenAsync(tab);
        foreach (var width in Windows.Widths)
        {
            await page.ResizeAsync(width);
            Assert.Empty(await ClippedAsync(page.Panel(tab)));
            foreach (var example in await page.Part(tab, "example").Locator("option").AllTextContentsAsync())
            {
                await page.ChooseAsync(tab, example);
                Assert.Equal(0, await page.Part(tab, "body").EvaluateAsync<int>("(field) => field.scrollWidth - field.clientWidth"));
            }
        }
    }

    [BrowserTheory]
    [MemberData(nameof(EachTab))]
    public async Task A_phone_shows_the_chart_without_scrolling_and_no_hints_for_keyboards(string tab)
    {
        await using var page = await playground.OpenAsync(tab, Windows.Of(360));
        await page.ChooseAsync(tab, Examples.Quick(tab, 360));
        await page.RunAsync(tab);
        Assert.Equal(0, await page.Page.EvaluateAsync<int>("() => scrollY"));
        Assert.Equal(360, await page.Page.EvaluateAsync<int>("() => document.documentElement.scrollWidth"));
        var chart = (await page.Panel(tab).Locator(".chart").First.BoundingBoxAsync())!;
        Assert.InRange(chart.Y, 0, 740 - 200);
        await page.ShootAsync($"phone {tab}");
        foreach (var key in await page.Panel(tab).Locator("kbd").AllAsync())
        {
            await Expect(key).ToBeHiddenAsync();
        }
    }

    [BrowserFact]
    public async Task The_request_does_not_grow_with_the_response()
    {
        await using var page = await playground.OpenAsync("stream");
        var before = await HeightAsync();
        await page.WriteAsync("stream", """{"count":1000}""");
        await page.RunAsync("stream");
        await page.ChooseAsync("stream", "Count to twelve");
        Assert.Equal(before, await HeightAsync());

        Task<double> HeightAsync() => page.Panel("stream").Locator(".request").EvaluateAsync<double>("(card) => card.getBoundingClientRect().height");
    }

    /// <summary>The options of selects that are wider than their select.</summary>
    private static Task<string[]> ClippedAsync(ILocator panel) => panel.EvaluateAsync<string[]>(
        """
        (panel) => {
          const context = new OffscreenCanvas(1, 1).getContext("2d");
          const clipped = [];
          for (const select of panel.querySelectorAll("select")) {
            const style = getComputedStyle(select);
            context.font = style.font;

            // The arrow takes about 20 pixels.
            const room = select.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight) - 20;
            for (const { textContent } of select.options) if (context.measureText(textContent).width > room) clipped.push(textContent);
          }
          return clipped;
        }
        """);
}
