using System.Diagnostics;
using System.Globalization;
using System.Text;
using static Microsoft.Playwright.Assertions;

namespace FunctionsApp.PlaygroundTests;

/// <summary>Tasks are watched, found again, and their webhooks looked after.</summary>
[Collection(PlaygroundCollection.Name)]
public sealed class TaskTests(PlaygroundFixture playground)
{
    [BrowserFact]
    public async Task The_progress_of_a_running_task_is_shown()
    {
        await using var page = await playground.OpenAsync("tasks");
        var count = page.Panel("tasks").Locator(".task .hint");
        await page.WriteAsync("tasks", Gather(0.1, 600));
        await page.Part("tasks", "run").ClickAsync();
        await Expect(count).ToHaveTextAsync("1 of 2");
        await page.Part("tasks", "cancel").ClickAsync();
        await page.EndAsync("tasks");
        await page.Panel("tasks").GetByText("Remove ended tasks").ClickAsync();
        await page.WriteAsync("tasks", Gather(0.1, 0.2, 0.1));
        await page.RunAsync("tasks");
        await Expect(count).ToHaveTextAsync("3 of 3");
        await Expect(page.Part("tasks", "answer")).ToContainTextAsync("\"status\": \"succeeded\"");
    }

    [BrowserFact]
    public async Task Tasks_are_found_again_after_a_reload_and_watched_to_their_end()
    {
        await using var page = await playground.OpenAsync("tasks");
        await page.ChooseAsync("tasks", "A long wait to cancel");
        await page.Part("tasks", "run").ClickAsync();
        await Expect(page.Panel("tasks").Locator(".pill")).ToContainTextAsync("running");
        await page.Page.ReloadAsync();
        await Expect(page.Panel("tasks").Locator(".pill")).ToContainTextAsync("running");
        await page.Panel("tasks").Locator(".task").GetByText("Cancel").ClickAsync();
        await Expect(page.Panel("tasks").Locator(".pill")).ToContainTextAsync("cancelled");
        await page.Panel("tasks").GetByText("Remove ended tasks").ClickAsync();
        await Expect(page.Panel("tasks").Locator(".task")).ToHaveCountAsync(0);
    }

    [BrowserFact]
    public async Task The_example_that_ran_by_itself_makes_way_for_a_task_that_is_asked_for()
    {
        var example = new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var page = await playground.OpenAsync("tasks", prepare: context => context.RouteAsync("**/api/tasks", async route =>
        {
            // It would end soon.
            var response = await route.FetchAsync(new() { PostData = Encoding.UTF8.GetBytes(Gather(600)) });
            example.SetResult((await response.JsonAsync())!.Value.GetProperty("id").GetString()!);
            await route.FulfillAsync(new() { Response = response });
        }));
        var id = await example.Task.WaitAsync(TimeSpan.FromSeconds(60));
        await Expect(page.Panel("tasks").Locator(".task b")).ToHaveTextAsync("gather");
        await page.ChooseAsync("tasks", "Three attempts");
        await page.RunAsync("tasks");
        await Expect(page.Panel("tasks").Locator(".task b")).ToHaveTextAsync("fail");
        await Expect(page.Bars("tasks")).ToHaveCountAsync(1);

        using var api = playground.Host.Connect();
        Assert.Equal("cancelled", (await api.GetAsync($"tasks/{id}?waitSeconds=30"))["status"].GetString());
    }

    [BrowserFact]
    public async Task A_task_continues_when_another_is_created()
    {
        await using var page = await playground.OpenAsync("tasks");
        await page.ChooseAsync("tasks", "A long wait to cancel");
        await page.Part("tasks", "run").ClickAsync();
        await Expect(page.Panel("tasks").Locator(".pill")).ToContainTextAsync("running");
        await page.ChooseAsync("tasks", "Three attempts");
        await page.RunAsync("tasks");
        await Expect(page.Panel("tasks").Locator(".pill").First).ToContainTextAsync("failed");
        await Expect(page.Panel("tasks").Locator(".pill").Last).ToContainTextAsync("running");
        await Expect(page.Bars("tasks")).ToHaveCountAsync(2);

        // Its bar grows with the time.
        var before = await WidthAsync();
        await page.Page.WaitForFunctionAsync("(before) => parseFloat(document.querySelector('#panel-tasks .bar').style.getPropertyValue('--to')) > before", before);
        await page.Panel("tasks").Locator(".task").Last.GetByText("Cancel", new() { Exact = true }).ClickAsync();
        await Expect(page.Bars("tasks").First).ToContainClassAsync("cancelled");

        Task<double> WidthAsync() => page.Bars("tasks").First.EvaluateAsync<double>("(bar) => parseFloat(bar.style.getPropertyValue('--to'))");
    }

    [BrowserFact]
    public async Task Deliveries_are_listed_and_sent_again()
    {
        await using var page = await playground.OpenAsync("tasks");
        await page.ChooseAsync("tasks", "With a webhook");
        var webhook = new Uri(playground.Receiver.Origin, "webhook").ToString();
        await page.WriteAsync("tasks", (await page.Part("tasks", "body").InputValueAsync()).Replace("https://example.com/webhook", webhook, StringComparison.Ordinal));
        await page.RunAsync("tasks");
        await page.Panel("tasks").GetByRole(Microsoft.Playwright.AriaRole.Button, new() { Name = "Deliveries" }).ClickAsync();
        await ShowsAsync(1);
        await page.Panel("tasks").GetByText("Send again").ClickAsync();
        await ShowsAsync(2);
        await page.ShootAsync("deliveries");

        // What has been sent shows when it is looked at again.
        async Task ShowsAsync(int attempts)
        {
            var rows = page.Panel("tasks").Locator(".deliveries tbody tr");
            for (var start = Stopwatch.StartNew(); start.Elapsed < TimeSpan.FromSeconds(60) && await rows.CountAsync() < attempts;)
            {
                await page.Page.RunAndWaitForResponseAsync(
                    () => page.Panel("tasks").GetByText("Refresh").ClickAsync(), static response => response.Url.EndsWith("/deliveries", StringComparison.Ordinal));
            }

            await Expect(rows).ToHaveCountAsync(attempts);
            await Expect(rows.Last).ToContainTextAsync("204");
        }
    }

    [BrowserFact]
    public async Task A_callback_with_a_url_becomes_a_task()
    {
        await using var page = await playground.OpenAsync("callback");
        await page.WriteAsync("callback", $$$"""{"input":{"seconds":0.1},"onSuccess":{"url":"{{{new Uri(playground.Receiver.Origin, "webhook")}}}"}}""");
        await page.RunAsync("callback");
        await page.Page.ClickAsync("#tab-tasks");
        await Expect(page.Panel("tasks").Locator(".pill")).ToContainTextAsync("succeeded");
    }

    /// <summary>A task that gathers some waits.</summary>
    private static string Gather(params double[] seconds)
    {
        var calls = seconds.Select(static one => string.Create(CultureInfo.InvariantCulture, $$$"""{"operation":"delay","input":{"seconds":{{{one}}}}}"""));
        return $$$"""{"pattern":"gather","request":{"calls":[{{{string.Join(',', calls)}}}]}}""";
    }
}
