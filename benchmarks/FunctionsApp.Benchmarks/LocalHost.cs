using System.Diagnostics;
using System.Net.Http.Headers;
using System.Reflection;
using System.Text;

namespace FunctionsApp.Benchmarks;

/// <summary>LocalHost in a process of its own, built like this program.</summary>
internal sealed class LocalHost : IAsyncDisposable
{
    private readonly Process _process;
    private readonly HttpClient _client;

    private LocalHost(Process process, Uri address)
    {
        _process = process;
        _client = new HttpClient { BaseAddress = new Uri(address, "/api/") };
    }

    public static async Task<LocalHost> StartAsync(params (string Key, string Value)[] settings)
    {
        var configuration = typeof(LocalHost).Assembly.GetCustomAttribute<AssemblyConfigurationAttribute>()!.Configuration;
        var assembly = Path.Combine(Repository.Root, "src", "FunctionsApp.LocalHost", "bin", configuration, "net10.0", "FunctionsApp.LocalHost.dll");
        var start = new ProcessStartInfo("dotnet", [assembly, "--port", "0"]) { UseShellExecute = false, RedirectStandardOutput = true };
        foreach (var (key, value) in settings)
        {
            start.Environment[key] = value;
        }

        var process = Process.Start(start)!;
        while (await process.StandardOutput.ReadLineAsync() is { } line)
        {
            if (line.Split(["Listening on ", ". Stop"], StringSplitOptions.None) is ["", var address, _])
            {
                return new LocalHost(process, new Uri(address));
            }
        }

        throw new InvalidOperationException("The host did not start.");
    }

    /// <summary>Posts one request and reads the whole answer.</summary>
    public IContestant Post(string name, string path, string json) => new Request(name, _client, path, Encoding.UTF8.GetBytes(json));

    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        _process.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
    }

    private sealed class Request(string name, HttpClient client, string path, byte[] body) : IContestant
    {
        public string Name => name;

        public string? Missing => null;

        public async Task<double> RunAsync()
        {
            using var content = new ByteArrayContent(body);
            content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
            var started = Stopwatch.GetTimestamp();
            using var response = await client.PostAsync(new Uri(path, UriKind.Relative), content);
            await response.Content.ReadAsByteArrayAsync();
            var elapsed = Stopwatch.GetElapsedTime(started).TotalMilliseconds;
            response.EnsureSuccessStatusCode();
            return elapsed;
        }

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}

/// <summary>Where this repository lies.</summary>
internal static class Repository
{
    public static string Root { get; } = Find();

    private static string Find()
    {
        var directory = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(directory!.FullName, "FunctionsApp.sln")))
        {
            directory = directory.Parent;
        }

        return directory.FullName;
    }
}
