using System.Net;
using FunctionsApp.Conformance;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Yarp.ReverseProxy.Forwarder;

namespace FunctionsApp.Durable.Tests.Faults;

/// <summary>Stands between an engine and its storage, and lets a test delay, refuse and lose requests and responses.</summary>
internal sealed class StorageProxy : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly HttpMessageInvoker _client = new(new SocketsHttpHandler { UseProxy = false });
    private IReadOnlyList<int> _ports = [];

    private StorageProxy(WebApplication app) => _app = app;

    /// <summary>What happens to a request; null forwards it. It is called with the request and with what forwards it.</summary>
    public Func<HttpContext, Func<Task>, Task>? Fault { get; set; }

    /// <summary>What a client connects by.</summary>
    public string ConnectionString => Azurite.ConnectionStringOf(_ports);

    /// <summary>Starts one.</summary>
    public static async Task<StorageProxy> StartAsync(Azurite azurite)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.Services.AddHttpForwarder();
        builder.WebHost.ConfigureKestrel(static kestrel =>
        {
            kestrel.Limits.MaxRequestBodySize = null;
            foreach (var _ in Enumerable.Range(0, 3))
            {
                kestrel.Listen(IPAddress.Loopback, 0, static listen => listen.Protocols = HttpProtocols.Http1);
            }
        });
        var proxy = new StorageProxy(builder.Build());
        var forwarder = proxy._app.Services.GetRequiredService<IHttpForwarder>();
        proxy._app.Run(async context =>
        {
            var service = proxy._ports.ToList().IndexOf(context.Connection.LocalPort);
            async Task ForwardAsync() => await forwarder.SendAsync(context, $"http://127.0.0.1:{azurite.Ports[service]}/", proxy._client);
            await (proxy.Fault is { } fault ? fault(context, ForwardAsync) : ForwardAsync());
        });
        await proxy._app.StartAsync();
        var addresses = proxy._app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses;
        proxy._ports = [.. addresses.Select(static address => new Uri(address).Port)];
        return proxy;
    }

    /// <summary>Whether a request goes to the queues.</summary>
    public bool IsOfQueues(HttpContext context) => context.Connection.LocalPort == _ports[1];

    /// <summary>Whether a request writes a blob whose name ends so.</summary>
    public static bool Writes(HttpContext context, string name) =>
        HttpMethods.IsPut(context.Request.Method) && context.Request.Path.Value!.EndsWith(name, StringComparison.Ordinal);

    /// <summary>Cuts the connection, so that the client cannot tell what became of its request.</summary>
    public static Task CutAsync(HttpContext context)
    {
        context.Abort();
        return Task.CompletedTask;
    }

    public async ValueTask DisposeAsync()
    {
        await _app.DisposeAsync();
        _client.Dispose();
    }
}

/// <summary>The durable engine, whose storage is behind a <see cref="StorageProxy"/>.</summary>
public sealed class FaultyFixture : EngineFixture
{
    private Azurite? _storage;
    private StorageProxy? _proxy;

    internal StorageProxy Proxy => _proxy!;

    protected override async Task<Dictionary<string, string?>?> SettingsAsync()
    {
        if (Azurite.Missing is not null)
        {
            return null;
        }

        _storage = await Azurite.StartNewAsync();
        _proxy = await StorageProxy.StartAsync(_storage);
        return new(StringComparer.Ordinal) { ["AzureWebJobsStorage"] = _proxy.ConnectionString, ["Tasks:HubName"] = "Faults", ["Callbacks:RetryScheduleSeconds:0"] = "0" };
    }

    protected override void Add(IServiceCollection services) => services.AddDurableTaskEngine();

    protected override async ValueTask EndAsync()
    {
        if (_proxy is { } proxy)
        {
            await proxy.DisposeAsync();
        }

        if (_storage is { } storage)
        {
            await storage.DisposeAsync();
        }
    }
}
