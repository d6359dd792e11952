using System.Net;
using System.Net.Sockets;
using System.Text;

namespace FunctionsApp.IntegrationTests.Outbound;

/// <summary>A server on loopback that answers with the bytes that the path has in base64url, and closes the connection.</summary>
public sealed class RawServer : IDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);

    public RawServer()
    {
        _listener.Start();
        _ = AcceptAsync();
    }

    public Uri Origin => new($"http://{_listener.LocalEndpoint}");

    /// <summary>The URL of an answer.</summary>
    public string Url(byte[] answer) => new Uri(Origin, Convert.ToBase64String(answer).Replace('+', '-').Replace('/', '_')).AbsoluteUri;

    public void Dispose() => _listener.Dispose();

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                _ = AnswerAsync(await _listener.AcceptTcpClientAsync());
            }
        }
        catch (Exception exception) when (exception is ObjectDisposedException or SocketException)
        {
            // The test is over.
        }
    }

    private static async Task AnswerAsync(TcpClient client)
    {
        using (client)
        {
            var stream = client.GetStream();
            using var reader = new StreamReader(stream, Encoding.ASCII);
            var start = await reader.ReadLineAsync() ?? "";
            while (await reader.ReadLineAsync() is { Length: > 0 })
            {
                // A header.
            }

            var path = start.Split(' ')[1][1..].Replace('-', '+').Replace('_', '/');
            await stream.WriteAsync(Convert.FromBase64String(path));
            client.Client.Shutdown(SocketShutdown.Send);
        }
    }
}
