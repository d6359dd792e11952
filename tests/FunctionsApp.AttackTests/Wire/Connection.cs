using System.Globalization;
using System.Net.Sockets;
using System.Text;

namespace FunctionsApp.AttackTests.Wire;

/// <summary>One request over a connection of its own, sent as slowly and read as late as the attack wants.</summary>
public sealed class Connection : IDisposable
{
    private readonly Socket _socket = new(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
    private readonly Uri _host;
    private readonly CancellationToken _cancellationToken;

    private Connection(Uri host, CancellationToken cancellationToken) => (_host, _cancellationToken) = (host, cancellationToken);

    public static async Task<Connection> OpenAsync(Uri host, CancellationToken cancellationToken)
    {
        var connection = new Connection(host, cancellationToken);
        try
        {
            await connection._socket.ConnectAsync(host.Host, host.Port, cancellationToken);
            return connection;
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    /// <summary>Sends the head of a request.</summary>
    /// <param name="method">The method.</param>
    /// <param name="path">The path below <c>/api/</c>.</param>
    /// <param name="headers">More headers, a line each.</param>
    public Task SendHeadAsync(string method, string path, params string[] headers) =>
        SendAsync($"{method} /api/{path} HTTP/1.1\r\nHost: {_host.Authority}\r\n{string.Concat(headers.Select(static header => header + "\r\n"))}\r\n");

    /// <summary>Sends the head of a POST with a body of a known length.</summary>
    public Task SendHeadAsync(string path, Body body, string accept) => SendHeadAsync("POST", path,
        "Content-Type: application/json", "Accept: " + accept, string.Create(CultureInfo.InvariantCulture, $"Content-Length: {body.Length}"));

    public Task SendAsync(string text) => SendAsync(Encoding.UTF8.GetBytes(text));

    /// <summary>Sends a body, or the beginning of it. It ends early where the host takes no more: the answer says why.</summary>
    public async Task SendAsync(Body body, long bytes = long.MaxValue)
    {
        try
        {
            foreach (var piece in body.Pieces(bytes))
            {
                await SendAsync(piece);
            }
        }
        catch (Exception exception) when (exception is SocketException or OperationCanceledException or ObjectDisposedException)
        {
            // The reply is judged, not how much of the body was read.
        }
    }

    /// <summary>Reads the answer.</summary>
    public Task<Reply> ReadAsync(CancellationToken cancellationToken) => ReplyReader.ReadAsync(_socket, cancellationToken);

    public Task<Reply> ReadAsync() => ReadAsync(_cancellationToken);

    /// <summary>Goes away without a word.</summary>
    public void Dispose()
    {
        if (_socket.Connected)
        {
            _socket.LingerState = new LingerOption(enable: true, seconds: 0);
        }

        _socket.Dispose();
    }

    private async Task SendAsync(ReadOnlyMemory<byte> bytes)
    {
        while (bytes.Length > 0)
        {
            bytes = bytes[await _socket.SendAsync(bytes, _cancellationToken)..];
        }
    }
}
