using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace FunctionsApp.Conformance;

/// <summary>An engine as a host has it, on the real clock, for the tests of a class.</summary>
public abstract class EngineFixture : IAsyncLifetime
{
    private ServiceProvider? _services;

    public ServiceProvider Services => _services!;

    /// <summary>What is logged of tasks that have failed.</summary>
    public FailureLog Failures { get; } = new();

    public async Task InitializeAsync()
    {
        if (await SettingsAsync() is not { } settings)
        {
            return;
        }

        var configuration = new ConfigurationBuilder().AddInMemoryCollection(settings).Build();
        var services = new ServiceCollection();
        services.AddSingleton<IConfiguration>(configuration);
        services.AddSingleton<ILoggerFactory>(Failures);
        services.AddSingleton(typeof(ILogger<>), typeof(Logger<>));
        services.AddFunctionsCore(configuration).AddBuiltInOperations();
        Add(services);
        _services = services.BuildServiceProvider();
        foreach (var hosted in _services.GetServices<IHostedService>())
        {
            await hosted.StartAsync(CancellationToken.None);
        }
    }

    public async Task DisposeAsync()
    {
        if (_services is { } services)
        {
            foreach (var hosted in services.GetServices<IHostedService>().Reverse())
            {
                await hosted.StopAsync(CancellationToken.None);
            }

            await services.DisposeAsync();
        }

        await EndAsync();
    }

    /// <summary>The settings; null when the engine cannot run here.</summary>
    protected abstract Task<Dictionary<string, string?>?> SettingsAsync();

    protected abstract void Add(IServiceCollection services);

    /// <summary>Ends what the engine needed.</summary>
    protected abstract ValueTask EndAsync();
}
