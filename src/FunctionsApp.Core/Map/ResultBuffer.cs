using System.Buffers;

namespace FunctionsApp.Core.Map;

/// <summary>Grows as it is written to, and can take back the end of it: what a failing item had written already.</summary>
internal sealed class ResultBuffer : IBufferWriter<byte>
{
    private byte[] _bytes = new byte[256];

    /// <summary>How many bytes are written; may be set to fewer.</summary>
    public int Length { get; set; }

    /// <summary>What is written.</summary>
    public ReadOnlyMemory<byte> Written => _bytes.AsMemory(0, Length);

    public void Advance(int count) => Length += count;

    public Memory<byte> GetMemory(int sizeHint = 0)
    {
        var needed = Length + Math.Max(sizeHint, 1);
        if (needed > _bytes.Length)
        {
            Array.Resize(ref _bytes, Math.Max(needed, (int)Math.Min(2L * _bytes.Length, Array.MaxLength)));
        }

        return _bytes.AsMemory(Length);
    }

    public Span<byte> GetSpan(int sizeHint = 0) => GetMemory(sizeHint).Span;
}
