using System.Text;
using System.Text.Json;
using FunctionsApp.Core.Json;
using FunctionsApp.Core.Json.Schema;
using FunctionsApp.Core.Problems;
using Microsoft.Extensions.DependencyInjection;

namespace FunctionsApp.Core.Tests;

/// <summary>What the tests of every pattern need: the service layer on a clock that stands still, with a probe.</summary>
public abstract class PatternTests : IDisposable
{
    protected static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    private readonly ServiceProvider _services;

    protected PatternTests(params (string Key, string Value)[] settings)
    {
        _services = TestServices.Create(Time, services =>
        {
            services.AddOperation<ProbeOperation>();
            services.AddSingleton(Probe);
        }, settings);
    }

    protected ManualTimeProvider Time { get; } = new();

    protected ProbeOperation Probe { get; } = new();

    public void Dispose()
    {
        _services.Dispose();
        GC.SuppressFinalize(this);
    }

    protected T Get<T>()
        where T : notnull => _services.GetRequiredService<T>();

    /// <summary>A request as it would come over HTTP.</summary>
    protected T Read<T>(string json) => Get<RequestReader>().Read<T>(Encoding.UTF8.GetBytes(json));

    protected static RawJson Raw(string json) => RawJson.FromUtf8(Encoding.UTF8.GetBytes(json));

    /// <summary>The problem that a task ends with, as its slug and itself.</summary>
    protected static async Task<(string Slug, Problem Problem)> ProblemOf(Task task)
    {
        var exception = await Assert.ThrowsAsync<ProblemException>(() => task.WaitAsync(Limit));
        return (exception.Problem.Type["/problems/".Length..], exception.Problem);
    }

    /// <summary>An answer as it is sent.</summary>
    protected static string Json<T>(T response) => JsonSerializer.Serialize(response, CoreJson.TypeInfo<T>());
}
