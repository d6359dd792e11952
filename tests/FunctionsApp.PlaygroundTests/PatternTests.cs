using System.Globalization;
using System.Text.Json;
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
    [InlineData("map", "Waits, three at a time", "done", 6)]
    [InlineData("stream", "Count to twelve", "done", 12)]
    [InlineData("stream", "Hello and goodbye", "done", 2)]
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
    public async Task A_stream_that_its_timeout_stops_has_a_bar_a_line_and_the_last_one_failed()
    {
        await using var page = await playground.OpenAsync("stream");
        await page.ChooseAsync("stream", "Stopped by its timeout");
        await page.RunAsync("stream", "failed");

        // Each value is a line, and so is the error.
        var bars = await page.Bars("stream").CountAsync();
        Assert.InRange(bars, 2, 100);
        await Expect(page.Part("stream", "answer-size")).ToHaveTextAsync($"{bars} lines");
        await Expect(page.Bars("stream").Last).ToContainClassAsync("failed");
    }

    [BrowserFact]
    public async Task The_bars_of_a_sequence_follow_each_other()
    {
        await using var page = await playground.OpenAsync("sequence");
        await page.WriteAsync("sequence", Waits("steps", 0.3, 0.1, 0.2));
        await page.RunAsync("sequence");
        var steps = await MeasureAsync(page.Panel("sequence"));
        FollowEachOther(steps, 0.3, 0.1, 0.2);
        Assert.Equal(steps.OrderBy(static step => step.Top), steps);
        Assert.Distinct(steps.Select(static step => step.Top));
    }

    [BrowserFact]
    public async Task The_bars_of_a_gather_start_together()
    {
        await using var page = await playground.OpenAsync();
        await page.WriteAsync("gather", Waits("calls", 0.6, 0.3, 0.4));
        await page.RunAsync("gather");
        StartTogether(await MeasureAsync(page.Panel("gather")), 0.6, 0.3, 0.4);
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
    [InlineData("sequence", "steps")]
    [InlineData("gather", "calls")]
    public async Task Compare_lays_both_on_one_axis_with_their_times_and_the_factor(string tab, string list)
    {
        double[] waits = [0.4, 0.3, 0.5, 0.3];
        await using var page = await playground.OpenAsync(tab);
        await page.WriteAsync(tab, Waits(list, waits));
        await page.Part(tab, "compare").ClickAsync();
        await page.EndAsync(tab);
        var charts = page.Panel(tab).Locator(".timeline");
        await Expect(charts.Locator("figcaption")).ToHaveTextAsync(["sequence", "gather"]);
        var (steps, calls) = (await MeasureAsync(charts.First), await MeasureAsync(charts.Last));
        FollowEachOther(steps, waits);
        StartTogether(calls, waits);
        var spans = await page.Panel(tab).Locator(".chart").EvaluateAllAsync<string[]>("charts => charts.map((chart) => chart.style.getPropertyValue('--span'))");
        Assert.Equal(spans[0], spans[1]);

        // The numbers are those of the charts, rounded.
        var factor = page.Part(tab, "factor");
        var (slow, quick) = (steps.Max(static step => step.To), calls.Max(static call => call.To));
        await Expect(factor.Locator("span")).ToContainTextAsync(["in sequence", "gathered"]);
        Assert.Equal([slow, quick], (await factor.Locator("b").AllTextContentsAsync()).Select(Milliseconds), static (drawn, printed) => Math.Abs(drawn - printed) < 10);
        Assert.Equal(slow / quick, Number((await factor.Locator("strong").TextContentAsync())!.Replace("× as fast", "", StringComparison.Ordinal)), 0.1);
        await page.ShootAsync($"compare from {tab}");
    }

    [BrowserFact]
    public async Task A_focused_bar_shows_its_times_and_so_does_a_table()
    {
        await using var page = await playground.OpenAsync();
        await page.EndAsync("gather");
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
        await Expect(page.Panel("stream").Locator(".timeline > .hint")).ToContainTextAsync("99,001 more are not drawn");
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

    /// <summary>A request of some waits.</summary>
    private static string Waits(string list, params double[] seconds) => JsonSerializer.Serialize(new Dictionary<string, object>(StringComparer.Ordinal)
    {
        [list] = seconds.Select(static one => new { operation = "delay", input = new { seconds = one } }),
    });

    /// <summary>Whether each bar begins at or after the end of the one before, and is as long as its wait.</summary>
    private static void FollowEachOther((double From, double To, double Top)[] bars, params double[] seconds)
    {
        AreAsLongAs(bars, seconds);
        Assert.All(bars.Zip(bars.Skip(1)), static pair => Assert.InRange(pair.Second.From, pair.First.To - 1, double.MaxValue));
    }

    /// <summary>Whether all bars have begun when the first one ends, and each is as long as its wait.</summary>
    private static void StartTogether((double From, double To, double Top)[] bars, params double[] seconds)
    {
        AreAsLongAs(bars, seconds);
        Assert.InRange(bars.Max(static bar => bar.From), 0, bars.Min(static bar => bar.To));
    }

    /// <summary>How much longer a wait takes is the machine's affair.</summary>
    private static void AreAsLongAs((double From, double To, double Top)[] bars, double[] seconds)
    {
        Assert.Equal(seconds.Length, bars.Length);
        Assert.All(bars.Zip(seconds), static pair => Assert.InRange(pair.First.To - pair.First.From, 950 * pair.Second, double.MaxValue));
    }

    /// <summary>The bars as they lie on the screen, in milliseconds of the axis.</summary>
    private static async Task<(double From, double To, double Top)[]> MeasureAsync(ILocator chart) =>
        [.. (await chart.Locator(".bar").EvaluateAllAsync<double[][]>(
            """
            (bars) => bars.map((bar) => {
              const [box, track] = [bar, bar.parentElement].map((element) => element.getBoundingClientRect());
              const ms = (x) => ((x - track.left) / track.width) * bar.closest(".chart").style.getPropertyValue("--span");
              return [ms(box.left), ms(box.right), box.top];
            })
            """)).Select(static bar => (bar[0], bar[1], bar[2]))];

    private static double Milliseconds(string text) => text.Split(' ') is [var number, var unit] ? Number(number) * (unit == "s" ? 1000 : 1) : double.NaN;

    private static double Number(string text) => double.Parse(text, CultureInfo.InvariantCulture);
}
