using FunctionsApp.Conformance;
using FunctionsApp.Durable.Hosting;
using FunctionsApp.Durable.Storage;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;

namespace FunctionsApp.Durable.Tests;

/// <summary>What tests of the durable engine have in common.</summary>
/// <param name="fixture">The engine.</param>
public abstract class DurableTests(EngineFixture fixture) : EngineTests(fixture)
{
    internal TaskHub Hub => Services.GetRequiredService<TaskHub>();

    internal HubSweep Sweep => Services.GetRequiredService<HubSweep>();

    /// <summary>An input that does not travel with its task.</summary>
    protected static string LargeInput { get; } = $$"""{"value":"{{new string('x', 10_000)}}"}""";

    /// <summary>Deletes the blobs and keys of tasks that do not exist.</summary>
    /// <param name="later">How much later that happens.</param>
    protected Task DeleteOrphansAsync(TimeSpan later) => ActivatorUtilities.CreateInstance<HubSweep>(
        Services, (TimeProvider)new FakeTimeProvider(TimeProvider.System.GetUtcNow() + later)).DeleteOrphansAsync(CancellationToken.None);
}
