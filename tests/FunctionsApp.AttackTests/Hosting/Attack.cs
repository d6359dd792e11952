using System.Diagnostics;
using FunctionsApp.AttackTests.Wire;
using FunctionsApp.IntegrationTests.Hosting;

namespace FunctionsApp.AttackTests.Hosting;

/// <summary>One attack: its connections, and the honest client beside them.</summary>
public sealed class Attack : IDisposable
{
    public const string Json = "application/json";
    public const string Lines = "application/x-ndjson";

    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);

    private readonly AppHost _host;
    private readonly CancellationTokenSource _limit;
    private readonly List<Connection> _connections = [];
    private readonly Action<string> _print;

    public Attack(AppHost host, TimeSpan limit, Action<string> print)
    {
        (_host, _print) = (host, print);
        _limit = new CancellationTokenSource(limit);
        Bystander = new Bystander(Host, TimeSpan.FromMilliseconds(50));
    }

    public Uri Host => _host.BaseAddress;

    public Bystander Bystander { get; }

    /// <summary>Ends when the attack has taken too long.</summary>
    public CancellationToken Limit => _limit.Token;

    /// <summary>Does something many times at once.</summary>
    public static Task<T[]> AtOnceAsync<T>(int times, Func<int, Task<T>> act) => Task.WhenAll(Enumerable.Range(0, times).Select(act));

    /// <summary>Opens a connection, which lasts as long as the attack unless it is closed before.</summary>
    public async Task<Connection> OpenAsync()
    {
        var connection = await Connection.OpenAsync(Host, Limit);
        lock (_connections)
        {
            _connections.Add(connection);
        }

        return connection;
    }

    /// <summary>Sends, and reads the answer at once: a host may answer before it has the whole body. The connection stays open.</summary>
    /// <param name="send">Sends the request, or less.</param>
    /// <param name="until">When to give the answer up, if not with the attack.</param>
    public async Task<Reply> ExchangeAsync(Func<Connection, Task> send, CancellationToken? until = null) => await ExchangeAsync(await OpenAsync(), send, until);

    /// <summary>Posts a body over a connection of its own, and reads the answer.</summary>
    public async Task<Reply> PostAsync(string path, Body body, string accept = Json)
    {
        using var connection = await Connection.OpenAsync(Host, Limit);
        return await ExchangeAsync(connection, connection => connection.PostAsync(path, body, accept), Limit);
    }

    /// <summary>Posts a body as an honest client: for a minute it comes back while the host has no room.</summary>
    public async Task<Reply> PostPatientlyAsync(string path, Body body)
    {
        var watch = Stopwatch.StartNew();
        while (true)
        {
            var reply = await PostAsync(path, body);
            if (reply.Summary != Reply.Saturated || watch.Elapsed > Patience)
            {
                return reply;
            }

            await Task.Delay(TimeSpan.FromSeconds(1), Limit);
        }
    }

    /// <summary>Sends a request without a body over a connection of its own, and reads the answer.</summary>
    public async Task<Reply> SendAsync(string method, string path)
    {
        using var connection = await Connection.OpenAsync(Host, Limit);
        return await ExchangeAsync(connection, connection => connection.SendHeadAsync(method, path), Limit);
    }

    /// <summary>Prints what came back, and fails where it is not what may come back.</summary>
    /// <param name="what">What was sent.</param>
    /// <param name="replies">What came back.</param>
    /// <param name="allowed">The summaries that replies may have.</param>
    public void Expect(string what, IReadOnlyCollection<Reply> replies, params IReadOnlyCollection<string> allowed)
    {
        var tally = $"{what}: {string.Join(", ", replies.CountBy(static reply => reply.Summary).OrderByDescending(static pair => pair.Value).Select(static pair => $"{pair.Value} × {pair.Key}"))}";
        _print(tally);
        Assert.True(replies.All(reply => allowed.Contains(reply.Summary)), $"{tally}. Allowed: {string.Join(", ", allowed)}.");
    }

    public void Print(string line) => _print(line);

    /// <summary>Watches from now on what others do on the cores.</summary>
    public OtherWork WatchOthers() => new(_host);

    private static async Task<Reply> ExchangeAsync(Connection connection, Func<Connection, Task> send, CancellationToken? until)
    {
        // It ends with the connection, if not before.
        _ = send(connection);
        return await connection.ReadAsync(until);
    }

    public void Dispose()
    {
        Bystander.Dispose();
        _limit.Cancel();
        foreach (var connection in _connections)
        {
            connection.Dispose();
        }

        _limit.Dispose();
    }
}
