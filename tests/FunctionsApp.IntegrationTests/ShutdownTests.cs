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

    [LocalHostFact("The platform's server stands in front of the worker, and receives the header.", Needs.Signals)]
    public Task Half_a_header_does_not_delay_the_shutdown() => EndsInTimeAsync("POST /api/await/echo HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Ty");

    [OwnHostFact(Needs.Signals)]
    public Task A_paused_json_upload_does_not_delay_the_shutdown() => EndsInTimeAsync(Post("await/echo", "application/json", "1\r\n{\r\n"));

    [OwnHostFact(Needs.Signals)]
    public Task A_paused_ndjson_upload_does_not_delay_the_shutdown() => EndsInTimeAsync(Post("map/math.square", "application/x-ndjson", "2\r\n3\n\r\n"));

    [OwnHostFact(Needs.Signals)]
    public Task A_stream_that_nobody_reads_does_not_delay_the_shutdown() => EndsInTimeAsync(Post("stream/count", "application/json", Chunked("""{"count":1000000000}""")));

    [OwnHostFact(Needs.Signals)]
    public Task A_result_that_nobody_reads_does_not_delay_the_shutdown() =>
        EndsInTimeAsync(Post("await/echo", "application/json", Chunked($$"""{"value":"{{new string('x', 9 * 1024 * 1024)}}"}""")));

    [OwnHostFact(Needs.Signals)]
    public Task Many_stalled_connections_do_not_delay_the_shutdown() => EndsInTimeAsync([.. Enumerable.Repeat(Post("map/math.square", "application/x-ndjson", "2\r\n3\n\r\n"), 50)]);

    private static string Post(string path, string contentType, string body) =>
        $"POST /api/{path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {contentType}\r\nTransfer-Encoding: chunked\r\n\r\n{body}";

    private static string Chunked(string body) => $"{body.Length:x}\r\n{body}\r\n0\r\n\r\n";

    /// <summary>Sends what each connection is to begin with, and then nothing more; reads nothing; and stops the host.</summary>
    private static async Task EndsInTimeAsync(params string[] beginnings)
    {
        await using var host = await Hosts.StartAsync();
        using var api = host.Connect();
        var sockets = new List<TcpClient>();
        try
        {
            foreach (var beginning in beginnings)
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

            Assert.InRange(watch.Elapsed, TimeSpan.Zero, Limit);
            Assert.Equal(0, host.ExitCode);
        }
        finally
        {
            sockets.ForEach(static socket => socket.Dispose());
        }
    }
}
