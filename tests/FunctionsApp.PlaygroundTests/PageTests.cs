using System.Net;
using System.Net.Http.Headers;
using FunctionsApp.IntegrationTests.Hosting;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace FunctionsApp.PlaygroundTests;

/// <summary>The page as it is served.</summary>
[Collection(PlaygroundCollection.Name)]
public sealed class PageTests(PlaygroundFixture playground)
{
    [Fact]
    public async Task The_page_is_small_and_runs_only_its_own_script()
    {
        using var api = playground.Host.Connect();
        using var response = await api.Http.GetAsync(new Uri("playground", UriKind.Relative));
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal("text/html; charset=utf-8", response.Content.Headers.ContentType!.ToString());
        Assert.InRange((await response.Content.ReadAsByteArrayAsync()).Length, 10_000, 110_000);
        Assert.Equal("no-cache", response.Headers.CacheControl!.ToString());
        Assert.Equal("nosniff", response.Headers.GetValues("X-Content-Type-Options").Single());
        Assert.Equal("no-referrer", response.Headers.GetValues("Referrer-Policy").Single());

        var policy = response.Headers.GetValues("Content-Security-Policy").Single();
        Assert.StartsWith("default-src 'none'; script-src 'sha256-", policy, StringComparison.Ordinal);
        Assert.Contains("; style-src 'sha256-", policy, StringComparison.Ordinal);
        Assert.EndsWith("; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'", policy, StringComparison.Ordinal);
        Assert.DoesNotContain("unsafe", policy, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_browser_with_the_ETag_gets_304()
    {
        using var api = playground.Host.Connect();
        using var first = await api.Http.GetAsync(new Uri("playground", UriKind.Relative));
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri("playground", UriKind.Relative));
        request.Headers.IfNoneMatch.Add(first.Headers.ETag!);
        using var again = await api.Http.SendAsync(request);
        Assert.Equal(HttpStatusCode.NotModified, again.StatusCode);
        Assert.Empty(await again.Content.ReadAsByteArrayAsync());

        using var other = new HttpRequestMessage(HttpMethod.Get, new Uri("playground", UriKind.Relative));
        other.Headers.IfNoneMatch.Add(new EntityTagHeaderValue("\"other\""));
        using var whole = await api.Http.SendAsync(other);
        Assert.Equal(HttpStatusCode.OK, whole.StatusCode);
    }

    [Fact]
    public void The_host_prints_its_address() =>
        Assert.Contains($"Playground: {playground.Host.BaseAddress}", playground.Host.Output, StringComparison.Ordinal);

    [BrowserTheory]
    [InlineData("/")]
    [InlineData("/api/playground")]
    public async Task The_page_is_painted_after_one_request(string path)
    {
        var address = new Uri(playground.Host.BaseAddress, path);
        await using var page = await playground.OpenAsync(address: address);
        Assert.Equal(
            [address.ToString(), new Uri(playground.Host.BaseAddress, "/api/operations").ToString()],
            page.Requests.Where(static request => request.Method == "GET" && request.Url.StartsWith("http", StringComparison.Ordinal)).Select(static request => request.Url.Split('#')[0]));
    }

    [BrowserTheory]
    [InlineData("v1")]
    [InlineData("")]
    public async Task The_page_finds_the_functions_under_any_prefix(string prefix)
    {
        await using var host = await LocalHostProcess.StartAsync(("AzureFunctionsJobHost__extensions__http__routePrefix", prefix));
        await using var page = await playground.OpenAsync("await", address: host.BaseAddress);
        await page.WriteAsync("await", """{"seconds":0}""");
        await page.RunAsync("await");
        await using var beside = await playground.OpenAsync("await", address: new Uri(host.BaseAddress, $"/{prefix}/playground".Replace("//", "/", StringComparison.Ordinal)));
        await beside.WriteAsync("await", """{"seconds":0}""");
        await beside.RunAsync("await");
    }

    [BrowserFact]
    public async Task Beyond_loopback_the_page_asks_for_a_key_and_keeps_it_private()
    {
        const string Key = "a-key-of-the-tests";
        await using var host = await LocalHostProcess.StartAsync("http://0.0.0.0:0", ("Host__FunctionKeys__0", Key));
        await using var page = await playground.OpenAsync("gather", address: host.BaseAddress);
        var form = page.Page.Locator("#key");
        await Expect(form).ToBeVisibleAsync();
        await page.Page.FillAsync("#key-value", "another");
        await page.Page.Keyboard.PressAsync("Enter");
        await Expect(page.Page.Locator("#key-value")).ToHaveAttributeAsync("aria-invalid", "true");
        await page.Page.FillAsync("#key-value", Key);
        await page.Page.Keyboard.PressAsync("Enter");
        await Expect(form).ToBeHiddenAsync();
        await page.WriteAsync("gather", """{"calls":[{"operation":"delay","input":{"seconds":0}}]}""");
        await page.RunAsync("gather");

        // A link cannot send a key, so the page fetches what it leads to.
        var document = await page.Page.RunAndWaitForPopupAsync(() => page.Page.GetByRole(AriaRole.Link, new() { Name = "OpenAPI" }).ClickAsync());
        await Expect(document.Locator("body")).ToContainTextAsync("\"openapi\"");

        // Event sources cannot send a key, so tasks show that the page does without them.
        await page.Page.ClickAsync("#tab-tasks");
        await page.WriteAsync("tasks", """{"pattern":"gather","request":{"calls":[{"operation":"delay","input":{"seconds":0}}]}}""");
        await page.RunAsync("tasks");
        Assert.DoesNotContain(page.Requests, static request => request.Url.Contains(Key, StringComparison.Ordinal));
        Assert.DoesNotContain(Key, await page.Page.EvaluateAsync<string>("() => JSON.stringify([{ ...sessionStorage }, { ...localStorage }, document.cookie])"), StringComparison.Ordinal);
        await Expect(page.Part("tasks", "curl")).ToContainTextAsync("x-functions-key: $FUNCTIONS_KEY");
    }
}
