using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;

namespace FunctionsApp.Benchmarks;

/// <summary>
/// The same work in another language, timed inside its own process: a script that does it once for each line that it reads,
/// and answers with the milliseconds. So neither its start nor its imports count.
/// </summary>
internal sealed class Peer : IContestant
{
    private readonly Process? _process;

    private Peer(string name, string tool, string script, object[] arguments)
    {
        Name = name;
        var path = Path.Combine(Repository.Root, "benchmarks", "peers", script);
        var words = arguments.Select(static argument => Convert.ToString(argument, CultureInfo.InvariantCulture)!);
        try
        {
            _process = Process.Start(new ProcessStartInfo(tool, [path, .. words])
            {
                UseShellExecute = false,
                RedirectStandardInput = true,
                RedirectStandardOutput = true,
            });
        }
        catch (Win32Exception)
        {
            Missing = $"{tool} is not installed";
        }
    }

    public string Name { get; }

    public string? Missing { get; }

    public static Peer Python(string name, string script, params object[] arguments) => new("Python: " + name, "python3", script, arguments);

    public static Peer Node(string name, string script, params object[] arguments) => new("Node: " + name, "node", script, arguments);

    public async Task<double> RunAsync()
    {
        await _process!.StandardInput.WriteLineAsync();
        await _process.StandardInput.FlushAsync();
        var line = await _process.StandardOutput.ReadLineAsync() ?? throw new InvalidOperationException($"{Name} has stopped.");
        return double.Parse(line, CultureInfo.InvariantCulture);
    }

    public async ValueTask DisposeAsync()
    {
        if (_process is not null)
        {
            _process.StandardInput.Close();
            await _process.WaitForExitAsync();
            _process.Dispose();
        }
    }
}
