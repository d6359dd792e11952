using System.Diagnostics;
using System.Globalization;
using System.Reflection;
using System.Text;

namespace FunctionsApp.IntegrationTests.Hosting;

/// <summary>A LocalHost in a process of its own, on a port that the system chooses.</summary>
public sealed class LocalHostProcess : IAsyncDisposable
{
    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(60);

    private readonly Process _process;

    // Hosts do not share their tasks, and leave none behind.
    private readonly DirectoryInfo _tasks = Directory.CreateTempSubdirectory("functions-tasks-");
    private readonly StringBuilder _output = new();
    private readonly StringBuilder _error = new();
    private readonly TaskCompletionSource<Uri> _listening = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private LocalHostProcess(string urls, (string Key, string Value)[] settings)
    {
        var start = new ProcessStartInfo("dotnet", [HostAssembly(), "--urls", urls])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        };
        start.Environment["Tasks__Directory"] = _tasks.FullName;
        foreach (var (key, value) in settings)
        {
            start.Environment[key] = value;
        }

        _process = new Process { StartInfo = start, EnableRaisingEvents = true };
        _process.OutputDataReceived += (_, line) => ReadOutput(line.Data);
        _process.ErrorDataReceived += (_, line) => Append(_error, line.Data);
        _process.Exited += (_, _) => _listening.TrySetException(new InvalidOperationException($"The host exited with {_process.ExitCode}. {_error}"));
    }

    /// <summary>The folder that the solution lies in.</summary>
    public static string RepositoryRoot { get; } = FindRepositoryRoot();

    public int ExitCode => _process.ExitCode;

    /// <summary>What the host printed so far.</summary>
    public string Output
    {
        get
        {
            lock (_output)
            {
                return _output.ToString();
            }
        }
    }

    public string Error
    {
        get
        {
            lock (_error)
            {
                return _error.ToString();
            }
        }
    }

    /// <summary>The most memory that the process had so far, in bytes. Linux only.</summary>
    public long PeakMemoryBytes => ReadMemory("VmHWM:");

    /// <summary>The memory that the process has now, in bytes. Linux only.</summary>
    public long MemoryBytes => ReadMemory("VmRSS:");

    public Uri BaseAddress { get; private set; } = null!;

    /// <summary>Starts a host and waits until it listens.</summary>
    /// <param name="settings">Environment variables, as <c>Limits__MaxCalls</c>. <c>Tasks__Directory</c> is a new directory unless it is among them.</param>
    public static Task<LocalHostProcess> StartAsync(params (string Key, string Value)[] settings) => StartAsync("http://127.0.0.1:0", settings);

    public static async Task<LocalHostProcess> StartAsync(string urls, params (string Key, string Value)[] settings)
    {
        var host = Launch(urls, settings);
        try
        {
            await host.ListeningAsync();
            return host;
        }
        catch
        {
            await host.DisposeAsync();
            throw;
        }
    }

    /// <summary>Starts a host that is expected to refuse, and waits for its end.</summary>
    public static async Task<LocalHostProcess> RunToEndAsync(string urls, params (string Key, string Value)[] settings)
    {
        var host = Launch(urls, settings);
        await host.WaitForExitAsync();
        return host;
    }

    /// <summary>Starts a host, and does not wait until it listens.</summary>
    public static LocalHostProcess Launch(params (string Key, string Value)[] settings) => Launch("http://127.0.0.1:0", settings);

    /// <summary>Waits until a host that was launched listens.</summary>
    public async Task ListeningAsync() => BaseAddress = await _listening.Task.WaitAsync(StartLimit);

    /// <summary>A client whose requests go to this host.</summary>
    public Api Connect() => new(BaseAddress, key: null);

    public Task WaitForExitAsync() => _process.WaitForExitAsync().WaitAsync(StartLimit);

    /// <summary>Asks the process to stop, as a container's runtime does.</summary>
    public void Terminate() => Process.Start("kill", ["-TERM", _process.Id.ToString(CultureInfo.InvariantCulture)]).WaitForExit();

    /// <summary>Ends the process where it is, as a power failure does: with SIGKILL, which it cannot see.</summary>
    public async Task KillAsync()
    {
        _process.Kill();
        await WaitForExitAsync();
    }

    /// <summary>The time of the cores that the process has used so far.</summary>
    public TimeSpan ProcessorTime
    {
        get
        {
            _process.Refresh();
            return _process.TotalProcessorTime;
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            _process.Kill(entireProcessTree: true);
            await _process.WaitForExitAsync();
        }

        _process.Dispose();
        _tasks.Delete(recursive: true);
    }

    private long ReadMemory(string field)
    {
        var line = File.ReadLines(string.Create(CultureInfo.InvariantCulture, $"/proc/{_process.Id}/status"))
            .Single(line => line.StartsWith(field, StringComparison.Ordinal));
        return long.Parse(line[field.Length..].Replace("kB", "", StringComparison.Ordinal).Trim(), CultureInfo.InvariantCulture) * 1_024;
    }

    private static LocalHostProcess Launch(string urls, (string Key, string Value)[] settings)
    {
        var host = new LocalHostProcess(urls, settings);
        host._process.Start();
        host._process.BeginOutputReadLine();
        host._process.BeginErrorReadLine();
        return host;
    }

    /// <summary>The host that was built with these tests, in the same configuration.</summary>
    private static string HostAssembly()
    {
        var configuration = typeof(LocalHostProcess).Assembly.GetCustomAttribute<AssemblyConfigurationAttribute>()!.Configuration;
        return Path.Combine(RepositoryRoot, "src", "FunctionsApp.LocalHost", "bin", configuration, "net10.0", "FunctionsApp.LocalHost.dll");
    }

    private static string FindRepositoryRoot()
    {
        var directory = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(directory!.FullName, "FunctionsApp.sln")))
        {
            directory = directory.Parent;
        }

        return directory.FullName;
    }

    private static void Append(StringBuilder builder, string? line)
    {
        lock (builder)
        {
            builder.AppendLine(line);
        }
    }

    private void ReadOutput(string? line)
    {
        const string Before = "Listening on ";
        Append(_output, line);
        if (line?.StartsWith(Before, StringComparison.Ordinal) == true)
        {
            _listening.TrySetResult(new Uri(line[Before.Length..line.IndexOf(". Stop", StringComparison.Ordinal)].Replace("0.0.0.0", "127.0.0.1", StringComparison.Ordinal)));
        }
    }
}
