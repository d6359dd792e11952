using System.Globalization;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace FunctionsApp.PlaygroundTests;

/// <summary>Each tab runs its examples, and draws what ran.</summary>
[Collection(PlaygroundCollection.Name)]
public sealed class PatternTests(PlaygroundFixture playground)
{
    [BrowserTheory]
    [InlineData("await", "Wait a second", "done", 1)]
    [InlineData("await", "Count primes", "done", 1)]
    [InlineData("await", "Timeout", "failed", 1)]
    [InlineData("await", "Request with two errors", "failed", 1)]
    [InlineData("sequence", "Six waits, a computation", "done", 7)]
    [InlineData("sequence", "Each step uses the one before", "done", 4)]
    [InlineData("sequence", "A step that fails", "failed", 1)]
    [InlineData("callback", "Work, then a sentence", "done", 2)]
    [InlineData("callback", "Error, then a continuation", "done", 2)]
    [InlineData("gather", "Six waits, a computation", "done", 7)]
    [InlineData("gather", "At most two at a time", "done", 7)]
    [InlineData("gather", "The first one wins", "done", 6)]
    [InlineData("gather", "Some fail, the others continue", "done", 4)]
    [InlineData("gather", "One fails, all are cancelled", "failed", 3)]
    [InlineData("map", "Primes, four million at a time", "done", 24)]
    [InlineData("stream", "Count to twelve", "done", 12)]
    [InlineData("stream", "Hello and goodbye", "done", 2)]
    [InlineData("stream", "Stopped by its timeout", "failed", 7)]
    [InlineData("tasks", "A map, with its progress", "done", 1)]
    [InlineData("tasks", "A gather, with its progress", "done", 1)]
    [InlineData("tasks", "Three attempts", "done", 1)]
    public async Task An_example_runs_and_is_drawn(string tab, string example, string state, int bars)
    {
        await using var page = await playground.OpenAsync(tab);
        await page.ChooseAsync(tab, example);
        await page.RunAsync(tab, state);
        await Expect(page.Bars(tab)).ToHaveCountAsync(bars);
        await page.ShootAsync($"{tab} {example}".Replace(':', ' '));
    }

    [BrowserFact]
    public async Task The_bars_of_a_sequence_follow_each_other_and_those_of_a_gather_start_together()
    {
        await using var page = await playground.OpenAsync("sequence");
        await page.RunAsync("sequence");
        var steps = await BoxesAsync(page, "sequence");
        for (var i = 1; i < steps.Count; i++)
        {
            Assert.InRange(steps[i].Left, steps[i - 1].Right - 4, steps[i - 1].Right + 30);
            Assert.True(steps[i].Top > steps[i - 1].Top);
        }

        await page.Page.ClickAsync("#tab-gather");
        await page.RunAsync("gather");
        var calls = await BoxesAsync(page, "gather");
        Assert.All(calls, call => Assert.InRange(call.Left, calls[0].Left - 40, calls[0].Left + 40));
        Assert.Equal(calls.Max(static call => call.Right), calls[0].Right);
    }

    [BrowserFact]
    public async Task A_gather_is_drawn_while_it_runs()
    {
        await using var page = await playground.OpenAsync();
        await page.WriteAsync("gather", """
            {"calls":[{"id":"quick","operation":"delay","input":{"seconds":0.1}},{"id":"held","operation":"http.request","input":{"url":"URL"}}]}
            """.Replace("URL", new Uri(playground.Receiver.Origin, "hold/drawn").ToString(), StringComparison.Ordinal));
        await page.Part("gather", "run").ClickAsync();
        await Expect(page.Bars("gather").Nth(0)).ToContainClassAsync("succeeded");
        await Expect(page.Bars("gather").Nth(1)).ToContainClassAsync("running");
        await page.Part("gather", "cancel").ClickAsync();
        await page.EndAsync("gather", "cancelled");
        await Expect(page.Bars("gather").Nth(1)).ToContainClassAsync("cancelled");
        await playground.Receiver.CutOffAsync("drawn");
    }

    [BrowserTheory]
    [InlineData("sequence")]
    [InlineData("gather")]
    public async Task Compare_lays_both_on_one_axis_with_their_times_and_the_factor(string tab)
    {
        await using var page = await playground.OpenAsync(tab);
        await page.Part(tab, "compare").ClickAsync();
        await page.EndAsync(tab);
        await Expect(page.Bars(tab)).ToHaveCountAsync(14);
        await Expect(page.Panel(tab).Locator(".timeline")).ToHaveCountAsync(2);
        var spans = await page.Panel(tab).Locator(".chart").EvaluateAllAsync<string[]>("charts => charts.map((chart) => chart.style.getPropertyValue('--span'))");
        Assert.Equal(spans[0], spans[1]);
        var factor = double.Parse((await page.Part(tab, "factor").Locator("strong").TextContentAsync())!.Split('×')[0], CultureInfo.InvariantCulture);
        Assert.InRange(factor, 1.5, 5);
        await page.ShootAsync($"compare from {tab}");
    }

    [BrowserFact]
    public async Task A_focused_bar_shows_its_times_and_so_does_a_table()
    {
        await using var page = await playground.OpenAsync();
        await page.RunAsync("gather");
        await page.Bars("gather").Nth(1).HoverAsync();
        await Expect(page.Panel("gather").Locator(".tip")).ToContainTextAsync("traffic");
        await page.Bars("gather").Nth(0).FocusAsync();
        await page.Page.Keyboard.PressAsync("ArrowRight");
        await Expect(page.Bars("gather").Nth(1)).ToBeFocusedAsync();
        await page.Page.Keyboard.PressAsync("End");
        await Expect(page.Panel("gather").Locator(".tip")).ToContainTextAsync("primes");
        await page.Panel("gather").Locator("summary").ClickAsync();
        await Expect(page.Panel("gather").Locator("tbody tr")).ToHaveCountAsync(7);
        await Expect(page.Panel("gather").Locator("tbody tr").First).ToContainTextAsync("succeeded");
    }

    [BrowserFact]
    public async Task A_problem_links_to_the_place_in_the_request()
    {
        await using var page = await playground.OpenAsync("await");
        await page.ChooseAsync("await", "Request with two errors");
        await page.RunAsync("await", "failed");
        await Expect(page.Part("await", "problem")).ToContainTextAsync("422");
        await page.Part("await", "problem").GetByRole(AriaRole.Button, new() { Name = "/retries" }).ClickAsync();
        Assert.Equal("3", await page.Page.EvaluateAsync<string>("() => { const field = document.activeElement; return field.value.slice(field.selectionStart, field.selectionEnd); }"));
    }

    [BrowserFact]
    public async Task Integers_of_64_bits_keep_their_digits()
    {
        await using var page = await playground.OpenAsync("await");
        await page.Part("await", "operation").SelectOptionAsync("primes.isPrime");
        Assert.Contains("9223372036854775783", await page.Part("await", "body").InputValueAsync(), StringComparison.Ordinal);
        await page.Part("await", "operation").SelectOptionAsync("primes.factor");
        await page.WriteAsync("await", """{"n":9223372036854775806}""");
        await page.RunAsync("await");
        await Expect(page.Part("await", "answer")).ToContainTextAsync("[2, 3, 715827883, 2147483647]");
    }

    [BrowserFact]
    public async Task Only_the_visible_lines_of_a_large_response_are_in_the_page()
    {
        await using var page = await playground.OpenAsync("stream");
        await page.ChooseAsync("stream", "A hundred thousand values");
        await page.RunAsync("stream");
        await Expect(page.Part("stream", "answer-size")).ToHaveTextAsync("100,001 lines");
        var response = page.Part("stream", "answer");
        await response.EvaluateAsync("(lines) => { lines.scrollTop = 0; }");
        await Expect(response).ToContainTextAsync("{\"value\":3}");
        Assert.InRange(await response.Locator(".window > div").CountAsync(), 5, 100);
        await response.EvaluateAsync("(lines) => { lines.scrollTop = lines.scrollHeight; }");
        await Expect(response).ToContainTextAsync("\"count\":100000");
        Assert.InRange(await response.Locator(".window > div").CountAsync(), 5, 100);
    }

    [BrowserFact]
    public async Task Another_operation_can_be_added_to_a_list()
    {
        await using var page = await playground.OpenAsync();
        await page.Part("gather", "operation").SelectOptionAsync("math.square");
        await page.Part("gather", "add").ClickAsync();
        await page.RunAsync("gather");
        await Expect(page.Bars("gather")).ToHaveCountAsync(8);
        await Expect(page.Part("gather", "curl")).ToContainTextAsync("math.square");
        await Expect(page.Part("gather", "python")).ToContainTextAsync("def math_square(x):");
    }

    private static async Task<List<(double Left, double Right, double Top)>> BoxesAsync(PlaygroundPage page, string tab)
    {
        var boxes = new List<(double, double, double)>();
        foreach (var bar in await page.Bars(tab).AllAsync())
        {
            var box = (await bar.BoundingBoxAsync())!;
            boxes.Add((box.X, box.X + box.Width, box.Y));
        }

        return boxes;
    }
}
