using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace FunctionsApp.Benchmarks;

/// <summary>
/// One connection that speaks just enough HTTP/1.1, on the thread that calls. HttpClient costs as much as the servers that it
/// is to load, and over HTTP/1.1 it sends the whole of a body before it reads anything.
/// </summary>
internal sealed class RawConnection : IDisposable
{
    private const int PatienceMs = 60_000;

    private readonly Socket _socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp)
    {
        NoDelay = true,
        SendTimeout = PatienceMs,
        ReceiveTimeout = PatienceMs,
    };

    private readonly byte[] _buffer = new byte[128 * 1024];
    private int _start;
    private int _end;

    /// <summary>What is still to come of the body, or of its present chunk.</summary>
    private long _left;
    private bool _isChunked;

    public RawConnection(int port) => _socket.Connect(IPAddress.Loopback, port);

    /// <summary>Sends all of it; another thread may read meanwhile.</summary>
    public void Send(ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            bytes = bytes[_socket.Send(bytes)..];
        }
    }

    /// <summary>Reads the head of an answer.</summary>
    /// <returns>Its status.</returns>
    public int ReadHead()
    {
        var status = int.Parse(ReadLine().Slice("HTTP/1.1 ".Length, 3), provider: null);
        (_left, _isChunked) = (0, false);
        for (var line = ReadLine(); !line.IsEmpty; line = ReadLine())
        {
            if (Names(line, "Content-Length:"u8, out var value))
            {
                _left = long.Parse(value, provider: null);
            }
            else if (Names(line, "Transfer-Encoding:"u8, out _))
            {
                _isChunked = true;
            }
        }

        return status;
    }

    /// <summary>The next piece of the body, valid until the next call; empty at the end.</summary>
    public ReadOnlySpan<byte> ReadBody()
    {
        while (_left == 0)
        {
            if (!_isChunked)
            {
                return default;
            }

            // An empty line ends the chunk before.
            var size = ReadLine();
            if (!size.IsEmpty)
            {
                _left = long.Parse(size, NumberStyles.AllowHexSpecifier, provider: null);
                if (_left == 0)
                {
                    ReadLine();
                    _isChunked = false;
                }
            }
        }

        if (_start == _end)
        {
            Receive();
        }

        var piece = _buffer.AsSpan(_start, (int)Math.Min(_left, _end - _start));
        _start += piece.Length;
        _left -= piece.Length;
        return piece;
    }

    /// <summary>Reads an answer whose body does not matter.</summary>
    /// <returns>Its status.</returns>
    public int ReadResponse()
    {
        var status = ReadHead();
        while (!ReadBody().IsEmpty)
        {
        }

        return status;
    }

    public void Dispose() => _socket.Dispose();

    private static bool Names(ReadOnlySpan<byte> line, ReadOnlySpan<byte> name, out ReadOnlySpan<byte> value)
    {
        var names = line.Length > name.Length && Ascii.EqualsIgnoreCase(line[..name.Length], name);
        value = names ? line[name.Length..].Trim((byte)' ') : default;
        return names;
    }

    private ReadOnlySpan<byte> ReadLine()
    {
        int length;
        while ((length = _buffer.AsSpan(_start, _end - _start).IndexOf("\r\n"u8)) < 0)
        {
            Receive();
        }

        var line = _buffer.AsSpan(_start, length);
        _start += length + 2;
        return line;
    }

    private void Receive()
    {
        _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
        (_start, _end) = (0, _end - _start);
        var received = _socket.Receive(_buffer.AsSpan(_end));
        _end += received > 0 ? received : throw new SocketException((int)SocketError.ConnectionReset);
    }
}
