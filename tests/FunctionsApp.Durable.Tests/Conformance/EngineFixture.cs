using FunctionsApp.Core;
using FunctionsApp.Operations;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace FunctionsApp.Durable.Tests.Conformance;

/// <summary>An engine as a host has it, on the real clock, for the tests of a class.</summary>
public abstract class EngineFixture : IAsyncLifetime
{
    private ServiceProvider? _services;

    public ServiceProvider Services => _services!;

    public async Task InitializeAsync()
    {
        if (await SettingsAsync() is not { } settings)
        {
            return;
        }

        var configuration = new ConfigurationBuilder().AddInMemoryCollection(settings).Build();
        var services = new ServiceCollection();
        services.AddSingleton<IConfiguration>(configuration);
        services.AddSingleton<ILoggerFactory>(NullLoggerFactory.Instance);
        services.AddSingleton(typeof(ILogger<>), typeof(NullLogger<>));
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

/// <summary>The embedded engine, in a directory of its own.</summary>
public sealed class EmbeddedFixture : EngineFixture
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("tasks-");

    protected override Task<Dictionary<string, string?>?> SettingsAsync() =>
        Task.FromResult<Dictionary<string, string?>?>(new(StringComparer.Ordinal) { ["Tasks:Directory"] = _directory.FullName });

    protected override void Add(IServiceCollection services) => services.AddEmbeddedTaskEngine();

    protected override ValueTask EndAsync()
    {
        _directory.Delete(recursive: true);
        return ValueTask.CompletedTask;
    }
}

/// <summary>The durable engine, in an Azurite of its own.</summary>
public sealed class DurableFixture : EngineFixture
{
    private Azurite? _storage;

    protected override async Task<Dictionary<string, string?>?> SettingsAsync()
    {
        if (Azurite.Missing is not null)
        {
            return null;
        }

        _storage = await Azurite.StartNewAsync();
        return new(StringComparer.Ordinal) { ["AzureWebJobsStorage"] = _storage.ConnectionString, ["Tasks:HubName"] = "Conformance" };
    }

    protected override void Add(IServiceCollection services) => services.AddDurableTaskEngine();

    protected override ValueTask EndAsync() => _storage?.DisposeAsync() ?? ValueTask.CompletedTask;
}
