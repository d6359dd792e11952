using System.Diagnostics;
using System.Net.Sockets;
using System.Text;
using FunctionsApp.IntegrationTests.Hosting;

namespace FunctionsApp.IntegrationTests;

/// <summary>A host that stops does not wait for connections on which nothing moves.</summary>
[Collection(FunctionsAppCollection.Name)]
public sealed class ShutdownTests
{
    /// <summary>What an orchestrator grants by default is 10 s or more.</summary>
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(8);

    /// <summary>What each connection sends, and then nothing more.</summary>
    private static readonly string[] Beginnings =
    [
        // Half a header. In front of a worker the platform's server receives it.
        .. Hosts.AreTestHosts ? Array.Empty<string>() : ["POST /api/await/echo HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Ty"],

        // A paused upload of JSON, and many of lines.
        Post("await/echo", "application/json", "1\r\n{\r\n"),
        .. Enumerable.Repeat(Post("map/math.square", "application/x-ndjson", "2\r\n3\n\r\n"), 50),

        // A stream and a result that nobody reads.
        Post("stream/count", "application/json", Chunked("""{"count":1000000000}""")),
        Post("await/echo", "application/json", Chunked($$"""{"value":"{{new string('x', 9 * 1024 * 1024)}}"}""")),
    ];

    [OwnHostFact(Needs.Signals)]
    public async Task Stalled_connections_do_not_delay_the_shutdown()
    {
        // The best of a few, because the machine may be busy with something else.
        var best = TimeSpan.MaxValue;
        for (var attempt = 0; attempt < 3 && best > Limit; attempt++)
        {
            var duration = await StopAsync();
            best = duration < best ? duration : best;
        }

        Assert.InRange(best, TimeSpan.Zero, Limit);
    }

    private static string Post(string path, string contentType, string body) =>
        $"POST /api/{path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {contentType}\r\nTransfer-Encoding: chunked\r\n\r\n{body}";

    private static string Chunked(string body) => $"{body.Length:x}\r\n{body}\r\n0\r\n\r\n";

    /// <summary>Sends the beginnings, reads nothing, and stops the host.</summary>
    /// <returns>How long that took.</returns>
    private static async Task<TimeSpan> StopAsync()
    {
        await using var host = await Hosts.StartAsync();
        using var api = host.Connect();
        var sockets = new List<TcpClient>();
        try
        {
            foreach (var beginning in Beginnings)
            {
                var socket = new TcpClient { ReceiveBufferSize = 4_096 };
                sockets.Add(socket);
                await socket.ConnectAsync(host.BaseAddress.Host, host.BaseAddress.Port);
                await socket.GetStream().WriteAsync(Encoding.ASCII.GetBytes(beginning));
            }

            // What comes later is answered: the host has seen what came before.
            await api.PostAsync("await/delay", """{"seconds":1}""");
            var watch = Stopwatch.StartNew();
            host.Terminate();
            await host.WaitForProcessAsync();

            Assert.Equal(0, host.ExitCode);
            return watch.Elapsed;
        }
        finally
        {
            sockets.ForEach(static socket => socket.Dispose());
        }
    }
}
