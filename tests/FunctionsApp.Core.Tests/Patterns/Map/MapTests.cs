using System.Text;
using System.Text.Json;
using FunctionsApp.Core.Json;
using FunctionsApp.Core.Patterns.Map;
using FunctionsApp.Core.Problems;
using Microsoft.Extensions.DependencyInjection;

namespace FunctionsApp.Core.Tests.Patterns.Map;

/// <summary>Runs maps of these tests' own operations, on a clock that stands still.</summary>
public abstract class MapTests : IDisposable
{
    private ServiceProvider? _services;

    private protected static TimeSpan Patience { get; } = TimeSpan.FromSeconds(30);

    private protected ManualTimeProvider Time { get; } = new();

    private protected ComputeHook Hook => Services.GetRequiredService<ComputeHook>();

    private protected ServiceProvider Services => _services ??= TestServices.Create(Time, ComputeOperations.Add, Settings);

    /// <summary>To be set before the services are first used.</summary>
    private protected (string Key, string Value)[] Settings { get; set; } = [("Cpu:Threads", "2")];

    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    protected virtual void Dispose(bool disposing) => _services?.Dispose();

    private protected Task<MapResponse> MapAsync(string operation, string request, CancellationToken cancellationToken = default) =>
        Services.GetRequiredService<MapService>().RunAsync(operation, Read(request), cancellationToken).WaitAsync(Patience, CancellationToken.None);

    private protected async Task<string> ResultsAsync(string operation, string request) =>
        (await MapAsync(operation, request)).Results!.ToElement().GetRawText();

    private protected async Task<string> ReducedAsync(string operation, string request) =>
        (await MapAsync(operation, request)).Result!.Value.ToString();

    private protected async Task<Problem> RefusalAsync(string operation, string request) =>
        (await Assert.ThrowsAsync<ProblemException>(() => MapAsync(operation, request))).Problem;

    private protected static string Write(MapResponse response) => JsonSerializer.Serialize(response, CoreJson.TypeInfo<MapResponse>());

    private MapRequest Read(string request) =>
        Services.GetRequiredService<MapRequestReader>().Read<MapRequest>(Encoding.UTF8.GetBytes(request));

    /// <summary>A JSON array of 0, 1, 2, ….</summary>
    private protected static string Items(int count) => "[" + string.Join(',', Enumerable.Range(0, count)) + "]";
}
