using System.Diagnostics;
using System.Globalization;

namespace FunctionsApp.IntegrationTests.Hosting;

/// <summary>A host of the app, whose functions run in a process of their own.</summary>
public abstract class AppHost : IAsyncDisposable
{
    /// <summary>How long a process may take to start, or to end.</summary>
    protected static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    /// <summary>A setting of a host whose memory is measured: its collector runs often, so that the figure does not depend on when it last did.</summary>
    public static (string Key, string Value) FrequentCollection { get; } = ("DOTNET_GCgen0size", "0x400000");

    /// <summary>Where it listens.</summary>
    public abstract Uri BaseAddress { get; }

    /// <summary>What the functions' process printed or logged so far.</summary>
    public abstract string Output { get; }

    /// <summary>What it printed as an error, where that is not among <see cref="Output"/>.</summary>
    public virtual string Error => "";

    /// <summary>Its functions, a line each: name, methods and URL.</summary>
    public abstract string Functions { get; }

    /// <summary>Whether the functions' process has ended.</summary>
    public bool HasExited => Process.HasExited;

    /// <summary>How the functions' process ended.</summary>
    public int ExitCode => Process.ExitCode;

    /// <summary>The most memory that the functions' process had so far, in bytes. Linux only.</summary>
    public long PeakMemoryBytes => ReadMemory("VmHWM:");

    /// <summary>The memory that the functions' process has now, in bytes. Linux only.</summary>
    public long MemoryBytes => ReadMemory("VmRSS:");

    /// <summary>The libraries that the functions' process has loaded. Linux only.</summary>
    public IEnumerable<string> Libraries =>
        File.ReadLines(string.Create(CultureInfo.InvariantCulture, $"/proc/{Process.Id}/maps")).Select(Path.GetFileName).OfType<string>().Where(static name => name.EndsWith(".dll", StringComparison.Ordinal)).Distinct();

    /// <summary>The time of the cores that the functions' process has used so far.</summary>
    public TimeSpan ProcessorTime
    {
        get
        {
            Process.Refresh();
            return Process.TotalProcessorTime;
        }
    }

    /// <summary>The process that the functions run in.</summary>
    protected abstract Process Process { get; }

    /// <summary>Waits until a host listens; ends it when it does not.</summary>
    public static async Task<T> StartedAsync<T>(T host)
        where T : AppHost
    {
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

    /// <summary>Waits until the host listens.</summary>
    public abstract Task ListeningAsync();

    /// <summary>Asks the functions' process to stop, as whoever runs it does.</summary>
    public abstract void Terminate();

    /// <summary>Waits for the end of the host.</summary>
    public virtual Task WaitForExitAsync() => WaitForProcessAsync();

    /// <summary>Waits for the end of the functions' process, in front of which there may be another server.</summary>
    public Task WaitForProcessAsync() => Process.WaitForExitAsync().WaitAsync(Limit);

    /// <summary>Measures <see cref="PeakMemoryBytes"/> from now on. Linux only.</summary>
    public void ResetPeakMemory() => File.WriteAllText(string.Create(CultureInfo.InvariantCulture, $"/proc/{Process.Id}/clear_refs"), "5");

    /// <summary>Ends the functions' process where it is, as a power failure does: with SIGKILL, which it cannot see.</summary>
    public abstract Task KillAsync();

    /// <summary>Stops the functions' process where it is, as a machine does that sleeps or moves. It knows nothing of that.</summary>
    public void Pause() => Signal("-STOP");

    /// <summary>Lets the functions' process go on.</summary>
    public void Resume() => Signal("-CONT");

    /// <summary>A client whose requests go to this host.</summary>
    public Api Connect() => new(BaseAddress, key: null);

    /// <summary>Ends it.</summary>
    public abstract ValueTask DisposeAsync();

    private void Signal(string signal) => System.Diagnostics.Process.Start("kill", [signal, Process.Id.ToString(CultureInfo.InvariantCulture)]).WaitForExit();

    private long ReadMemory(string name)
    {
        var line = File.ReadLines(string.Create(CultureInfo.InvariantCulture, $"/proc/{Process.Id}/status"))
            .SingleOrDefault(line => line.StartsWith(name, StringComparison.Ordinal));

        // A process that is ending has no memory any more.
        return line is null ? 0 : long.Parse(line[name.Length..].Replace("kB", "", StringComparison.Ordinal).Trim(), CultureInfo.InvariantCulture) * 1_024;
    }
}
