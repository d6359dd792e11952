using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using FunctionsApp.TestHost.Http;
using FunctionsApp.TestHost.Protocol;
using FunctionsApp.TestHost.Worker;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Yarp.ReverseProxy.Forwarder;

namespace FunctionsApp.TestHost;

/// <summary>
/// Runs a published isolated worker as the platform does, in a process of its own, and serves its HTTP functions. Functions of other
/// triggers are left alone.
/// </summary>
public sealed class FunctionsTestHost : IAsyncDisposable
{
    private const int MaxMessageBytes = int.MaxValue;

    private readonly TestHostOptions _options;
    private readonly WorkerLog _log;
    private readonly WorkerConnection _connection;
    private readonly WebApplication _protocolServer;
    private WorkerProcess? _worker;
    private FunctionInvoker? _invoker;
    private WebApplication? _server;
    private bool _isStopping;

    private FunctionsTestHost(TestHostOptions options, string workerId)
    {
        _options = options;
        _log = new WorkerLog(options.Log);
        _connection = new WorkerConnection(workerId, _log);

        var builder = CreateBuilder("http://127.0.0.1:0");
        builder.WebHost.ConfigureKestrel(static kestrel => kestrel.ConfigureEndpointDefaults(static endpoint => endpoint.Protocols = HttpProtocols.Http2));
        builder.Services.AddGrpc(static grpc => grpc.MaxReceiveMessageSize = MaxMessageBytes);
        builder.Services.AddSingleton(_connection);
        _protocolServer = builder.Build();
        _protocolServer.MapGrpcService<WorkerConnection>();
    }

    /// <summary>Where the host listens.</summary>
    public Uri BaseAddress { get; private set; } = null!;

    /// <summary>The functions that it serves, as <c>func start</c> lists them: name, methods and URL.</summary>
    public IReadOnlyList<string> Functions { get; private set; } = [];

    /// <summary>The worker's process. It ends with the host; a test may end it earlier.</summary>
    public Process Worker => _worker!.Process;

    /// <summary>The last lines that the worker logged or printed.</summary>
    public string WorkerLog => _log.ToString();

    /// <summary>Starts the worker, and then the server.</summary>
    /// <param name="options">What to run.</param>
    /// <param name="cancellationToken">Gives up; what was started is ended.</param>
    /// <exception cref="WorkerException">The worker does not start as it should; the message has its log.</exception>
    public static async Task<FunctionsTestHost> StartAsync(TestHostOptions options, CancellationToken cancellationToken = default)
    {
        var workerId = Guid.NewGuid().ToString();
        var host = new FunctionsTestHost(options, workerId);
        try
        {
            await host.StartAsync(workerId, cancellationToken);
            return host;
        }
        catch
        {
            await host.DisposeAsync();
            throw;
        }
    }

    /// <summary>Ends the worker as the platform does, with WorkerTerminate, while the server still answers what runs.</summary>
    /// <returns>Whether the worker ended in time; if not, it was killed.</returns>
    public async Task<bool> StopAsync()
    {
        _isStopping = true;
        _connection.Send(new StreamingMessage { WorkerTerminate = new WorkerTerminate() });
        var isInTime = await _worker!.EndAsync(_options.StopTimeout);

        // Reads what the worker logged to the end.
        await _protocolServer.StopAsync();
        await _server!.StopAsync();
        return isInTime;
    }

    /// <summary>Ends worker and server; nothing is waited for.</summary>
    public async ValueTask DisposeAsync()
    {
        _isStopping = true;
        if (_worker is not null)
        {
            await _worker.DisposeAsync();
        }

        if (_server is not null)
        {
            await _server.DisposeAsync();
        }

        _invoker?.Dispose();
        await _protocolServer.DisposeAsync();
    }

    private static WebApplicationBuilder CreateBuilder(string url)
    {
        // Nothing of the process that it runs in: neither its settings nor its arguments.
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().UseUrls(url).ConfigureKestrel(static kestrel => kestrel.AddServerHeader = false);
        builder.Services.AddRoutingCore();
        return builder;
    }

    private async Task StartAsync(string workerId, CancellationToken cancellationToken)
    {
        await _protocolServer.StartAsync(cancellationToken);
        _worker = WorkerProcess.Start(_options, new Uri(_protocolServer.Urls.Single()), workerId, MaxMessageBytes, _log);
        _ = WatchAsync(_worker);

        await InTimeAsync(_connection.Connected, "connect", cancellationToken);
        var directory = Path.GetFullPath(_options.PackageDirectory);
        var initialized = (await CallAsync(
            new StreamingMessage { WorkerInitRequest = new WorkerInitRequest { HostVersion = "4.0.0", WorkerDirectory = directory, FunctionAppDirectory = directory } },
            cancellationToken)).WorkerInitResponse;
        Check(initialized.Result, "WorkerInitRequest");
        if (!initialized.Capabilities.TryGetValue("HttpUri", out var address))
        {
            throw Failure("The worker has no server for HTTP: it must call ConfigureFunctionsWebApplication.");
        }

        await InTimeAsync(ListeningAsync(new Uri(address), cancellationToken), "listen", cancellationToken);
        var indexed = (await CallAsync(
            new StreamingMessage { FunctionsMetadataRequest = new FunctionsMetadataRequest { FunctionAppDirectory = directory } }, cancellationToken)).FunctionMetadataResponse;
        Check(indexed.Result, "FunctionsMetadataRequest");
        HttpFunction[] functions = [.. indexed.FunctionMetadataResults.Select(HttpFunction.From).OfType<HttpFunction>()];
        foreach (var function in functions)
        {
            var loaded = await CallAsync(
                new StreamingMessage { FunctionLoadRequest = new FunctionLoadRequest { FunctionId = function.Metadata.FunctionId, Metadata = function.Metadata } }, cancellationToken);
            Check(loaded.FunctionLoadResponse.Result, $"FunctionLoadRequest of {function.Metadata.Name}");
        }

        await ServeAsync(functions, address, cancellationToken);
    }

    private async Task ServeAsync(HttpFunction[] functions, string address, CancellationToken cancellationToken)
    {
        var host = HostJson.Read(_options);
        var builder = CreateBuilder(_options.Url);
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Limits.MaxRequestBodySize = _options.MaxRequestBodyBytes);
        builder.Services.AddHttpForwarder();
        _server = builder.Build();
        _invoker = new FunctionInvoker(_connection, address, _server.Services.GetRequiredService<IHttpForwarder>(), _options, host);

        _server.Use(HideOtherMethodsAsync);
        _server.UseRouting();
        foreach (var function in functions)
        {
            var pattern = $"{host.RoutePrefix.Trim('/')}/{function.Route}";
            RequestDelegate invoke = context => _invoker.InvokeAsync(context, function);
            var endpoint = function.Trigger.Methods is { Length: > 0 } methods ? _server.MapMethods(pattern, methods, invoke) : _server.Map(pattern, invoke);
            endpoint.WithMetadata(function);
        }

        await _server.StartAsync(cancellationToken);
        BaseAddress = new Uri(_server.Urls.First());
        Functions = [.. functions.Select(function =>
            $"{function.Metadata.Name}: [{string.Join(',', function.Trigger.Methods ?? []).ToUpperInvariant()}] {BaseAddress}{host.RoutePrefix.Trim('/')}/{function.Route}")];
    }

    /// <summary>The platform finds no function where one answers other methods only.</summary>
    private static async Task HideOtherMethodsAsync(HttpContext context, RequestDelegate next)
    {
        await next(context);
        if (context.Response.StatusCode == StatusCodes.Status405MethodNotAllowed && context.GetEndpoint()?.Metadata.GetMetadata<HttpFunction>() is null)
        {
            context.Response.Headers.Allow = default;
            context.Response.StatusCode = StatusCodes.Status404NotFound;
        }
    }

    /// <summary>Waits until the worker's server takes connections: the worker speaks the protocol a little earlier.</summary>
    private static async Task ListeningAsync(Uri address, CancellationToken cancellationToken)
    {
        while (true)
        {
            using var client = new TcpClient();
            try
            {
                await client.ConnectAsync(address.Host, address.Port, cancellationToken);
                return;
            }
            catch (SocketException)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(5), cancellationToken);
            }
        }
    }

    private async Task WatchAsync(WorkerProcess worker)
    {
        await worker.WaitForExitAsync();
        _connection.Fail(_isStopping
            ? new WorkerException("The host has stopped.")
            : Failure(string.Create(CultureInfo.InvariantCulture, $"The worker has ended by itself, with exit code {worker.Process.ExitCode}.")));
    }

    private async Task<StreamingMessage> CallAsync(StreamingMessage message, CancellationToken cancellationToken)
    {
        var call = _connection.CallAsync(message, cancellationToken);
        await InTimeAsync(call, $"answer {message.ContentCase}", cancellationToken);
        return await call;
    }

    private async Task InTimeAsync(Task task, string what, CancellationToken cancellationToken)
    {
        try
        {
            await task.WaitAsync(_options.StartTimeout, cancellationToken);
        }
        catch (TimeoutException exception)
        {
            throw new WorkerException(Failure(string.Create(
                CultureInfo.InvariantCulture, $"The worker did not {what} within {_options.StartTimeout.TotalSeconds} s.")).Message, exception);
        }
    }

    private void Check(StatusResult result, string message)
    {
        if (result.Status != StatusResult.Types.Status.Success)
        {
            throw Failure($"The worker refused {message}: {result.Exception?.Message} {result.Exception?.StackTrace}");
        }
    }

    private WorkerException Failure(string message) => new($"{message}{Environment.NewLine}{_log}");
}
