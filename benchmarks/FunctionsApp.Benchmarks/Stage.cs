using System.ComponentModel;
using System.Diagnostics;

namespace FunctionsApp.Benchmarks;

/// <summary>The processes that take part in one row; they end with it, so that no row disturbs the next.</summary>
internal sealed class Stage : IAsyncDisposable
{
    private readonly Stack<IAsyncDisposable> _resources = new();

    public T Add<T>(T resource)
        where T : IAsyncDisposable
    {
        _resources.Push(resource);
        return resource;
    }

    public async Task<Server> StartAsync(ServerApp app, params (string Key, string Value)[] settings) => Add(await Server.StartAsync(app, settings));

    public Contestant Python(string name, string script, params object[] arguments) => Enter("Python: " + name, "python3", script, arguments);

    /// <summary>A script that needs a package, with the Python that has it: Debian's packages are those of its own Python.</summary>
    public Contestant PythonWith(string package, string name, string script, params object[] arguments) =>
        Array.Find(["python3", "/usr/bin/python3"], python => Has(python, package)) is { } tool
            ? Enter("Python: " + name, tool, script, arguments)
            : Contestant.Absent("Python: " + name, $"{package} is not installed");

    public Contestant Node(string name, string script, params object[] arguments) => Enter("Node: " + name, "node", script, arguments);

    public async ValueTask DisposeAsync()
    {
        while (_resources.TryPop(out var resource))
        {
            await resource.DisposeAsync();
        }
    }

    private static bool Has(string python, string package)
    {
        try
        {
            using var process = Process.Start(new ProcessStartInfo(python, ["-c", $"import {package}"]) { UseShellExecute = false, RedirectStandardError = true })!;
            process.WaitForExit();
            return process.ExitCode == 0;
        }
        catch (Win32Exception)
        {
            return false;
        }
    }

    private Contestant Enter(string name, string tool, string script, object[] arguments) => Peer.TryStart(tool, script, arguments) is { } peer
        ? new Contestant(name, Add(peer).RunAsync)
        : Contestant.Absent(name, $"{tool} is not installed");
}
