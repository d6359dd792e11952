using System.Diagnostics;
using System.Text;

namespace FunctionsApp.IntegrationTests.Hosting;

/// <summary>A bash that runs the blocks of a page one after the other, as a reader pastes them.</summary>
public sealed class Shell : IAsyncDisposable
{
    private const string Mark = "--- the block has ended with";

    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(30);

    private readonly Process _bash;
    private readonly StringBuilder _errors = new();

    /// <summary>Starts it.</summary>
    /// <param name="directory">The working directory.</param>
    public Shell(string directory)
    {
        var start = new ProcessStartInfo("bash", ["--noprofile", "--norc"])
        {
            WorkingDirectory = directory,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            StandardOutputEncoding = Encoding.UTF8,
            UseShellExecute = false,
        };
        KeepQuiet(start);
        _bash = Process.Start(start)!;
        _bash.ErrorDataReceived += (_, line) =>
        {
            lock (_errors)
            {
                _errors.AppendLine(line.Data);
            }
        };
        _bash.BeginErrorReadLine();
    }

    /// <summary>Returns whether a shell finds a tool.</summary>
    public static bool IsOnPath(string tool) =>
        Environment.GetEnvironmentVariable("PATH")!.Split(Path.PathSeparator).Any(folder => File.Exists(Path.Combine(folder, tool)));

    /// <summary>Keeps tools from printing, sending and writing what a page does not show.</summary>
    public static void KeepQuiet(ProcessStartInfo start)
    {
        start.Environment["DOTNET_CLI_TELEMETRY_OPTOUT"] = "true";
        start.Environment["DOTNET_CLI_WORKLOAD_UPDATE_NOTIFY_DISABLE"] = "true";
        start.Environment["DOTNET_NOLOGO"] = "true";
        start.Environment["NuGetAudit"] = "false";
        start.Environment["PYTHONDONTWRITEBYTECODE"] = "1";
        start.Environment["npm_config_audit"] = "false";
        start.Environment["npm_config_fund"] = "false";
        start.Environment["npm_config_prefer_offline"] = "true";
    }

    /// <summary>Runs a block; returns what it has printed. A command that fails fails the test.</summary>
    public async Task<string> RunAsync(string block)
    {
        await _bash.StandardInput.WriteAsync($"{block.TrimEnd()}\nprintf '\\n{Mark} %s\\n' $?\n");
        await _bash.StandardInput.FlushAsync();
        using var limit = new CancellationTokenSource(Limit);
        var printed = new StringBuilder();
        while (await _bash.StandardOutput.ReadLineAsync(limit.Token) is { } line)
        {
            if (line.StartsWith(Mark, StringComparison.Ordinal))
            {
                Assert.True(line == Mark + " 0", $"{block}\n{printed}{Errors()}");

                // The mark is on a line of its own.
                return printed.ToString(0, printed.Length - 1);
            }

            printed.Append(line).Append('\n');
        }

        throw new InvalidOperationException($"The shell has ended: {block}\n{printed}{Errors()}");
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (!_bash.HasExited)
        {
            _bash.Kill(entireProcessTree: true);
        }

        await _bash.WaitForExitAsync();
        _bash.Dispose();
    }

    private string Errors()
    {
        lock (_errors)
        {
            return _errors.ToString();
        }
    }
}
