using System.Globalization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace FunctionsApp.Benchmarks;

/// <summary>A server on loopback that waits for a while, or not at all, before it responds.</summary>
internal sealed class SlowServer : IAsyncDisposable
{
    private readonly WebApplication _app;

    private SlowServer(WebApplication app)
    {
        _app = app;
        Url = new Uri(string.Create(CultureInfo.InvariantCulture, $"{app.Urls.First()}/slow"));
    }

    public Uri Url { get; }

    public static async Task<SlowServer> StartAsync(TimeSpan pause)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var app = builder.Build();
        app.Run(async context =>
        {
            if (pause > TimeSpan.Zero)
            {
                await Task.Delay(pause);
            }

            await context.Response.WriteAsJsonAsync(true);
        });
        await app.StartAsync();
        return new SlowServer(app);
    }

    public ValueTask DisposeAsync() => _app.DisposeAsync();
}
