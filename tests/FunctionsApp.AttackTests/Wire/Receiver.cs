using System.Net;
using System.Net.Sockets;
using System.Text;

namespace FunctionsApp.AttackTests.Wire;

/// <summary>A server that answers every request with a large body, from one small block.</summary>
public sealed class Receiver : IDisposable
{
    private readonly Body _answer;
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _accepting;

    /// <param name="bytes">The bytes of each answer's body.</param>
    public Receiver(int bytes)
    {
        _answer = Body.Of($"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {bytes}\r\nConnection: close\r\n\r\n").Repeat("a", bytes);
        _listener.Start(backlog: 512);
        _accepting = AcceptAsync();
    }

    public string Url => $"http://{_listener.LocalEndpoint}/";

    public void Dispose()
    {
        _stop.Cancel();
        _listener.Dispose();
        _accepting.Wait(TimeSpan.FromSeconds(5));
        _stop.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                _ = AnswerAsync(await _listener.AcceptSocketAsync(_stop.Token));
            }
        }
        catch (OperationCanceledException)
        {
            // The test is over.
        }
    }

    private async Task AnswerAsync(Socket socket)
    {
        using (socket)
        {
            try
            {
                var request = new byte[4_096];
                for (var length = 0; !Encoding.ASCII.GetString(request, 0, length).EndsWith("\r\n\r\n", StringComparison.Ordinal);)
                {
                    var received = await socket.ReceiveAsync(request.AsMemory(length), _stop.Token);
                    if (received == 0)
                    {
                        return;
                    }

                    length += received;
                }

                foreach (var piece in _answer.Pieces())
                {
                    for (var left = piece; left.Length > 0;)
                    {
                        left = left[await socket.SendAsync(left, _stop.Token)..];
                    }
                }
            }
            catch (Exception exception) when (exception is SocketException or OperationCanceledException)
            {
                // The app reads no further, which is its right.
            }
        }
    }
}
