using static Microsoft.Playwright.Assertions;

namespace FunctionsApp.PlaygroundTests;

/// <summary>Cancel stops the work, and not only the page's waiting for it.</summary>
[Collection(PlaygroundCollection.Name)]
public sealed class CancelTests(PlaygroundFixture playground)
{
    [BrowserTheory]
    [InlineData("await")]
    [InlineData("sequence")]
    [InlineData("callback")]
    [InlineData("gather")]
    public async Task Cancel_ends_the_work_on_the_host(string tab)
    {
        await using var page = await playground.OpenAsync(tab);
        var input = $$"""{"url":"{{new Uri(playground.Receiver.Origin, "hold/" + tab)}}"}""";
        await page.Part(tab, "operation").SelectOptionAsync("http.request");
        await page.WriteAsync(tab, tab switch
        {
            "await" => input,
            "sequence" => $$$"""{"steps":[{"operation":"http.request","input":{{{input}}}}]}""",
            "callback" => $$$"""{"input":{{{input}}},"onSuccess":{"operation":"echo"}}""",
            _ => $$$"""{"calls":[{"operation":"http.request","input":{{{input}}}}]}""",
        });
        await page.Part(tab, "run").ClickAsync();
        await playground.Receiver.ArrivedAsync(tab);
        await page.Part(tab, "cancel").ClickAsync();
        await page.EndAsync(tab, "cancelled");
        await playground.Receiver.CutOffAsync(tab);
        await Expect(page.Part(tab, "status")).ToContainTextAsync("Cancelled");
    }

    [BrowserFact]
    public async Task Escape_cancels_too()
    {
        await using var page = await playground.OpenAsync("stream");
        await page.WriteAsync("stream", """{"count":1000,"intervalSeconds":0.1}""");
        await page.Page.Keyboard.PressAsync("Control+Enter");
        await Expect(page.Bars("stream").Nth(2)).ToBeVisibleAsync();
        await page.Page.Keyboard.PressAsync("Escape");
        await page.EndAsync("stream", "cancelled");
        await Expect(page.Bars("stream").Last).ToContainClassAsync("cancelled");
    }

    [BrowserFact]
    public async Task Cancel_of_a_task_cancels_the_task()
    {
        await using var page = await playground.OpenAsync("tasks");
        await page.ChooseAsync("tasks", "A long wait to cancel");
        var created = await page.Page.RunAndWaitForResponseAsync(
            () => page.Part("tasks", "run").ClickAsync(), static response => response.Request.Method == "POST");
        await Expect(page.Panel("tasks").Locator(".pill")).ToContainTextAsync("running");
        await page.Part("tasks", "cancel").ClickAsync();
        await page.EndAsync("tasks");
        await Expect(page.Bars("tasks")).ToContainClassAsync("cancelled");

        using var api = playground.Host.Connect();
        var id = (await created.JsonAsync())!.Value.GetProperty("id").GetString();
        Assert.Equal("cancelled", (await api.GetAsync($"tasks/{id}"))["status"].GetString());
    }
}
