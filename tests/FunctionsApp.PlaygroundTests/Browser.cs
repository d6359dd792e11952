using System.Collections.Concurrent;
using FunctionsApp.IntegrationTests.Hosting;
using Microsoft.Playwright;

namespace FunctionsApp.PlaygroundTests;

/// <summary>What the tests need of the machine, and whether it is there.</summary>
public static class Machine
{
    private static readonly string[] Names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

    /// <summary>The browser: what <c>PLAYGROUND_BROWSER</c> names, or a Chromium of the system's; Playwright downloads none.</summary>
    public static string? Browser { get; } = Environment.GetEnvironmentVariable("PLAYGROUND_BROWSER") is { Length: > 0 } path ? path : Find(Names);

    public static string? Python { get; } = Find(["python3"]);

    public static string? WithoutBrowser => Browser is null
        ? "There is no Chromium on the PATH, and PLAYGROUND_BROWSER names none."
        : Environment.GetEnvironmentVariable("FUNCTIONS_BASE_URL") is { Length: > 0 } ? "Starts LocalHosts of its own, while FUNCTIONS_BASE_URL names another app to test." : null;

    public static string? WithoutPython => WithoutBrowser ?? (Python is null ? "There is no python3 on the PATH." : null);

    private static string? Find(string[] names) =>
        (from name in names
         from folder in (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator)
         let file = Path.Combine(folder, OperatingSystem.IsWindows() ? name + ".exe" : name)
         where File.Exists(file)
         select file).FirstOrDefault();
}

/// <summary>A test that looks at the page with a browser.</summary>
public sealed class BrowserFactAttribute : FactAttribute
{
    public BrowserFactAttribute() => Skip = Machine.WithoutBrowser;
}

/// <summary>Tests that look at the page with a browser.</summary>
public sealed class BrowserTheoryAttribute : TheoryAttribute
{
    public BrowserTheoryAttribute() => Skip = Machine.WithoutBrowser;
}

/// <summary>Tests that run the Python which the page writes.</summary>
public sealed class PythonTheoryAttribute : TheoryAttribute
{
    public PythonTheoryAttribute() => Skip = Machine.WithoutPython;
}

/// <summary>A LocalHost, a server that it may call, and a browser; all tests share them.</summary>
public sealed class PlaygroundFixture : IAsyncLifetime
{
    private IPlaywright? _playwright;
    private IBrowser? _browser;

    public LocalHostProcess Host { get; private set; } = null!;

    public Receiver Receiver { get; private set; } = null!;

    public async Task InitializeAsync()
    {
        Receiver = await Receiver.StartAsync();
        Host = await LocalHostProcess.StartAsync(("Outbound__AllowedHosts__0", Receiver.Origin.Authority), ("Callbacks__RetryScheduleSeconds__0", "0"));
        if (Machine.WithoutBrowser is null)
        {
            _playwright = await Playwright.CreateAsync();

            // Chromium's sandbox does not start for root, which is who tests in a container.
            _browser = await _playwright.Chromium.LaunchAsync(new() { ExecutablePath = Machine.Browser, Args = ["--no-sandbox"], Timeout = 120_000 });
        }
    }

    /// <summary>Opens the page in a browser profile of its own.</summary>
    /// <param name="tab">The tab, as the fragment names it.</param>
    /// <param name="options">The window; by default a desktop's, light.</param>
    /// <param name="address">Another host's address.</param>
    /// <param name="prepare">What is done before the page loads.</param>
    public async Task<PlaygroundPage> OpenAsync(
        string tab = "gather", BrowserNewContextOptions? options = null, Uri? address = null, Func<IBrowserContext, Task>? prepare = null)
    {
        var context = await _browser!.NewContextAsync(options ?? Windows.Of(1360));
        await (prepare?.Invoke(context) ?? Task.CompletedTask);
        return await PlaygroundPage.OpenAsync(context, new Uri(address ?? Host.BaseAddress, tab.Length == 0 ? "" : "#" + tab));
    }

    public async Task DisposeAsync()
    {
        if (_browser is not null)
        {
            await _browser.DisposeAsync();
        }

        _playwright?.Dispose();
        await Host.DisposeAsync();
        await Receiver.DisposeAsync();
    }
}

/// <summary>Windows to look at the page in.</summary>
public static class Windows
{
    public static IReadOnlyList<string> Tabs { get; } = ["await", "sequence", "callback", "gather", "map", "stream", "tasks"];

    /// <summary>A desktop, a narrow window, and a phone.</summary>
    public static IReadOnlyList<int> Widths { get; } = [1280, 800, 390];

    public static BrowserNewContextOptions Of(int width, ColorScheme scheme = ColorScheme.Light) => width < 500
        ? new() { ViewportSize = new() { Width = width, Height = 740 }, IsMobile = true, HasTouch = true, DeviceScaleFactor = 2, ColorScheme = scheme }
        : new() { ViewportSize = new() { Width = width, Height = 900 }, ColorScheme = scheme };
}

/// <summary>Examples that do not take long, for what is the same with all of them.</summary>
public static class Examples
{
    /// <summary>The quick example of a tab. On a phone it is a fractal, which is small there.</summary>
    public static string Quick(string tab, int width) => tab switch
    {
        "await" => "Count primes",
        "sequence" => "Each step uses the one before",
        "callback" => "Work, then a sentence",
        "gather" => "Some fail, the others continue",
        "map" => width < 500 ? "Fractal: the whole set" : "Powers, by starmap",
        "stream" => "Hello and goodbye",
        _ => "A map, with its progress",
    };
}

/// <summary>They run one after the other, so that each has the machine for its timings.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class PlaygroundCollection : ICollectionFixture<PlaygroundFixture>
{
    public const string Name = "Playground";
}

/// <summary>The playground in a browser. When it is closed, nothing may have gone wrong on it that the test did not see.</summary>
public sealed class PlaygroundPage : IAsyncDisposable
{
    private readonly IBrowserContext _context;

    // The browser reports on a thread of its own.
    private readonly ConcurrentQueue<string> _errors = [];
    private readonly ConcurrentQueue<IRequest> _requests = [];

    private PlaygroundPage(IBrowserContext context, IPage page)
    {
        _context = context;
        Page = page;
        page.PageError += (_, error) => _errors.Enqueue(error);
        page.Request += (_, request) => _requests.Enqueue(request);
        page.Console += (_, message) =>
        {
            // That an answer has a status of 400 and above is the browser's own remark, and no error of the page.
            if (message.Type is "error" or "warning" && !message.Text.StartsWith("Failed to load resource", StringComparison.Ordinal))
            {
                _errors.Enqueue(message.Text);
            }
        };
    }

    public IPage Page { get; }

    /// <summary>What the page has asked the host for.</summary>
    public IReadOnlyList<IRequest> Requests => [.. _requests];

    public static async Task<PlaygroundPage> OpenAsync(IBrowserContext context, Uri address)
    {
        context.SetDefaultTimeout(60_000);
        Assertions.SetDefaultExpectTimeout(60_000);
        var page = new PlaygroundPage(context, await context.NewPageAsync());
        await page.Page.AddInitScriptAsync("addEventListener('securitypolicyviolation', (e) => console.error(`CSP: ${e.violatedDirective} ${e.blockedURI}`));");
        await page.Page.GotoAsync(address.ToString());
        await page.Page.Locator("html[data-ready]").WaitForAsync();
        return page;
    }

    public ILocator Panel(string tab) => Page.Locator($"#panel-{tab}");

    /// <summary>A named part of a panel.</summary>
    public ILocator Part(string tab, string name) => Panel(tab).Locator($"[data-is={name}]");

    public ILocator Bars(string tab) => Panel(tab).Locator(".bar");

    public Task ChooseAsync(string tab, string example) => Part(tab, "example").SelectOptionAsync(new SelectOptionValue { Label = example });

    public Task WriteAsync(string tab, string request) => Part(tab, "body").FillAsync(request);

    /// <summary>Runs the request and waits until it has come to its end.</summary>
    public async Task RunAsync(string tab, string state = "done")
    {
        await Part(tab, "run").ClickAsync();
        await EndAsync(tab, state);
    }

    /// <summary>Waits until a run has come to its end.</summary>
    public Task EndAsync(string tab, string state = "done") => Assertions.Expect(Panel(tab)).ToHaveAttributeAsync("data-state", state, new() { Timeout = 180_000 });

    /// <summary>Gives the window another width, and waits until the page has it.</summary>
    public async Task ResizeAsync(int width)
    {
        await Page.SetViewportSizeAsync(width, 740);
        await Page.WaitForFunctionAsync("(width) => innerWidth === width", width);
    }

    /// <summary>Keeps a picture of the page in the folder that <c>PLAYGROUND_SHOTS</c> names, for whoever changes the page.</summary>
    public async Task ShootAsync(string name)
    {
        if (Environment.GetEnvironmentVariable("PLAYGROUND_SHOTS") is { Length: > 0 } folder)
        {
            await Page.ScreenshotAsync(new() { Path = Path.Combine(folder, name + ".png"), FullPage = true });
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _context.DisposeAsync();
        Assert.Empty(_errors);
    }
}
