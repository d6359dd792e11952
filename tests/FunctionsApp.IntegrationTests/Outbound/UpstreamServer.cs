using System.Collections.Concurrent;
using System.Globalization;
using System.IO.Compression;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace FunctionsApp.IntegrationTests.Outbound;

/// <summary>A request as it reached the server, and the connection that it came on.</summary>
public sealed record Received(
    string Method, string PathAndQuery, IReadOnlyDictionary<string, string> Headers, string Body, string Protocol, string Connection);

/// <summary>
/// A server on loopback that the app calls: it answers well or badly, as the path says, and knows which requests reached
/// it and which were cut off. A request is known by its <c>id</c> in the query.
/// </summary>
public sealed class UpstreamServer : IAsyncDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan Stall = TimeSpan.FromSeconds(1);

    private readonly ConcurrentDictionary<string, Trace> _traces = new(StringComparer.Ordinal);
    private readonly TcpListener _silent = new(IPAddress.Loopback, 0);
    private WebApplication _app = null!;

    private UpstreamServer()
    {
    }

    /// <summary>The server's origins: two of http, which differ in the port, and two of https, whose certificate only those trust that are told to.</summary>
    public Uri Origin { get; private set; } = null!;

    public Uri OtherOrigin { get; private set; } = null!;

    public Uri SecureOrigin { get; private set; } = null!;

    public Uri OtherSecureOrigin { get; private set; } = null!;

    /// <summary>An https origin with a certificate of the same authority, but of another host's name.</summary>
    public Uri MisnamedOrigin { get; private set; } = null!;

    /// <summary>The certificate of the authority behind those of the server, in PEM.</summary>
    public string AuthorityPem { get; private set; } = null!;

    /// <summary>An https origin that takes connections and says nothing.</summary>
    public Uri SilentOrigin => new($"https://{_silent.LocalEndpoint}");

    public static async Task<UpstreamServer> StartAsync()
    {
        using var authority = new TestAuthority();
        var (certificate, misnamed) = (authority.Issue("localhost", IPAddress.Loopback), authority.Issue("upstream.example"));
        var server = new UpstreamServer { AuthorityPem = authority.Pem };
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrelHttpsConfiguration().ConfigureKestrel(options =>
        {
            options.Limits.MinResponseDataRate = null;
            options.Listen(IPAddress.Loopback, 0);
            options.Listen(IPAddress.Loopback, 0);
            options.Listen(IPAddress.Loopback, 0, listen => listen.UseHttps(certificate));
            options.Listen(IPAddress.Loopback, 0, listen => listen.UseHttps(certificate));
            options.Listen(IPAddress.Loopback, 0, listen => listen.UseHttps(misnamed));
        });
        server._app = builder.Build();
        server._app.Run(server.HandleAsync);
        server._silent.Start();
        await server._app.StartAsync();
        var addresses = server._app.Services.GetRequiredService<Microsoft.AspNetCore.Hosting.Server.IServer>().Features.Get<IServerAddressesFeature>()!
            .Addresses.Select(static address => new Uri(address)).ToList();
        (server.Origin, server.OtherOrigin) = (addresses[0], addresses[1]);
        (server.SecureOrigin, server.OtherSecureOrigin, server.MisnamedOrigin) = (addresses[2], addresses[3], addresses[4]);
        return server;
    }

    /// <summary>The requests with an id, in the order in which they came.</summary>
    public IReadOnlyList<Received> Requests(string id) => [.. Of(id).Requests];

    /// <summary>Waits until a request with an id is here.</summary>
    public Task ArrivalAsync(string id) => Of(id).Arrived.Task.WaitAsync(Limit);

    /// <summary>Waits until the other side has cut a request off.</summary>
    public Task CutOffAsync(string id) => Of(id).CutOff.Task.WaitAsync(Limit);

    /// <summary>Waits until no byte of the answers to an id has been taken for a second.</summary>
    /// <returns>How many bytes were until then.</returns>
    public async Task<long> StallAsync(string id)
    {
        var trace = Of(id);
        using var limit = new CancellationTokenSource(Limit);
        while (await trace.Progress.WaitAsync(Stall, limit.Token))
        {
            // It goes on.
        }

        return Interlocked.Read(ref trace.Written);
    }

    /// <summary>Lets a request to <c>/gate</c> go on.</summary>
    public void Release(string id) => Of(id).Released.TrySetResult();

    public async ValueTask DisposeAsync()
    {
        _silent.Dispose();
        using var atOnce = new CancellationTokenSource();
        await atOnce.CancelAsync();
        await _app.StopAsync(atOnce.Token);
        await _app.DisposeAsync();
    }

    private Trace Of(string id) => _traces.GetOrAdd(id, static _ => new Trace());

    private async Task HandleAsync(HttpContext context)
    {
        var (request, response, aborted) = (context.Request, context.Response, context.RequestAborted);
        var trace = Of(Query("id") ?? "");
        using var body = new MemoryStream();
        await request.Body.CopyToAsync(body, aborted);
        body.Position = 0;
        using var reader = new StreamReader(body);
        var received = new Received(
            request.Method, request.Path + request.QueryString,
            request.Headers.ToDictionary(static header => header.Key.ToLowerInvariant(), static header => header.Value.ToString()),
            await reader.ReadToEndAsync(aborted), request.Protocol, context.Connection.Id);
        trace.Requests.Enqueue(received);

        // Not disposed of: whoever waits below may be told first, and leave.
        aborted.Register(() => trace.CutOff.TrySetResult());
        trace.Arrived.TrySetResult();
        var count = trace.Requests.Count;
        try
        {
            switch (request.Path.Value)
            {
                case "/echo":
                    await WriteAsync("application/json", JsonSerializer.Serialize(received));
                    break;

                case "/content":
                    response.StatusCode = int.Parse(Query("status") ?? "200", CultureInfo.InvariantCulture);
                    response.Headers.Append("Set-Cookie", new[] { "a=1", "b=2" });
                    response.ContentType = Query("type");
                    await response.Body.WriteAsync(Convert.FromBase64String(Query("base64") ?? ""), aborted);
                    break;

                case "/body":
                    await WriteAsync("text/plain", received.Body);
                    break;

                case "/bytes":
                    await WriteAsync("text/plain", Convert.ToHexString(body.ToArray()));
                    break;

                case "/deep":
                    var depth = int.Parse(Query("depth")!, CultureInfo.InvariantCulture);
                    await WriteAsync("application/json", new string('[', depth) + new string(']', depth));
                    break;

                case "/hang":
                    await Task.Delay(Timeout.Infinite, aborted);
                    break;

                // Fails as soon as another request is here.
                case "/fail-after":
                    await ArrivalAsync(Query("other")!);
                    response.StatusCode = 500;
                    break;

                // A byte now and then, or many of them, without end.
                case "/drip":
                    while (true)
                    {
                        await WriteAsync("text/plain", "x");
                        await Task.Delay(10, aborted);
                    }

                case "/flood":
                    while (true)
                    {
                        await WriteAsync("text/plain", new string('x', 10_000));
                    }

                case "/endless-lines":
                    for (var i = 0; ; i++)
                    {
                        await WriteAsync("text/plain", string.Create(CultureInfo.InvariantCulture, $"line {i}\r\n"));
                    }

                // So many lines of so many characters.
                case "/lines":
                    var line = new string('x', int.Parse(Query("characters")!, CultureInfo.InvariantCulture)) + "\n";
                    var lines = int.Parse(Query("count")!, CultureInfo.InvariantCulture);
                    for (var i = 0; i < lines; i++)
                    {
                        await WriteAsync("text/plain", line);
                    }

                    break;

                // Answers as soon as so many requests are here at once.
                case "/meet":
                    if (count >= int.Parse(Query("count")!, CultureInfo.InvariantCulture))
                    {
                        trace.Released.TrySetResult();
                    }

                    await trace.Released.Task.WaitAsync(aborted);
                    await WriteAsync("text/plain", "met");
                    break;

                // One line, and the other when the test says so.
                case "/gate":
                    await WriteAsync("text/plain; charset=utf-8", "first\nsec");
                    await trace.Released.Task.WaitAsync(aborted);
                    await WriteAsync("text/plain; charset=utf-8", "ond\r\nlast");
                    break;

                case "/redirect":
                    response.StatusCode = int.Parse(Query("status") ?? "302", CultureInfo.InvariantCulture);
                    response.Headers.Location = Query("to");
                    break;

                case "/loop":
                    response.Redirect("/loop?id=" + Query("id"));
                    break;

                case "/bomb":
                    response.ContentType = "text/plain";
                    response.Headers.ContentEncoding = "gzip";
                    await using (var zip = new GZipStream(response.Body, CompressionLevel.Optimal))
                    {
                        for (var i = 0; i < 64; i++)
                        {
                            await zip.WriteAsync(new byte[1024 * 1024], aborted);
                        }
                    }

                    break;

                case "/gzip":
                    response.ContentType = "application/json";
                    response.Headers.ContentEncoding = "gzip";
                    await using (var zip = new GZipStream(response.Body, CompressionLevel.Optimal))
                    {
                        await zip.WriteAsync("[1, 2,\n 3]"u8.ToArray(), aborted);
                    }

                    break;

                case "/no-gzip":
                    response.Headers.ContentEncoding = Query("encoding") ?? "gzip";
                    await WriteAsync("text/plain", "This is plain text, whatever its header says.");
                    break;

                case "/reset" when count <= int.Parse(Query("times") ?? "1000", CultureInfo.InvariantCulture):
                    context.Abort();
                    break;

                case "/half" when count <= int.Parse(Query("times") ?? "1000", CultureInfo.InvariantCulture):
                    response.ContentLength = 100;
                    await WriteAsync("text/plain", "half");
                    context.Abort();
                    break;

                case "/busy" when count <= int.Parse(Query("times") ?? "1000", CultureInfo.InvariantCulture):
                    response.StatusCode = int.Parse(Query("status") ?? "429", CultureInfo.InvariantCulture);
                    response.Headers.RetryAfter = Query("after");
                    break;

                default:
                    await WriteAsync("text/plain", "done");
                    break;
            }
        }
        catch (Exception exception) when (exception is OperationCanceledException or IOException)
        {
            // Cut off, which is on record.
        }

        string? Query(string name) => request.Query[name].Count == 0 ? null : request.Query[name].ToString();

        async Task WriteAsync(string type, string text)
        {
            response.ContentType ??= type;
            var bytes = Encoding.UTF8.GetBytes(text);
            await response.Body.WriteAsync(bytes, aborted);
            await response.Body.FlushAsync(aborted);
            aborted.ThrowIfCancellationRequested();
            Interlocked.Add(ref trace.Written, bytes.Length);
            trace.Progress.Release();
        }
    }

    private sealed class Trace
    {
        public long Written;

        /// <summary>Is released with each write that was taken.</summary>
        public SemaphoreSlim Progress { get; } = new(0);

        public ConcurrentQueue<Received> Requests { get; } = new();

        public TaskCompletionSource Arrived { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public TaskCompletionSource CutOff { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public TaskCompletionSource Released { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
