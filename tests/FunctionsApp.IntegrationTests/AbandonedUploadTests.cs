using System.Globalization;
using System.Net.Sockets;
using System.Text;
using FunctionsApp.IntegrationTests.Hosting;

namespace FunctionsApp.IntegrationTests;

/// <summary>A client that leaves in the middle of an upload is no failure of the app.</summary>
[Collection(FunctionsAppCollection.Name)]
public sealed class AbandonedUploadTests
{
    private const int ClientsOfEachKind = 10;

    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    [OwnHostFact(Needs.Signals)]
    public async Task An_abandoned_upload_logs_nothing()
    {
        await using var host = await Hosts.StartAsync();
        foreach (var (path, type, body) in new[]
        {
            ("await/echo", "application/json", "{\"value\":"),
            ("await/echo", "application/json", $"\"{new string('a', 200_000)}"),
            ("sequence", "application/json", "{\"steps\":["),
            ("gather", "application/json", "{\"calls\":["),
            ("stream/count", "application/json", "{\"count\":"),
            ("tasks/echo", "application/json", "{\"input\":"),
            ("map/math.square", "application/json", "{\"items\":[1,"),
            ("map/math.square", "application/x-ndjson", "1\n2\n"),
            ("map/text.count", "application/x-ndjson", $"\"{new string('a', 200_000)}"),
        })
        {
            foreach (var framing in new[] { "Content-Length: 1000000", "Transfer-Encoding: chunked" })
            {
                // The host answers 100 when it begins to read.
                var head = $"POST /api/{path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {type}\r\n{framing}\r\n"
                    + "Expect: 100-continue\r\n\r\n";
                var part = framing[0] == 'C' ? body : string.Create(CultureInfo.InvariantCulture, $"{body.Length:x}\r\n{body}\r\n");
                await Task.WhenAll(
                    Enumerable.Range(0, ClientsOfEachKind).Select(number => LeaveAsync(host, head, part, isReset: number % 2 == 0)));
            }
        }

        // When the process has ended, all that it logged is there.
        host.Terminate();
        await host.WaitForExitAsync();
        Assert.DoesNotContain("Reading is already in progress", host.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("fail:", host.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", host.Output, StringComparison.Ordinal);
    }

    /// <summary>Sends a part of a body that the host has begun to read, and closes the connection.</summary>
    private static async Task LeaveAsync(AppHost host, string head, string part, bool isReset)
    {
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(host.BaseAddress.Host, host.BaseAddress.Port);
        await SendAsync(head);
        Assert.NotEqual(0, await socket.ReceiveAsync(new byte[100]).WaitAsync(Limit));
        await SendAsync(part);
        socket.LingerState = new LingerOption(enable: isReset, seconds: 0);

        async Task SendAsync(string text)
        {
            var bytes = Encoding.ASCII.GetBytes(text);
            for (var sent = 0; sent < bytes.Length;)
            {
                sent += await socket.SendAsync(bytes.AsMemory(sent)).AsTask().WaitAsync(Limit);
            }
        }
    }
}
