using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace FunctionsApp.Benchmarks;

/// <summary>A server on loopback that notes when requests arrive and when they are answered.</summary>
internal sealed class WorkServer : IAsyncDisposable
{
    private readonly ConcurrentQueue<TaskCompletionSource<Call>> _awaited = new();
    private readonly WebApplication _app;
    private TaskCompletionSource _open = Opened();

    private WorkServer(WebApplication app) => _app = app;

    public Uri Url { get; private set; } = null!;

    /// <summary>The setting that lets a host call it.</summary>
    public (string Key, string Value) Allowed => ("Outbound__AllowedHosts__0", string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{Url.Port}"));

    public static async Task<WorkServer> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var server = new WorkServer(builder.Build());
        server._app.Run(server.AnswerAsync);
        await server._app.StartAsync();
        server.Url = new Uri(string.Create(CultureInfo.InvariantCulture, $"{server._app.Urls.First()}/work"));
        return server;
    }

    /// <summary>The next call that is not awaited yet, once it is being answered.</summary>
    public Task<Call> NextAsync()
    {
        var call = new TaskCompletionSource<Call>();
        _awaited.Enqueue(call);
        return call.Task;
    }

    /// <summary>Answers no more until <see cref="Resume"/>.</summary>
    public void Hold() => _open = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Answers again.</summary>
    public void Resume() => _open.SetResult();

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    private static TaskCompletionSource Opened()
    {
        var opened = new TaskCompletionSource();
        opened.SetResult();
        return opened;
    }

    private async Task AnswerAsync(HttpContext context)
    {
        var arrived = Stopwatch.GetTimestamp();
        await _open.Task;
        if (_awaited.TryDequeue(out var call))
        {
            call.SetResult(new Call(arrived, Stopwatch.GetTimestamp()));
        }

        await context.Response.WriteAsJsonAsync(true);
    }
}

/// <summary>A request to a <see cref="WorkServer"/>, in ticks of <see cref="Stopwatch"/>.</summary>
internal readonly record struct Call(long Arrived, long Answered);
