using System.Globalization;
using System.Net;
using FunctionsApp.IntegrationTests.Hosting;
using FunctionsApp.IntegrationTests.Outbound;
using FunctionsApp.TestHost;

namespace FunctionsApp.IntegrationTests.TestHost;

/// <summary>A worker that does not do as it should is a failure that says so.</summary>
[Collection(FunctionsAppCollection.Name)]
public sealed class WorkerTests(UpstreamFixture upstream) : IDisposable
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
        File.WriteAllText(Path.Combine(_directory.FullName, "worker.sh"), "echo not today; exec sleep 600");

        // On a busy machine it takes longer for the worker to print anything.
        for (var seconds = 1; ; seconds *= 4)
        {
            var exception = await Assert.ThrowsAsync<WorkerException>(() => FunctionsTestHost.StartAsync(
                new TestHostOptions { PackageDirectory = _directory.FullName, StartTimeout = TimeSpan.FromSeconds(seconds) }));

            Assert.Contains(string.Create(CultureInfo.InvariantCulture, $"The worker did not connect within {seconds} s."), exception.Message, StringComparison.Ordinal);
            if (exception.Message.Contains("not today", StringComparison.Ordinal))
            {
                return;
            }

            Assert.True(seconds < 60, exception.Message);
        }
    }

    [Fact]
    public async Task A_worker_that_dies_fails_running_and_later_requests()
    {
        await using var host = await StartAsync();
        using var api = new Api(host.BaseAddress, key: null);
        var running = api.PostAsync("await/http.request", upstream.Input("/hang?id=killed"));
        await upstream.Server.ArrivalAsync("killed");

        host.Worker.Kill();

        Assert.Contains("The worker has ended by itself, with exit code 137.", (await Assert.ThrowsAsync<HttpRequestException>(() => running)).Message, StringComparison.Ordinal);
        Assert.Contains("The worker has ended by itself", (await Assert.ThrowsAsync<HttpRequestException>(() => api.GetAsync("health/live"))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_worker_ends_by_itself_on_request()
    {
        await using var host = await StartAsync();
        using var api = new Api(host.BaseAddress, key: null);
        var running = api.PostAsync("await/http.request", upstream.Input("/hang?id=stopped"));
        await upstream.Server.ArrivalAsync("stopped");

        Assert.True(await host.StopAsync());

        Assert.Equal(0, host.Worker.ExitCode);
        Assert.Equal((HttpStatusCode.ServiceUnavailable, "shutting-down"), ((await running).Status, (await running).Problem));
    }

    public void Dispose() => _directory.Delete(recursive: true);

    private Task<FunctionsTestHost> StartAsync(params (string Key, string Value)[] settings) => FunctionsTestHost.StartAsync(new TestHostOptions
    {
        PackageDirectory = TestHostProcess.PackageDirectory,
        StopTimeout = TimeSpan.FromSeconds(60),
        Settings = new Dictionary<string, string>(settings.Select(static setting => KeyValuePair.Create(setting.Key, setting.Value)), StringComparer.Ordinal)
        {
            ["Tasks__Directory"] = Path.Combine(_directory.FullName, "tasks"),
            ["Outbound__AllowedHosts__0"] = upstream.Server.Origin.Authority,
        },
    });
}
