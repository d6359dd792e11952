using System.Net.Http.Json;
using System.Text.Json;
using FunctionsApp.LocalHost;
using Microsoft.Extensions.DependencyInjection;

namespace OwnAppNamespace.Tests;

public sealed class TextReverseOperationTests
{
    [Fact]
    public void A_text_is_reversed() =>
        Assert.Equal("desserts", new TextReverseOperation().Compute(new TextReverseInput("stressed"), CancellationToken.None));

    [Fact]
    public async Task A_map_reverses_each_item()
    {
        var directory = Directory.CreateTempSubdirectory();
        await using var app = LocalFunctionsHost.Build(["--port", "0", "--Tasks:Directory", directory.FullName], services => services.AddOwnAppMethod());
        await app.StartAsync();
        using var http = new HttpClient { BaseAddress = new Uri(app.Urls.First()) };

        using var response = await http.PostAsJsonAsync("api/map/text.reverse", new { items = new[] { "stressed", "drawer" } });

        var results = (await response.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("results");
        Assert.Equal(["desserts", "reward"], results.EnumerateArray().Select(result => result.GetString()));
        await app.StopAsync();
        directory.Delete(recursive: true);
    }
}
