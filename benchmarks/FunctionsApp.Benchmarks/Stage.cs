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

    public Contestant Node(string name, string script, params object[] arguments) => Enter("Node: " + name, "node", script, arguments);

    public async ValueTask DisposeAsync()
    {
        while (_resources.TryPop(out var resource))
        {
            await resource.DisposeAsync();
        }
    }

    private Contestant Enter(string name, string tool, string script, object[] arguments) => Peer.TryStart(tool, script, arguments) is { } peer
        ? new Contestant(name, Add(peer).RunAsync)
        : Contestant.Absent(name, $"{tool} is not installed");
}
