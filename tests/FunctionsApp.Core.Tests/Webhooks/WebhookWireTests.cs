using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;
using FunctionsApp.Core.Outbound;
using FunctionsApp.Core.Problems;
using FunctionsApp.Core.Tests.Outbound;
using FunctionsApp.Core.Webhooks;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace FunctionsApp.Core.Tests.Webhooks;

/// <summary>What is sent and kept open, on real connections of loopback: of these the handler of the other tests knows nothing.</summary>
public sealed class WebhookWireTests : OutboundTests, IAsyncDisposable
{
    private const string Key = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    private static readonly byte[] Body = Encoding.UTF8.GetBytes("""{"type":"task.failed","data":{"error":"Zoë"}}""");

    private readonly Receiver _receiver = new();
    private readonly OutboundClient _client;
    private readonly WebhookSender _sender;

    public WebhookWireTests()
    {
        var outbound = Options.Create(new OutboundOptions { AllowedHosts = ["127.0.0.1"] });
        var guard = new OutboundGuard(outbound, Resolver, new AppIdentity(outbound));
        _client = new OutboundClient(guard, outbound, TimeProvider.System);
        var callbacks = Options.Create(new WebhookOptions { SigningKeys = [Key], TimeoutSeconds = 30 });
        _sender = new WebhookSender(
            _client, guard, new SigningKeys(callbacks), callbacks, new ProblemDescriber(NullLogger<ProblemDescriber>.Instance), TimeProvider.System);
    }

    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        await _receiver.DisposeAsync();
    }

    [Fact]
    public async Task The_received_message_verifies()
    {
        _receiver.Respond = static stream => stream.WriteAsync("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"u8.ToArray()).AsTask();

        var result = await SendAsync();

        var (_, line, headers, body) = Assert.Single(_receiver.Requests);
        Assert.Equal((WebhookOutcome.Delivered, 200, "POST /hooks?tenant=7 HTTP/1.1"), (result.Outcome, result.Status, line));
        Assert.Equal(Body, body);
        Assert.Equal("application/json", headers["content-type"]);
        Assert.InRange(Math.Abs(long.Parse(headers["webhook-timestamp"], null) - DateTimeOffset.UtcNow.ToUnixTimeSeconds()), 0, 60);
        Assert.True(WebhookVerifier.Verify(Key, headers["webhook-id"], headers["webhook-timestamp"], headers["webhook-signature"], body));
    }

    [Theory]
    [InlineData(0, 1)]
    [InlineData(4_000, 1)]
    [InlineData(10_000, 2)]
    public async Task Only_a_small_response_keeps_the_connection(int bytes, int connections)
    {
        _receiver.Respond = stream => stream.WriteAsync(Encoding.ASCII.GetBytes($"HTTP/1.1 500 Oh\r\nContent-Length: {bytes}\r\n\r\n{new string('x', bytes)}")).AsTask();

        await SendAsync();
        await SendAsync();

        Assert.Equal((2, connections), (_receiver.Requests.Count, _receiver.Requests.Select(static request => request.Connection).Distinct().Count()));
    }

    [Fact]
    public async Task An_endless_response_is_cut_off()
    {
        _receiver.Respond = static async stream =>
        {
            await stream.WriteAsync("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n"u8.ToArray());
            while (true)
            {
                await stream.WriteAsync(new byte[64 * 1_024]);
            }
        };

        Assert.Equal(WebhookOutcome.Delivered, (await SendAsync()).Outcome);
        await _receiver.CutOff.WaitAsync(Limit);
    }

    [Fact]
    public async Task A_response_with_invalid_compression_counts_by_its_status()
    {
        _receiver.Respond = static stream => stream.WriteAsync("HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: 17\r\n\r\nThis is no Brotli"u8.ToArray()).AsTask();

        Assert.Equal(WebhookOutcome.Delivered, (await SendAsync()).Outcome);
    }

    [Fact]
    public async Task A_reset_connection_is_a_failed_attempt()
    {
        _receiver.Respond = static stream =>
        {
            stream.Socket.LingerState = new LingerOption(enable: true, seconds: 0);
            stream.Socket.Close();
            return Task.CompletedTask;
        };

        var result = await SendAsync();

        Assert.Equal(
            (WebhookOutcome.Failed, null, "The connection to '127.0.0.1' broke before a response arrived."),
            (result.Outcome, result.Status, result.Error));
    }

    [Fact]
    public async Task A_refused_connection_is_a_failed_attempt()
    {
        await _receiver.DisposeAsync();

        Assert.Equal($"Connecting to '{_receiver.Origin.Authority}' failed: connection refused.", (await SendAsync()).Error);
    }

    private Task<WebhookResult> SendAsync() => _sender.SendAsync(new Uri(_receiver.Origin, "/hooks?tenant=7"), "msg_1", Body, default).WaitAsync(Limit);

    private sealed record Arrival(int Connection, string Line, IReadOnlyDictionary<string, string> Headers, byte[] Body);

    /// <summary>Speaks as much HTTP as it takes to see every byte.</summary>
    private sealed class Receiver : IAsyncDisposable
    {
        private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
        private readonly TaskCompletionSource _cutOff = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly Task _accepting;

        public Receiver()
        {
            _listener.Start();
            Origin = new Uri($"http://{_listener.LocalEndpoint}");
            _accepting = AcceptAsync();
        }

        public Uri Origin { get; }

        public ConcurrentQueue<Arrival> Requests { get; } = new();

        /// <summary>Answers each request.</summary>
        public Func<NetworkStream, Task> Respond { get; set; } = null!;

        /// <summary>Ends when the sender has cut an answer off.</summary>
        public Task CutOff => _cutOff.Task;

        public async ValueTask DisposeAsync()
        {
            _listener.Dispose();
            await _accepting;
        }

        private async Task AcceptAsync()
        {
            var connections = new List<Task>();
            try
            {
                while (true)
                {
                    connections.Add(ServeAsync(await _listener.AcceptTcpClientAsync(), connections.Count));
                }
            }
            catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
            {
                // The test is over.
            }

            await Task.WhenAll(connections);
        }

        private async Task ServeAsync(TcpClient client, int connection)
        {
            using (client)
            {
                try
                {
                    var stream = client.GetStream();
                    while (await ReadAsync(stream, connection) is { } request)
                    {
                        Requests.Enqueue(request);
                        await Respond(stream);
                    }
                }
                catch (Exception exception) when (exception is IOException or ObjectDisposedException)
                {
                    _cutOff.TrySetResult();
                }
            }
        }

        private static async Task<Arrival?> ReadAsync(NetworkStream stream, int connection)
        {
            var head = new StringBuilder();
            var one = new byte[1];
            while (!head.ToString().EndsWith("\r\n\r\n", StringComparison.Ordinal))
            {
                if (await stream.ReadAsync(one) == 0)
                {
                    return null;
                }

                head.Append((char)one[0]);
            }

            var lines = head.ToString().Split("\r\n", StringSplitOptions.RemoveEmptyEntries);
            var headers = lines.Skip(1).Select(static line => line.Split(": ", 2))
                .ToDictionary(static parts => parts[0], static parts => parts[1], StringComparer.OrdinalIgnoreCase);
            var body = new byte[int.Parse(headers["content-length"], null)];
            await stream.ReadExactlyAsync(body);
            return new Arrival(connection, lines[0], headers, body);
        }
    }
}
