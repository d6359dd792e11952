using System.Text;

namespace FunctionsApp.AttackTests.Wire;

/// <summary>A large body that is never built: each repeated part is sent from one small block.</summary>
public sealed class Body
{
    private const int MaxBlockBytes = 64 * 1024;

    private readonly List<(ReadOnlyMemory<byte> Block, long Bytes)> _parts = [];

    /// <summary>Its bytes.</summary>
    public long Length => _parts.Sum(static part => part.Bytes);

    public static Body Of(string text) => new Body().Then(text);

    /// <summary>An array of one element again and again, between two texts.</summary>
    public static Body Array(string before, string element, long count, string after = "}") =>
        Of(before).Then("[").Repeat(element + ",", count - 1).Then(element).Then("]").Then(after);

    /// <summary>A JSON object whose last property is a long string.</summary>
    /// <param name="before">All before the string.</param>
    /// <param name="bytes">The bytes of the whole body.</param>
    /// <param name="unit">What the string repeats.</param>
    public static Body Text(string before, long bytes, string unit = "a") =>
        Of(before).Then("\"").Repeat(unit, (bytes - before.Length - 3) / unit.Length).Then("\"}");

    public Body Then(string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        _parts.Add((bytes, bytes.Length));
        return this;
    }

    public Body Repeat(string unit, long times)
    {
        var bytes = Encoding.UTF8.GetBytes(unit);
        var block = new byte[bytes.Length * Math.Max(1, MaxBlockBytes / bytes.Length)];
        for (var start = 0; start < block.Length; start += bytes.Length)
        {
            bytes.CopyTo(block, start);
        }

        _parts.Add((block, bytes.Length * times));
        return this;
    }

    /// <summary>The pieces to send, in order.</summary>
    /// <param name="bytes">Where to stop.</param>
    public IEnumerable<ReadOnlyMemory<byte>> Pieces(long bytes = long.MaxValue)
    {
        foreach (var (block, length) in _parts)
        {
            for (var left = Math.Min(length, bytes); left > 0;)
            {
                var piece = block[..(int)Math.Min(block.Length, left)];
                yield return piece;
                left -= piece.Length;
                bytes -= piece.Length;
            }
        }
    }
}
