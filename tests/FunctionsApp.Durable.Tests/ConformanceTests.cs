using FunctionsApp.Conformance;
using FunctionsApp.Durable.Hosting;
using FunctionsApp.Durable.Storage;
using Microsoft.Extensions.DependencyInjection;

namespace FunctionsApp.Durable.Tests;

/// <inheritdoc/>
public sealed class ConformanceTests(DurableFixture fixture) : TaskEngineTests(fixture), IClassFixture<DurableFixture>
{
    [AzuriteTheory]
    [InlineData(true, 1)]
    [InlineData(false, 1)]
    [InlineData(false, 10_000)]
    public async Task An_expired_task_is_deleted_from_storage(bool hasKey, int length)
    {
        var hub = Services.GetRequiredService<TaskHub>();
        var id = (await CreateAsync("echo", $$"""{"value":"{{new string('x', length)}}"}""", With() with { TtlSeconds = 0.5, IdempotencyKey = hasKey ? NewKey() : null })).Id;
        for (var waited = TimeSpan.Zero; await hub.FindAsync(id) is not null; waited += TimeSpan.FromMilliseconds(100))
        {
            Assert.InRange(waited, TimeSpan.Zero, Limit);
            await Task.Delay(100);
            await Services.GetRequiredService<HubSweep>().SweepAsync(CancellationToken.None);
        }

        Assert.Null(await hub.Blobs.ReadInputAsync(id, CancellationToken.None));
        Assert.Null(await hub.Blobs.ReadOutcomeAsync(id, 1, CancellationToken.None));
        Assert.Null((await hub.Blobs.ReadStateAsync(id, CancellationToken.None)).Tag);
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
