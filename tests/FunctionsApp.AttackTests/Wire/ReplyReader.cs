using System.Buffers;
using System.Globalization;
using System.Net.Sockets;
using System.Text;

namespace FunctionsApp.AttackTests.Wire;

/// <summary>Reads an answer of HTTP/1.1, and keeps little of it.</summary>
internal sealed class ReplyReader(Socket socket, CancellationToken cancellationToken)
{
    private const int MaxKeptError = AttackTests.Wire.Reply.MaxKept;
    private const int MaxKeptSuccess = 8 * 1024;

    private readonly byte[] _buffer = new byte[16 * 1024];
    private readonly StringBuilder _head = new();
    private readonly ArrayBufferWriter<byte> _kept = new();
    private int _start;
    private int _end;
    private int _status;
    private long _length;

    /// <summary>Reads until the answer, the connection or the time ends.</summary>
    public static async Task<Reply> ReadAsync(Socket socket, CancellationToken cancellationToken)
    {
        var reader = new ReplyReader(socket, cancellationToken);
        try
        {
            await reader.ReadHeadAsync();
            await reader.ReadBodyAsync();
            return reader.Reply(Ending.Whole);
        }
        catch (OperationCanceledException)
        {
            return reader.Reply(Ending.Unfinished);
        }
        catch (Exception exception) when (exception is SocketException or EndOfStreamException)
        {
            return reader.Reply(Ending.Cut);
        }
    }

    private Reply Reply(Ending ending) => new(_status, _head.ToString(), _length, Encoding.UTF8.GetString(_kept.WrittenSpan), ending);

    private async Task ReadHeadAsync()
    {
        var line = await ReadLineAsync();
        var status = int.Parse(line.Split(' ')[1], CultureInfo.InvariantCulture);
        for (; line.Length > 0; line = await ReadLineAsync())
        {
            _head.Append(line).Append('\n');
        }

        _status = status;
    }

    private async Task ReadBodyAsync()
    {
        if (Header("Content-Length") is { } length)
        {
            await ReadBytesAsync(long.Parse(length, CultureInfo.InvariantCulture));
            return;
        }

        if (Header("Transfer-Encoding") is null)
        {
            return;
        }

        while (int.Parse(await ReadLineAsync(), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture) is var size and > 0)
        {
            await ReadBytesAsync(size);
            await ReadLineAsync();
        }
    }

    private string? Header(string name) => _head.ToString().Split('\n')
        .FirstOrDefault(line => line.StartsWith(name + ":", StringComparison.OrdinalIgnoreCase))?[(name.Length + 1)..].Trim();

    private async Task ReadBytesAsync(long bytes)
    {
        while (bytes > 0)
        {
            if (_start == _end)
            {
                await FillAsync();
            }

            var piece = (int)Math.Min(bytes, _end - _start);
            Keep(_buffer.AsSpan(_start, piece));
            _start += piece;
            _length += piece;
            bytes -= piece;
        }
    }

    private void Keep(ReadOnlySpan<byte> bytes)
    {
        if (_status < 300 && _kept.WrittenCount + bytes.Length > 2 * MaxKeptSuccess)
        {
            // Only its end tells how a streamed answer went.
            var end = _kept.WrittenSpan[^Math.Min(_kept.WrittenCount, MaxKeptSuccess)..].ToArray();
            _kept.ResetWrittenCount();
            _kept.Write(end);
            bytes = bytes[^Math.Min(bytes.Length, MaxKeptSuccess)..];
        }

        _kept.Write(bytes[..Math.Min(bytes.Length, MaxKeptError - _kept.WrittenCount)]);
    }

    private async Task<string> ReadLineAsync()
    {
        int length;
        while ((length = _buffer.AsSpan(_start, _end - _start).IndexOf("\r\n"u8)) < 0)
        {
            await FillAsync();
        }

        _start += length + 2;
        return Encoding.ASCII.GetString(_buffer, _start - length - 2, length);
    }

    private async Task FillAsync()
    {
        _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
        (_start, _end) = (0, _end - _start);
        var received = await socket.ReceiveAsync(_buffer.AsMemory(_end), cancellationToken);
        _end += received > 0 ? received : throw new EndOfStreamException();
    }
}
