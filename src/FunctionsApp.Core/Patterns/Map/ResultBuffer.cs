using System.Buffers;

namespace FunctionsApp.Core.Patterns.Map;

/// <summary>A growing buffer whose end can be removed, such as the partial output of a failed item.</summary>
internal sealed class ResultBuffer : IBufferWriter<byte>, IDisposable
{
    private byte[] _bytes = ArrayPool<byte>.Shared.Rent(1_024);

    /// <summary>How many bytes are written; can be set to fewer.</summary>
    public int Length { get; set; }

    /// <summary>The written bytes, valid until the buffer is disposed of.</summary>
    public ReadOnlyMemory<byte> Written => _bytes.AsMemory(0, Length);

    public void Advance(int count) => Length += count;

    public Memory<byte> GetMemory(int sizeHint = 0)
    {
        var needed = Length + Math.Max(sizeHint, 1);
        if (needed > _bytes.Length)
        {
            var larger = ArrayPool<byte>.Shared.Rent(Math.Max(needed, (int)Math.Min(2L * _bytes.Length, Array.MaxLength)));
            Written.CopyTo(larger);
            ArrayPool<byte>.Shared.Return(_bytes);
            _bytes = larger;
        }

        return _bytes.AsMemory(Length);
    }

    public Span<byte> GetSpan(int sizeHint = 0) => GetMemory(sizeHint).Span;

    /// <summary>Releases the memory.</summary>
    public void Dispose()
    {
        ArrayPool<byte>.Shared.Return(_bytes);
        (_bytes, Length) = ([], 0);
    }
}
