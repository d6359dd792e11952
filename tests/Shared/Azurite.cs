using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace FunctionsApp;

/// <summary>Azure Storage as Microsoft emulates it, in a process of its own, on ports that the system chooses.</summary>
internal sealed class Azurite : IAsyncDisposable
{
    private const string Account = "devstoreaccount1";

    // The same for every Azurite, and public.
    private const string Key = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(50);
    private static readonly string Script = Path.Combine(Repository.Root, "tests", "azurite", "node_modules", "azurite", "dist", "src", "azurite.js");

    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("azurite-");
    private readonly int[] _ports = FindPorts(3);
    private readonly StringBuilder _output = new();
    private Process? _process;

    private Azurite()
    {
    }

    /// <summary>Why there is none here; null where there is.</summary>
    public static string? Missing { get; } = File.Exists(Script) ? null : "Needs Azurite: npm ci --prefix tests/azurite.";

    /// <summary>The ports of blobs, queues and tables.</summary>
    public IReadOnlyList<int> Ports => _ports;

    /// <summary>What a client connects by. It stays the same when the process is stopped and started again.</summary>
    public string ConnectionString => ConnectionStringOf(_ports);

    /// <summary>What a client connects by that reaches the services on other ports.</summary>
    public static string ConnectionStringOf(IReadOnlyList<int> ports) => string.Create(
        CultureInfo.InvariantCulture,
        $"DefaultEndpointsProtocol=http;AccountName={Account};AccountKey={Key};BlobEndpoint=http://127.0.0.1:{ports[0]}/{Account};QueueEndpoint=http://127.0.0.1:{ports[1]}/{Account};TableEndpoint=http://127.0.0.1:{ports[2]}/{Account};");

    /// <summary>Starts one that has nothing in it.</summary>
    public static async Task<Azurite> StartNewAsync()
    {
        for (var attempt = 1; ; attempt++)
        {
            var azurite = new Azurite();
            try
            {
                await azurite.StartAsync();
                return azurite;
            }
            catch (InvalidOperationException) when (attempt < 3)
            {
                // Another process may have taken a port after it was found.
                await azurite.DisposeAsync();
            }
            catch
            {
                await azurite.DisposeAsync();
                throw;
            }
        }
    }

    /// <summary>Starts the process again on the same ports, with what it has stored, and waits until all of them accept connections.</summary>
    public async Task StartAsync()
    {
        if (_process is not null)
        {
            throw new InvalidOperationException("Azurite runs.");
        }

        _process = Launch();
        var watch = Stopwatch.StartNew();
        foreach (var port in _ports)
        {
            while (!await AcceptsAsync(port))
            {
                if (_process.HasExited || watch.Elapsed > Limit)
                {
                    throw new InvalidOperationException($"Azurite {(_process.HasExited ? "has ended" : "does not listen")}. {ReadOutput()}");
                }

                await Task.Delay(Pause);
            }
        }
    }

    /// <summary>Ends the process, which writes what it has stored before. Windows has no SIGTERM: there the last seconds may be lost.</summary>
    public async Task StopAsync()
    {
        if (_process is not { } process)
        {
            return;
        }

        if (!OperatingSystem.IsWindows())
        {
            using var kill = Process.Start("kill", ["-TERM", process.Id.ToString(CultureInfo.InvariantCulture)]);
            await kill.WaitForExitAsync();
            using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(10));

            // It may wait for connections that are open.
            await process.WaitForExitAsync(limit.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        Kill();
    }

    public ValueTask DisposeAsync()
    {
        Kill();
        _directory.Delete(recursive: true);
        return ValueTask.CompletedTask;
    }

    /// <summary>As many free ports, none of them twice.</summary>
    private static int[] FindPorts(int count)
    {
        var listeners = Enumerable.Range(0, count).Select(static _ => new TcpListener(IPAddress.Loopback, 0)).ToArray();
        try
        {
            foreach (var listener in listeners)
            {
                listener.Start();
            }

            return [.. listeners.Select(static listener => ((IPEndPoint)listener.LocalEndpoint).Port)];
        }
        finally
        {
            foreach (var listener in listeners)
            {
                listener.Dispose();
            }
        }
    }

    private static async Task<bool> AcceptsAsync(int port)
    {
        using var client = new TcpClient();
        try
        {
            await client.ConnectAsync(IPAddress.Loopback, port);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    private Process Launch()
    {
        var start = new ProcessStartInfo("node", [Script, "--location", _directory.FullName, "--silent", "--skipApiVersionCheck", "--disableTelemetry"])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        };
        foreach (var (service, port) in new[] { "blob", "queue", "table" }.Zip(_ports))
        {
            start.ArgumentList.Add($"--{service}Host");
            start.ArgumentList.Add("127.0.0.1");
            start.ArgumentList.Add($"--{service}Port");
            start.ArgumentList.Add(port.ToString(CultureInfo.InvariantCulture));
        }

        var process = new Process { StartInfo = start };
        process.OutputDataReceived += (_, line) => Append(line.Data);
        process.ErrorDataReceived += (_, line) => Append(line.Data);
        process.Start();
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        return process;
    }

    private void Kill()
    {
        if (_process is { } process)
        {
            process.Kill(entireProcessTree: true);
            process.WaitForExit();
            process.Dispose();
            _process = null;
        }
    }

    private void Append(string? line)
    {
        lock (_output)
        {
            _output.AppendLine(line);
        }
    }

    private string ReadOutput()
    {
        lock (_output)
        {
            return _output.ToString();
        }
    }
}
