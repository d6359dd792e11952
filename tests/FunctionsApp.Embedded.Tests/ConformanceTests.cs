using FunctionsApp.Conformance;
using Microsoft.Extensions.DependencyInjection;

namespace FunctionsApp.Embedded.Tests;

/// <inheritdoc/>
public sealed class ConformanceTests(EmbeddedFixture fixture) : TaskEngineTests(fixture), IClassFixture<EmbeddedFixture>;

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
