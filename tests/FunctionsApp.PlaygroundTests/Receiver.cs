using System.Collections.Concurrent;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace FunctionsApp.PlaygroundTests;

/// <summary>A server that the app calls: it takes webhooks, and holds requests until they are cut off.</summary>
public sealed class Receiver : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly ConcurrentDictionary<string, (TaskCompletionSource Arrived, TaskCompletionSource CutOff)> _held = new(StringComparer.Ordinal);

    private Receiver()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        _app = builder.Build();
        _app.MapPost("/webhook", static () => Results.NoContent());
        _app.MapGet("/hold/{name}", async (string name, HttpContext context) =>
        {
            var (arrived, cutOff) = Held(name);
            arrived.SetResult();
            var ended = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            await using var registration = context.RequestAborted.Register(ended.SetResult);
            await ended.Task;
            cutOff.SetResult();
        });
    }

    public Uri Origin => new(_app.Urls.First());

    public static async Task<Receiver> StartAsync()
    {
        var receiver = new Receiver();
        await receiver._app.StartAsync();
        return receiver;
    }

    /// <summary>Completes when the request of that name is here.</summary>
    public Task ArrivedAsync(string name) => Held(name).Arrived.Task.WaitAsync(TimeSpan.FromSeconds(60));

    /// <summary>Completes when the caller of that request has gone.</summary>
    public Task CutOffAsync(string name) => Held(name).CutOff.Task.WaitAsync(TimeSpan.FromSeconds(60));

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    private (TaskCompletionSource Arrived, TaskCompletionSource CutOff) Held(string name) => _held.GetOrAdd(name, static _ => (
        new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously), new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)));
}
