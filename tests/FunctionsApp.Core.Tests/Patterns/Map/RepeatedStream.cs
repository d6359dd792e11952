namespace FunctionsApp.Core.Tests.Patterns.Map;

/// <summary>A body that has the same piece again and again, made as it is read. Its position is what has been read.</summary>
internal sealed class RepeatedStream(byte[] piece, int times) : Stream
{
    private int _at;
    private int _left = times;
    private long _position;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => _position;
        set => throw new NotSupportedException();
    }

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        return ValueTask.FromResult(Read(buffer.Span));
    }

    public override int Read(Span<byte> buffer)
    {
        if (_at == piece.Length)
        {
            (_at, _left) = (0, _left - 1);
        }

        var count = _left <= 0 ? 0 : Math.Min(buffer.Length, piece.Length - _at);
        piece.AsSpan(_at, count).CopyTo(buffer);
        (_at, _position) = (_at + count, _position + count);
        return count;
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override void Flush() => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
}
