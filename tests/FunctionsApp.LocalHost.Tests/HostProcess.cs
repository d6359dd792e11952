using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using System.Threading.Channels;

namespace FunctionsApp.LocalHost.Tests;

/// <summary>A host, or another command, in a process of its own, with the lines that it prints.</summary>
internal sealed partial class HostProcess : IAsyncDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(3);

    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("host-process-");
    private readonly Process _process;
    private readonly Channel<string> _lines = Channel.CreateUnbounded<string>();
    private readonly List<string> _seen = [];
    private readonly HashSet<int> _found = [];
    private int _open = 2;

    private HostProcess(IEnumerable<string> command, (string Key, string Value)[] environment)
    {
        var start = new ProcessStartInfo("dotnet", command)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
            WorkingDirectory = _directory.FullName,
        };
        foreach (var (key, value) in environment)
        {
            start.Environment[key] = value;
        }

        _process = Process.Start(start)!;
        _process.OutputDataReceived += (_, line) => Note(line.Data);
        _process.ErrorDataReceived += (_, line) => Note(line.Data);
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    /// <summary>All that it has printed and that was read.</summary>
    public IReadOnlyList<string> Lines => _seen;

    /// <summary>Where it was started.</summary>
    public string Folder => _directory.FullName;

    /// <summary>Starts the local host on a free port.</summary>
    public static HostProcess Start(string[] args, params (string Key, string Value)[] environment) =>
        new([Repository.Assembly("src/FunctionsApp.LocalHost"), "--port", "0", .. args], environment);

    /// <summary>Starts a command of dotnet, or another program of it.</summary>
    public static HostProcess Run(string[] command, params (string Key, string Value)[] environment) => new(command, environment);

    /// <summary>Waits for a line. It may be one before others that were found, because several threads print: but none twice.</summary>
    /// <returns>The line.</returns>
    public async Task<string> LineAsync(string text)
    {
        using var limit = new CancellationTokenSource(Limit);
        for (var i = 0; ; i++)
        {
            if (i == _seen.Count)
            {
                Assert.True(
                    await _lines.Reader.WaitToReadAsync(limit.Token), $"The process has ended without '{text}': {string.Join(Environment.NewLine, _seen)}");
                _seen.Add(await _lines.Reader.ReadAsync(limit.Token));
            }

            if (_seen[i].Contains(text, StringComparison.Ordinal) && _found.Add(i))
            {
                return _seen[i];
            }
        }
    }

    /// <summary>Waits until it listens.</summary>
    public async Task<Uri> ListeningAsync() => new(Address().Match(await LineAsync("Listening on ")).Value);

    /// <summary>Stops it as a service manager does.</summary>
    public void Terminate() => Process.Start("kill", ["-TERM", _process.Id.ToString(CultureInfo.InvariantCulture)]).WaitForExit();

    /// <summary>Reads to the end.</summary>
    /// <returns>The exit code.</returns>
    public async Task<int> EndAsync()
    {
        using var limit = new CancellationTokenSource(Limit);
        await foreach (var line in _lines.Reader.ReadAllAsync(limit.Token))
        {
            _seen.Add(line);
        }

        await _process.WaitForExitAsync(limit.Token);
        return _process.ExitCode;
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            _process.Kill(entireProcessTree: true);
            await _process.WaitForExitAsync();
        }

        _process.Dispose();
        _directory.Delete(recursive: true);
    }

    private void Note(string? line)
    {
        if (line is not null)
        {
            _lines.Writer.TryWrite(line);
        }
        else if (Interlocked.Decrement(ref _open) == 0)
        {
            _lines.Writer.Complete();
        }
    }

    [GeneratedRegex(@"http://[^\s,""]+:\d+", RegexOptions.None, 1_000)]
    private static partial Regex Address();
}
