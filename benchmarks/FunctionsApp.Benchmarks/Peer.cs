using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;

namespace FunctionsApp.Benchmarks;

/// <summary>
/// The same work in another language, timed inside its own process: a script that does it once for each line that it reads,
/// and answers with the milliseconds. So neither its start nor its imports count.
/// </summary>
internal sealed class Peer : IAsyncDisposable
{
    private readonly string _script;
    private readonly Process _process;

    private Peer(string script, Process process) => (_script, _process) = (script, process);

    /// <summary>Starts a script of <c>benchmarks/peers</c>; null when there is no such tool.</summary>
    public static Peer? TryStart(string tool, string script, params object[] arguments)
    {
        var path = Path.Combine(Repository.Root, "benchmarks", "peers", script);
        var words = arguments.Select(static argument => Convert.ToString(argument, CultureInfo.InvariantCulture)!);
        try
        {
            return new Peer(script, Process.Start(new ProcessStartInfo(tool, [path, .. words])
            {
                UseShellExecute = false,
                RedirectStandardInput = true,
                RedirectStandardOutput = true,
            })!);
        }
        catch (Win32Exception)
        {
            return null;
        }
    }

    public async Task<double> RunAsync()
    {
        await _process.StandardInput.WriteLineAsync();
        await _process.StandardInput.FlushAsync();
        var line = await _process.StandardOutput.ReadLineAsync() ?? throw new InvalidOperationException($"{_script} has stopped.");
        return double.Parse(line, CultureInfo.InvariantCulture);
    }

    public async ValueTask DisposeAsync()
    {
        _process.StandardInput.Close();
        await _process.WaitForExitAsync();
        _process.Dispose();
    }
}
