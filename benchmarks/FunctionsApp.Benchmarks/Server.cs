using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text;

namespace FunctionsApp.Benchmarks;

/// <summary>A program that serves.</summary>
/// <param name="Name">Its name in the table.</param>
/// <param name="Assembly">The path of its assembly.</param>
internal sealed record ServerApp(string Name, string Assembly)
{
    public static ServerApp LocalHost { get; } = new("LocalHost", Path.Combine(AppContext.BaseDirectory, "localhost", "FunctionsApp.LocalHost.dll"));

    public static ServerApp Bare { get; } = new("C#: bare Kestrel", Repository.Assembly("benchmarks/BareKestrel"));
}

/// <summary>A server in a process of its own, on loopback.</summary>
internal sealed class Server : IAsyncDisposable
{
    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(30);

    private readonly Process _process;
    private readonly DirectoryInfo _tasks;
    private RawConnection? _connection;

    private Server(Process process, DirectoryInfo tasks, int port)
    {
        (_process, _tasks) = (process, tasks);
        Port = port;
        Client = new HttpClient { BaseAddress = new Uri(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{port}/api/")) };
    }

    public int Port { get; }

    public HttpClient Client { get; }

    /// <summary>The most memory that the process has had resident at once, in MiB; only Linux tells.</summary>
    public double PeakMemory
    {
        get
        {
            var line = File.ReadLines(string.Create(CultureInfo.InvariantCulture, $"/proc/{_process.Id}/status"))
                .First(static line => line.StartsWith("VmHWM:", StringComparison.Ordinal));
            return double.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) / 1024;
        }
    }

    /// <summary>Starts the process, and returns with its first answer.</summary>
    public static async Task<Server> StartAsync(ServerApp app, params (string Key, string Value)[] settings)
    {
        var port = FreePort();
        var url = string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{port}");
        var start = new ProcessStartInfo("dotnet", [app.Assembly, "--urls", url]) { UseShellExecute = false, RedirectStandardOutput = true };

        // Hosts do not share their tasks, and leave none behind.
        var tasks = Directory.CreateTempSubdirectory("functions-tasks-");
        start.Environment["Tasks__Directory"] = tasks.FullName;
        foreach (var (key, value) in settings)
        {
            start.Environment[key] = value;
        }

        var started = Stopwatch.GetTimestamp();
        var server = new Server(Process.Start(start)!, tasks, port);
        server._process.BeginOutputReadLine();
        while (!server.IsLive())
        {
            if (server._process.HasExited || Stopwatch.GetElapsedTime(started) > StartLimit)
            {
                await server.DisposeAsync();
                throw new InvalidOperationException($"{app.Name} did not start.");
            }

            await Task.Delay(1);
        }

        return server;
    }

    /// <summary>Posts JSON and reads the whole answer.</summary>
    /// <returns>The milliseconds from the first byte sent to the last one received.</returns>
    public async Task<double> PostAsync(string path, byte[] json, CancellationToken cancellationToken = default)
    {
        using var content = new ByteArrayContent(json);
        content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        var started = Stopwatch.GetTimestamp();
        using var response = await Client.PostAsync(new Uri(path, UriKind.Relative), content, cancellationToken);
        var elapsed = Stopwatch.GetElapsedTime(started).TotalMilliseconds;
        response.EnsureSuccessStatusCode();
        return elapsed;
    }

    /// <summary>LocalHost in a row about one request.</summary>
    public Contestant Post(string path, byte[] json)
    {
        var request = Request(path, json);
        return new(ServerApp.LocalHost.Name, () => SendAsync(request));
    }

    /// <summary>Sends a request and reads the whole answer, on a connection that stays open.</summary>
    /// <returns>The milliseconds from the first byte sent to the last one received.</returns>
    public Task<double> SendAsync(byte[] request) => Task.Run(() =>
    {
        _connection ??= new RawConnection(Port);
        var started = Stopwatch.GetTimestamp();
        _connection.Send(request);
        var status = _connection.ReadResponse();
        var elapsed = Stopwatch.GetElapsedTime(started).TotalMilliseconds;
        return status == (int)HttpStatusCode.OK ? elapsed : throw new InvalidOperationException($"The server responds {status}.");
    });

    /// <summary>The bytes of a request that posts JSON.</summary>
    public static byte[] Request(string path, byte[] json) =>
        [.. Encoding.ASCII.GetBytes($"POST /api/{path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: {json.Length}\r\n\r\n"), .. json];

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        _connection?.Dispose();
        _process.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
        _tasks.Delete(recursive: true);
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    private bool IsLive()
    {
        try
        {
            using var connection = new RawConnection(Port);
            connection.Send("GET /api/health/live HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"u8);
            return connection.ReadHead() == (int)HttpStatusCode.OK;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
