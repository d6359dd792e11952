using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace FunctionsApp.IntegrationTests.Hosting;

/// <summary>
/// A request whose body is sent bit by bit while its answer is read, over a connection of its own: HttpClient hands over no
/// answer of HTTP/1.1 before it has sent all of the body.
/// </summary>
public sealed class Upload : IDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    private readonly Socket _socket;
    private readonly byte[] _buffer = new byte[128 * 1024];
    private readonly List<byte> _line = [];
    private int _start;
    private int _end;
    private int _left;
    private bool _isOver;
    private long _sent;

    private Upload(Socket socket) => _socket = socket;

    /// <summary>How many bytes of the body the connection has taken.</summary>
    public long Sent => Interlocked.Read(ref _sent);

    /// <summary>Sends the head of a request.</summary>
    public static async Task<Upload> StartAsync(Api api, string path)
    {
        var address = new Uri(api.Http.BaseAddress!, path);
        var upload = new Upload(new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true });
        await upload._socket.ConnectAsync(address.Host, address.Port);
        await upload.WriteAsync(Encoding.ASCII.GetBytes(
            $"POST {address.PathAndQuery} HTTP/1.1\r\nHost: {address.Authority}\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n"));
        return upload;
    }

    public Task SendAsync(string text) => SendAsync(Encoding.UTF8.GetBytes(text));

    /// <summary>Sends a part of the body, and returns when the connection has taken it.</summary>
    public async Task SendAsync(byte[] bytes)
    {
        await WriteAsync(Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{bytes.Length:x}\r\n")));
        for (var start = 0; start < bytes.Length;)
        {
            var taken = await _socket.SendAsync(bytes.AsMemory(start, Math.Min(16 * 1024, bytes.Length - start)));
            start += taken;
            Interlocked.Add(ref _sent, taken);
        }

        await WriteAsync("\r\n"u8.ToArray());
    }

    public Task EndAsync() => WriteAsync("0\r\n\r\n"u8.ToArray());

    /// <summary>Sends one part again and again, and the end.</summary>
    public async Task SendAllAsync(byte[] bytes, int times)
    {
        for (var i = 0; i < times; i++)
        {
            await SendAsync(bytes);
        }

        await EndAsync();
    }

    /// <summary>Waits until the connection takes no more.</summary>
    /// <returns>How many bytes it has taken by then.</returns>
    public async Task<long> StallAsync()
    {
        var watch = Stopwatch.StartNew();
        for (var (seen, since) = (Sent, watch.Elapsed); watch.Elapsed - since < TimeSpan.FromSeconds(1);)
        {
            Assert.True(watch.Elapsed < Limit, "It takes more and more.");
            await Task.Delay(20);
            if (Sent is var now && now != seen)
            {
                (seen, since) = (now, watch.Elapsed);
            }
        }

        return Sent;
    }

    /// <summary>Reads the head of the answer.</summary>
    public async Task<HttpStatusCode> ReadHeadAsync()
    {
        var status = (await ReadRawLineAsync()).Split(' ')[1];
        while ((await ReadRawLineAsync()).Length > 0)
        {
            // The headers do not matter.
        }

        return (HttpStatusCode)int.Parse(status, CultureInfo.InvariantCulture);
    }

    /// <summary>Reads a line of the answer; null at its end.</summary>
    public async Task<string?> ReadLineAsync()
    {
        while (await FillAsync())
        {
            var piece = _buffer.AsMemory(_start, Math.Min(_left, _end - _start));
            var end = piece.Span.IndexOf((byte)'\n');
            var taken = end < 0 ? piece.Length : end + 1;
            _line.AddRange(piece.Span[..taken]);
            (_start, _left) = (_start + taken, _left - taken);
            if (end >= 0)
            {
                var line = Encoding.UTF8.GetString([.. _line]);
                _line.Clear();
                return line[..^1];
            }
        }

        Assert.Empty(_line);
        return null;
    }

    /// <summary>Reads the rest of the answer.</summary>
    /// <returns>How many lines it has, and the end of it.</returns>
    public async Task<(long Lines, string End)> ReadToEndAsync()
    {
        var (lines, end) = (0L, "");
        while (await FillAsync())
        {
            var piece = _buffer.AsMemory(_start, Math.Min(_left, _end - _start));
            lines += piece.Span.Count((byte)'\n');
            end = (end.Length > 1_000 ? end[^1_000..] : end) + Encoding.ASCII.GetString(piece.Span[Math.Max(0, piece.Length - 1_000)..]);
            (_start, _left) = (_start + piece.Length, _left - piece.Length);
        }

        return (lines, end);
    }

    /// <summary>Goes away without a word.</summary>
    public void Dispose()
    {
        _socket.LingerState = new LingerOption(enable: true, seconds: 0);
        _socket.Dispose();
    }

    private async Task WriteAsync(byte[] bytes)
    {
        for (var start = 0; start < bytes.Length;)
        {
            start += await _socket.SendAsync(bytes.AsMemory(start));
        }
    }

    /// <summary>Sees to it that there is something of the answer's body; false at its end.</summary>
    private async Task<bool> FillAsync()
    {
        while (_left == 0 && !_isOver)
        {
            // An empty line ends the chunk before.
            var size = await ReadRawLineAsync();
            if (size.Length > 0)
            {
                _left = int.Parse(size, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
                _isOver = _left == 0;
            }
        }

        if (!_isOver && _start == _end)
        {
            await ReceiveAsync();
        }

        return !_isOver;
    }

    private async Task<string> ReadRawLineAsync()
    {
        int length;
        while ((length = _buffer.AsSpan(_start, _end - _start).IndexOf("\r\n"u8)) < 0)
        {
            await ReceiveAsync();
        }

        _start += length + 2;
        return Encoding.ASCII.GetString(_buffer, _start - length - 2, length);
    }

    private async Task ReceiveAsync()
    {
        _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
        (_start, _end) = (0, _end - _start);
        var received = await _socket.ReceiveAsync(_buffer.AsMemory(_end)).AsTask().WaitAsync(Limit);
        Assert.True(received > 0, "The answer is cut off.");
        _end += received;
    }
}
