using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace FunctionsApp.PlaygroundTests;

/// <summary>The fractal is painted by a map, and looked around in.</summary>
[Collection(PlaygroundCollection.Name)]
public sealed class FractalTests(PlaygroundFixture playground)
{
    /// <summary>A window with a picture of few tiles. It is so high that nothing has to be scrolled.</summary>
    private static BrowserNewContextOptions Small => new() { ViewportSize = new() { Width = 500, Height = 1200 } };

    [BrowserTheory]
    [InlineData("Fractal: the whole set")]
    [InlineData("Fractal: seahorses")]
    [InlineData("Fractal: a spiral")]
    [InlineData("Fractal: elephants")]
    public async Task The_picture_is_painted_completely_in_many_colours(string example)
    {
        await using var page = await playground.OpenAsync("map", Small);
        await page.ChooseAsync("map", example);
        await page.RunAsync("map");
        await PaintedAsync(page);

        // How many colours there are, and how many of the places where tiles lie have none.
        var counts = await page.Part("map", "canvas").EvaluateAsync<int[]>("""
            (canvas) => {
              const { width, height } = canvas;
              const pixels = new Uint32Array(canvas.getContext("2d").getImageData(0, 0, width, height).data.buffer);
              const edge = 64 * devicePixelRatio;
              let blank = 0;
              for (let y = edge / 2; y < height; y += edge)
                for (let x = edge / 2; x < width; x += edge)
                  if (pixels[Math.floor(y) * width + Math.floor(x)] >>> 24 !== 255) blank++;
              return [new Set(pixels).size, blank];
            }
            """);
        Assert.True(counts[0] > 1_000, $"There are {counts[0]} colours.");
        Assert.Equal(0, counts[1]);

        // Each tile is a chunk, in the row of the worker that computed it.
        Assert.Equal(await page.Part("map", "canvas").GetAttributeAsync("data-tiles"), $"{await page.Bars("map").CountAsync()}");
        Assert.InRange(await page.Panel("map").Locator(".row").CountAsync(), 1, Environment.ProcessorCount);
        await page.ShootAsync(example.Replace(':', ' '));
    }

    [BrowserFact]
    public async Task The_picture_matches_the_numbers()
    {
        await using var page = await playground.OpenAsync("map", Small);
        await PaintedAsync(page);

        // The middle of the main bulb is in the set, and so of the darkest colour; a corner is not.
        var colours = await page.Part("map", "canvas").EvaluateAsync<int[]>("""
            (canvas) => {
              const { width, height } = canvas;
              const { data } = canvas.getContext("2d").getImageData(0, 0, width, height);
              const at = (x, y) => 4 * (Math.round(height / 2 - (y / 3.6) * width) * width + Math.round(width / 2 + ((x + 0.65) / 3.6) * width));
              return [[-0.1, 0.1], [-2.2, 0.9]].flatMap(([x, y]) => [...data.slice(at(x, y), at(x, y) + 4)]);
            }
            """);
        Assert.Equal([6, 8, 16, 255], colours[..4]);
        Assert.NotEqual(colours[..4], colours[4..]);
    }

    [BrowserFact]
    public async Task A_new_view_cancels_the_run_before_and_is_painted()
    {
        await using var page = await playground.OpenAsync("map", Small);
        await PaintedAsync(page);
        var failed = new List<IRequest>();
        page.Page.RequestFailed += (_, request) => failed.Add(request);

        // As many steps as there may be, so that it takes long enough to be overtaken.
        var request = JsonNode.Parse(await page.Part("map", "body").InputValueAsync())!;
        foreach (var tile in request["items"]!.AsArray())
        {
            (tile!["maxIterations"], tile["centerX"], tile["scale"]) = (65_535, -0.7436438870371587, 0.0000000001);
        }

        await page.WriteAsync("map", request.ToJsonString());
        await page.Part("map", "run").ClickAsync();
        await Expect(page.Panel("map")).ToHaveAttributeAsync("data-state", "running");
        await page.Part("map", "reset").ClickAsync();
        await PaintedAsync(page);
        Assert.Single(failed);
        await Expect(page.Part("map", "where")).ToContainTextAsync("×1");
    }

    [BrowserFact]
    public async Task The_picture_is_moved_and_zoomed_by_keyboard_wheel_and_drag()
    {
        await using var page = await playground.OpenAsync("map", Small);
        await PaintedAsync(page);
        var canvas = page.Part("map", "canvas");
        await canvas.FocusAsync();
        var box = (await canvas.BoundingBoxAsync())!;
        var view = await ChangedAsync(() => page.Page.Keyboard.PressAsync("+"));
        Assert.Equal(3.6 / 1.6, view.Width, 0.01);
        view = await ChangedAsync(() => page.Page.Keyboard.PressAsync("ArrowRight"));
        Assert.True(view.X > -0.65);
        view = await ChangedAsync(() => page.Page.Keyboard.PressAsync("ArrowUp"));
        Assert.True(view.Y > 0);
        view = await ChangedAsync(() => page.Page.Keyboard.PressAsync("-"));
        Assert.Equal(3.6, view.Width, 0.01);

        await page.Page.Mouse.MoveAsync(box.X + (box.Width / 2), box.Y + (box.Height / 2));
        view = await ChangedAsync(() => page.Page.Mouse.WheelAsync(0, -300));
        Assert.InRange(view.Width, 1, 3);
        var before = view;
        view = await ChangedAsync(async () =>
        {
            await page.Page.Mouse.DownAsync();
            await page.Page.Mouse.MoveAsync(box.X + (box.Width / 2) + 100, box.Y + (box.Height / 2));
            await page.Page.Mouse.UpAsync();
        });

        // The plane goes with the hand, so its middle goes the other way.
        Assert.Equal(before.Width, view.Width, 0.001);
        Assert.Equal(before.X - (100 * before.Width / box.Width), view.X, 0.001);
        Assert.Equal(before.Y, view.Y, 0.01);
        await PaintedAsync(page);

        async Task<(double X, double Y, double Width)> ChangedAsync(Func<Task> action)
        {
            await page.Page.RunAndWaitForRequestAsync(action, static request => request.Url.EndsWith("/map/fractal.tile", StringComparison.Ordinal));

            // A turn of the wheel may come in several pieces: the last request counts.
            await PaintedAsync(page);
            var tile = JsonElement.Parse(page.Requests[^1].PostData!).GetProperty("items")[0];
            var columns = tile.GetProperty("columns").GetInt32() * tile.GetProperty("size").GetInt32();
            return (tile.GetProperty("centerX").GetDouble(), tile.GetProperty("centerY").GetDouble(), tile.GetProperty("scale").GetDouble() * 2 * box.Width / columns);
        }
    }

    [BrowserFact]
    public async Task The_picture_is_zoomed_by_two_fingers()
    {
        await using var page = await playground.OpenAsync("map", new() { ViewportSize = new() { Width = 360, Height = 740 }, HasTouch = true, IsMobile = true, DeviceScaleFactor = 2 });
        await PaintedAsync(page);
        var canvas = page.Part("map", "canvas");
        await canvas.ScrollIntoViewIfNeededAsync();
        var box = (await canvas.BoundingBoxAsync())!;
        var (x, y) = (box.X + (box.Width / 2), box.Y + (box.Height / 2));
        var session = await page.Page.Context.NewCDPSessionAsync(page.Page);
        await TouchAsync("touchStart", 20);
        await TouchAsync("touchMove", 30);
        await TouchAsync("touchMove", 60);
        await TouchAsync("touchEnd", null);
        await Expect(page.Part("map", "where")).ToContainTextAsync("×3");
        await PaintedAsync(page);

        Task TouchAsync(string type, int? distance) => session.SendAsync("Input.dispatchTouchEvent", new Dictionary<string, object>(StringComparer.Ordinal)
        {
            ["type"] = type,
            ["touchPoints"] = distance is null
                ? Array.Empty<object>()
                : new object[] { new { x = x - distance, y, id = 0 }, new { x = x + distance, y, id = 1 } },
        });
    }

    [BrowserFact]
    public async Task Workers_are_coloured_on_request()
    {
        await using var page = await playground.OpenAsync("map", Small);
        await PaintedAsync(page);
        var before = await PictureAsync();
        await page.Part("map", "workers").CheckAsync();
        await Expect(page.Panel("map")).ToHaveClassAsync("panel hued");
        await page.Page.EvaluateAsync("() => new Promise(requestAnimationFrame)");
        Assert.NotEqual(before, await PictureAsync());
        await page.ShootAsync("Fractal by worker");

        Task<string> PictureAsync() => page.Part("map", "canvas").EvaluateAsync<string>("(canvas) => canvas.toDataURL()");
    }

    /// <summary>Waits until the last run is done and all its tiles are on the canvas.</summary>
    private static async Task PaintedAsync(PlaygroundPage page)
    {
        await page.EndAsync("map");

        // The last tiles are drawn in the next frame. Until then the page may still show the picture before.
        await page.Page.EvaluateAsync("() => new Promise(requestAnimationFrame)");
        await Expect(page.Part("map", "where")).ToHaveTextAsync(new Regex(@"^(?<tiles>\d+) of \k<tiles> tiles", RegexOptions.None, TimeSpan.FromSeconds(1)));
    }
}
