using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace FunctionsApp.IntegrationTests.Hosting;

/// <summary>A LocalHost in a process of its own, on a port that the system chooses.</summary>
public sealed partial class LocalHostProcess : AppHost
{
    private readonly Process _process;

    // Hosts do not share their tasks, and leave none behind.
    private readonly DirectoryInfo _tasks = Directory.CreateTempSubdirectory("functions-tasks-");
    private readonly StringBuilder _output = new();
    private readonly StringBuilder _error = new();
    private readonly TaskCompletionSource<Uri> _listening = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Task _watching = Task.CompletedTask;

    private LocalHostProcess(string urls, (string Key, string Value)[] settings)
    {
        var start = new ProcessStartInfo("dotnet", [Repository.Assembly("src/FunctionsApp.LocalHost"), "--urls", urls])
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

        AddEngine(start.Environment, settings);
        _process = new Process { StartInfo = start };
        _process.OutputDataReceived += (_, line) => ReadOutput(line.Data);
        _process.ErrorDataReceived += (_, line) => Append(_error, line.Data);
    }

    public override string Output
    {
        get
        {
            lock (_output)
            {
                return _output.ToString();
            }
        }
    }

    public override string Error
    {
        get
        {
            lock (_error)
            {
                return _error.ToString();
            }
        }
    }

    public override string Functions => Output;

    protected override Process Process => _process;

    public override Uri BaseAddress => _listening.Task.Result;

    /// <summary>Starts a host and waits until it listens.</summary>
    /// <param name="settings">Environment variables, as <c>Limits__MaxCalls</c>. <c>Tasks__Directory</c> is a new directory unless it is among them.</param>
    public static Task<LocalHostProcess> StartAsync(params (string Key, string Value)[] settings) => StartAsync("http://127.0.0.1:0", settings);

    public static Task<LocalHostProcess> StartAsync(string urls, params (string Key, string Value)[] settings) => StartedAsync(Launch(urls, settings));

    /// <summary>Starts a host that is expected to refuse, and waits for its end.</summary>
    public static async Task<LocalHostProcess> RunToEndAsync(string urls, params (string Key, string Value)[] settings)
    {
        var host = Launch(urls, settings);
        await host.WaitForExitAsync();
        return host;
    }

    /// <summary>Starts a host, and does not wait until it listens.</summary>
    public static LocalHostProcess Launch(params (string Key, string Value)[] settings) => Launch("http://127.0.0.1:0", settings);

    public override Task ListeningAsync() => _listening.Task.WaitAsync(Limit);

    public override void Terminate() => Process.Start("kill", ["-TERM", _process.Id.ToString(CultureInfo.InvariantCulture)]).WaitForExit();

    public override async Task KillAsync()
    {
        _process.Kill();
        await WaitForExitAsync();
    }

    public override async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            _process.Kill(entireProcessTree: true);
        }

        await _watching;
        _process.Dispose();
        _tasks.Delete(recursive: true);
    }

    /// <summary>Settings of another engine for tasks, in the assembly that is about it.</summary>
    static partial void AddEngine(IDictionary<string, string?> environment, (string Key, string Value)[] settings);

    private static LocalHostProcess Launch(string urls, (string Key, string Value)[] settings)
    {
        var host = new LocalHostProcess(urls, settings);
        host._process.Start();
        host._process.BeginOutputReadLine();
        host._process.BeginErrorReadLine();
        host._watching = host.WatchAsync();
        return host;
    }

    private static void Append(StringBuilder builder, string? line)
    {
        lock (builder)
        {
            builder.AppendLine(line);
        }
    }

    private async Task WatchAsync()
    {
        // Not before all is read that it has printed.
        await _process.WaitForExitAsync();
        _listening.TrySetException(new InvalidOperationException($"The host exited with {_process.ExitCode}. {Error}"));
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
