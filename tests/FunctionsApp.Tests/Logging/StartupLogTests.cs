using FunctionsApp.Core.Tests;
using FunctionsApp.Hosting;
using FunctionsApp.Logging;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;

namespace FunctionsApp.Tests.Logging;

/// <summary>What a worker of the Functions host logs after its start.</summary>
public sealed class StartupLogTests : IDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("startup-log-");
    private readonly FakeTimeProvider _time = new();
    private readonly LogBook<StartupLog> _book = new();

    [Fact]
    public async Task A_mistyped_setting_is_one_warning()
    {
        await RunAsync(("Limits:MaxTimeoutSecond", "5"), ("Tasks:Nothing", "x"), ("Host:MaxWatchers", "x"), ("FUNCTIONS_WORKER_RUNTIME", "dotnet-isolated"), ("Limits:MaxCalls", "7"));

        Assert.Equal(
            [
                (LogLevel.Warning, "Setting 'Tasks:Nothing' is unknown or unused"),
                (LogLevel.Warning, "Unknown setting 'Limits:MaxTimeoutSecond'. Did you mean 'Limits:MaxTimeoutSeconds'?"),
            ],
            _book.Entries.Skip(1).Select(static entry => (entry.Level, entry.Message)).OrderBy(static entry => entry.Message));
    }

    [Fact]
    public async Task Without_a_mistake_there_is_one_line()
    {
        await RunAsync(("Tasks:Engine", "embedded"), ("Callbacks:SigningKeys:0", "whsec_" + Convert.ToBase64String(new byte[24])), ("Outbound:AllowedHosts:0", "10.0.0.1"));

        Assert.Contains("started: task engine embedded", Assert.Single(_book.Entries).Message, StringComparison.Ordinal);
    }

    public void Dispose() => _directory.Delete(recursive: true);

    private async Task RunAsync(params (string Key, string Value)[] settings)
    {
        var configuration = new ConfigurationBuilder()
            .AddInMemoryCollection(settings.Select(static setting => KeyValuePair.Create(setting.Key, (string?)setting.Value))).Build();
        await using var services = new ServiceCollection().AddLogging().AddSingleton<IConfiguration>(configuration).AddSingleton<TimeProvider>(_time)
            .AddSingleton<ILogger<StartupLog>>(_book)
            .AddFunctionsApp(configuration).AddFunctionsHost(configuration, _directory.FullName).BuildServiceProvider();
        var log = services.GetServices<IHostedService>().OfType<StartupLog>().Single();
        await log.StartAsync(CancellationToken.None);

        // It begins on another thread.
        while (!log.ExecuteTask!.IsCompleted)
        {
            _time.Advance(TimeSpan.FromSeconds(1));
            await Task.Yield();
        }

        await log.ExecuteTask;
    }
}
