using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;

namespace FunctionsApp.LocalHost.Tests;

/// <summary>The local host on a free port, in this process, with registrations of a user's own.</summary>
internal sealed class OwnHost : IAsyncDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("own-host-");
    private WebApplication? _app;

    private OwnHost()
    {
    }

    public HttpClient Http { get; } = new();

    public static async Task<OwnHost> StartAsync(Action<IServiceCollection> configure, params string[] args)
    {
        var host = new OwnHost();
        try
        {
            host._app = LocalFunctionsHost.Build(
                ["--urls", "http://127.0.0.1:0", "--Logging:LogLevel:Default", "Warning", "--Tasks:Directory", host._directory.FullName, .. args], configure);
            await host._app.StartAsync();
            host.Http.BaseAddress = new Uri(host._app.Urls.Single() + "/api/");
            return host;
        }
        catch
        {
            await host.DisposeAsync();
            throw;
        }
    }

    /// <summary>Posts JSON; returns the status and the body.</summary>
    public async Task<(int Status, string Body)> PostAsync(string path, string json)
    {
        using var content = new StringContent(json, Encoding.UTF8, "application/json");
        using var response = await Http.PostAsync(new Uri(path, UriKind.Relative), content);
        return ((int)response.StatusCode, await response.Content.ReadAsStringAsync());
    }

    public async ValueTask DisposeAsync()
    {
        Http.Dispose();
        if (_app is not null)
        {
            await _app.StopAsync();
            await _app.DisposeAsync();
        }

        _directory.Delete(recursive: true);
    }
}
