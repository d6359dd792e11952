using System.Diagnostics;
using FunctionsApp.TestHost;

namespace FunctionsApp.IntegrationTests.Hosting;

/// <summary>The deployment package in its own process, under a TestHost in this one.</summary>
public sealed class TestHostProcess : AppHost
{
    private readonly CancellationTokenSource _killed = new();

    // Hosts do not share their tasks, and leave none behind.
    private readonly DirectoryInfo _tasks = Directory.CreateTempSubdirectory("functions-tasks-");
    private readonly Task<FunctionsTestHost> _starting;
    private FunctionsTestHost? _host;
    private Task _stopping = Task.CompletedTask;

    private TestHostProcess((string Key, string Value)[] settings)
    {
        var environment = new Dictionary<string, string>(StringComparer.Ordinal) { ["Tasks__Directory"] = _tasks.FullName };
        foreach (var (key, value) in settings)
        {
            environment[key] = value;
        }

        _starting = FunctionsTestHost.StartAsync(
            new TestHostOptions { PackageDirectory = PackageDirectory, Settings = environment, StartTimeout = Limit, StopTimeout = Limit }, _killed.Token);
    }

    /// <summary>The deployment package that was made with these tests.</summary>
    public static string PackageDirectory { get; } = Path.Combine(AppContext.BaseDirectory, "package");

    public override Uri BaseAddress => _host!.BaseAddress;

    public override string Output => _host!.WorkerLog;

    public override string Functions => string.Join('\n', _host!.Functions);

    protected override Process Process => _host!.Worker;

    /// <summary>Starts a host, and does not wait until it listens.</summary>
    public static TestHostProcess Launch(params (string Key, string Value)[] settings) => new(settings);

    public override async Task ListeningAsync() => _host = await _starting;

    public override void Terminate() => _stopping = _host!.StopAsync();

    public override async Task WaitForExitAsync()
    {
        await _stopping;
        await WaitForProcessAsync();
    }

    public override async Task KillAsync()
    {
        if (_host is not null)
        {
            _host.Worker.Kill();
            await WaitForExitAsync();
            return;
        }

        // The worker of a host that gives up is killed.
        await _killed.CancelAsync();
        await ((Task)_starting).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    public override async ValueTask DisposeAsync()
    {
        await _killed.CancelAsync();
        await ((Task)_starting).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (_starting.IsCompletedSuccessfully)
        {
            await (await _starting).DisposeAsync();
        }

        _killed.Dispose();
        _tasks.Delete(recursive: true);
    }
}
