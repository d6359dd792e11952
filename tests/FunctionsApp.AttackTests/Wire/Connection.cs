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

    /// <summary>Sends a POST with a body of a known length.</summary>
    /// <param name="path">The path below <c>/api/</c>.</param>
    /// <param name="body">The body.</param>
    /// <param name="accept">The media type of the answer.</param>
    /// <param name="bytes">How much of the body to send.</param>
    public async Task PostAsync(string path, Body body, string accept = "application/json", long bytes = long.MaxValue)
    {
        await SendHeadAsync("POST", path,
            "Content-Type: application/json", "Accept: " + accept, string.Create(CultureInfo.InvariantCulture, $"Content-Length: {body.Length}"));
        await SendAsync(body, bytes);
    }

    public Task SendAsync(string text) => SendAsync((ReadOnlyMemory<byte>)Encoding.UTF8.GetBytes(text));

    /// <summary>Sends a body, or the beginning of it.</summary>
    public async Task SendAsync(Body body, long bytes = long.MaxValue)
    {
        foreach (var piece in body.Pieces(bytes))
        {
            if (!await SendAsync(piece))
            {
                return;
            }
        }
    }

    /// <summary>Sends bytes, and waits until the host takes them.</summary>
    public async Task SendAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        while (bytes.Length > 0)
        {
            bytes = bytes[await _socket.SendAsync(bytes, cancellationToken)..];
        }
    }

    /// <summary>Reads the answer.</summary>
    /// <param name="until">When to give up, if not with the attack.</param>
    public Task<Reply> ReadAsync(CancellationToken? until = null) => ReplyReader.ReadAsync(_socket, until ?? _cancellationToken);

    /// <summary>Goes away without a word.</summary>
    public void Dispose()
    {
        if (_socket.Connected)
        {
            _socket.LingerState = new LingerOption(enable: true, seconds: 0);
        }

        _socket.Dispose();
    }

    /// <summary>Sends bytes; false where the host takes no more. The answer is judged, not how much of the request was read.</summary>
    private async Task<bool> SendAsync(ReadOnlyMemory<byte> bytes)
    {
        try
        {
            while (bytes.Length > 0)
            {
                bytes = bytes[await _socket.SendAsync(bytes, _cancellationToken)..];
            }

            return true;
        }
        catch (Exception exception) when (exception is SocketException or OperationCanceledException or ObjectDisposedException)
        {
            return false;
        }
    }
}
