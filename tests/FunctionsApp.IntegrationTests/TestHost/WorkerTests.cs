using System.Net;
using FunctionsApp.IntegrationTests.Hosting;
using FunctionsApp.TestHost;

namespace FunctionsApp.IntegrationTests.TestHost;

/// <summary>A worker that does not do as it should is a failure that says so.</summary>
[Collection(FunctionsAppCollection.Name)]
public sealed class WorkerTests : IDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("worker-tests-");

    [Fact]
    public async Task A_worker_that_never_starts_is_reported_with_its_output()
    {
        var exception = await Assert.ThrowsAsync<WorkerException>(() => StartAsync(("Limits__MaxDepth", "0")));

        Assert.Contains("The worker has ended by itself, with exit code", exception.Message, StringComparison.Ordinal);
        Assert.Contains("MaxDepth", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_folder_without_a_worker_is_reported()
    {
        var exception = await Assert.ThrowsAsync<WorkerException>(() => FunctionsTestHost.StartAsync(new TestHostOptions { PackageDirectory = _directory.FullName }));

        Assert.Contains(Path.Combine(_directory.FullName, "worker.config.json"), exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_worker_that_takes_too_long_is_reported_and_killed()
    {
        File.WriteAllText(Path.Combine(_directory.FullName, "worker.config.json"), """{"description":{"defaultExecutablePath":"sh","defaultWorkerPath":"worker.sh"}}""");
        File.WriteAllText(Path.Combine(_directory.FullName, "worker.sh"), "echo not today; exec sleep 60");

        var exception = await Assert.ThrowsAsync<WorkerException>(() => FunctionsTestHost.StartAsync(
            new TestHostOptions { PackageDirectory = _directory.FullName, StartTimeout = TimeSpan.FromSeconds(1) }));

        Assert.Contains("The worker did not connect within 1 s.", exception.Message, StringComparison.Ordinal);
        Assert.Contains("not today", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_worker_that_dies_fails_running_and_later_requests()
    {
        await using var host = await StartAsync();
        using var api = new Api(host.BaseAddress, key: null);
        var running = api.PostAsync("await/delay", """{"seconds":500}""");
        await api.GetAsync("health/live");

        host.Worker.Kill();

        Assert.Contains("The worker has ended by itself, with exit code 137.", (await Assert.ThrowsAsync<HttpRequestException>(() => running)).Message, StringComparison.Ordinal);
        Assert.Contains("The worker has ended by itself", (await Assert.ThrowsAsync<HttpRequestException>(() => api.GetAsync("health/live"))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_worker_ends_by_itself_on_request()
    {
        await using var host = await StartAsync();
        using var api = new Api(host.BaseAddress, key: null);
        var running = api.PostAsync("await/delay", """{"seconds":500}""");
        await api.GetAsync("health/live");

        Assert.True(await host.StopAsync());

        Assert.Equal(0, host.Worker.ExitCode);
        Assert.Equal((HttpStatusCode.ServiceUnavailable, "shutting-down"), ((await running).Status, (await running).Problem));
    }

    public void Dispose() => _directory.Delete(recursive: true);

    private Task<FunctionsTestHost> StartAsync(params (string Key, string Value)[] settings) => FunctionsTestHost.StartAsync(new TestHostOptions
    {
        PackageDirectory = TestHostProcess.PackageDirectory,
        Settings = new Dictionary<string, string>(settings.Select(static setting => KeyValuePair.Create(setting.Key, setting.Value)), StringComparer.Ordinal)
        {
            ["Tasks__Directory"] = Path.Combine(_directory.FullName, "tasks"),
        },
    });
}
