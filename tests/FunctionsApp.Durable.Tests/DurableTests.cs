using FunctionsApp.Conformance;
using FunctionsApp.Durable.Hosting;
using FunctionsApp.Durable.Storage;
using Microsoft.Extensions.DependencyInjection;

namespace FunctionsApp.Durable.Tests;

/// <summary>What tests of the durable engine have in common.</summary>
/// <param name="fixture">The engine.</param>
public abstract class DurableTests(EngineFixture fixture) : EngineTests(fixture)
{
    internal TaskHub Hub => Services.GetRequiredService<TaskHub>();

    internal HubMaintenance Maintenance => Services.GetRequiredService<HubMaintenance>();
}
