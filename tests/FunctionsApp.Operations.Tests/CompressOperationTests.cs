using System.IO.Compression;
using System.Text;
using FsCheck;
using FsCheck.Fluent;

namespace FunctionsApp.Operations.Tests;

public class CompressOperationTests
{
    private static readonly Gen<CompressInput> Inputs =
        from bytes in Gen.OneOf(
            Gen.Choose(0, 255).Select(static value => (byte)value).ArrayOf(),
            Gen.Choose(0, 40_000).Select(static length => Sample(length)),
            Gen.Choose(0, 40_000).Select(static length => new byte[length]))
        from algorithm in Gen.Elements("gzip", "zlib", "brotli")
        from level in Gen.Choose(0, algorithm == "brotli" ? 11 : 9)
        select new CompressInput(Base64: bytes, Algorithm: algorithm, Level: level);

    public static TheoryData<string, int?> Levels()
    {
        var data = new TheoryData<string, int?> { { "gzip", null }, { "zlib", null }, { "brotli", null } };
        for (var level = 0; level <= 11; level++)
        {
            data.Add("brotli", level);
            if (level <= 9)
            {
                data.Add("gzip", level);
                data.Add("zlib", level);
            }
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(Levels))]
    public void Makes_what_decompresses_to_the_original(string algorithm, int? level)
    {
        var bytes = Sample(200_000);

        var output = Compress(new CompressInput(Base64: bytes, Algorithm: algorithm, Level: level));

        Assert.Equal(bytes, Decompress(output.Base64, algorithm));
        Assert.Equal((bytes.Length, output.Base64.Length), (output.OriginalBytes, output.CompressedBytes));
    }

    [Fact]
    public void Loses_nothing_of_any_bytes() => Prop.ForAll(
        Inputs.ToArbitrary(),
        static input => Assert.Equal(input.Base64, Decompress(Compress(input).Base64, input.Algorithm))).QuickCheckThrowOnFailure();

    [Theory]
    [InlineData("gzip")]
    [InlineData("zlib")]
    [InlineData("brotli")]
    public void Compresses_nothing(string algorithm)
    {
        var output = Compress(new CompressInput("", Algorithm: algorithm));

        Assert.Equal((0, output.Base64.Length), (output.OriginalBytes, output.CompressedBytes));
        Assert.NotEmpty(output.Base64);
        Assert.Empty(Decompress(output.Base64, algorithm));
    }

    // What zlib makes of no bytes; gzip with 255 for an unknown file system (RFC 1952, section 2.3.1).
    [Theory]
    [InlineData("gzip", "1f8b08000000000000ff0300" + "00000000" + "00000000")]
    [InlineData("zlib", "789c0300" + "00000001")]
    public void Makes_a_whole_stream_of_nothing(string algorithm, string expected)
    {
        Assert.Equal(expected, Convert.ToHexStringLower(Compress(new CompressInput(Base64: [], Algorithm: algorithm)).Base64));
    }

    [Fact]
    public void Takes_text_as_utf8()
    {
        var output = Compress(new CompressInput("Grüße 👋"));

        Assert.Equal("Grüße 👋", Encoding.UTF8.GetString(Decompress(output.Base64, "gzip")));
    }

    [Theory]
    [InlineData("gzip", new byte[] { 0x1f, 0x8b, 8 })] // RFC 1952, section 2.3.1
    [InlineData("zlib", new byte[] { 0x78 })] // RFC 1950, section 2.2: deflate with a window of 32 KiB
    public void Starts_with_the_mark_of_its_format(string algorithm, byte[] expected)
    {
        Assert.Equal(expected, Compress(new CompressInput("hello", Algorithm: algorithm)).Base64[..expected.Length]);
    }

    [Theory]
    [InlineData("gzip", 1, 9)]
    [InlineData("brotli", 1, 11)]
    public void Is_smaller_at_a_higher_level(string algorithm, int low, int high)
    {
        var bytes = Sample(100_000);

        Assert.True(
            Compress(new CompressInput(Base64: bytes, Algorithm: algorithm, Level: high)).CompressedBytes
            < Compress(new CompressInput(Base64: bytes, Algorithm: algorithm, Level: low)).CompressedBytes);
    }

    [Fact]
    public void Needs_either_text_or_base64()
    {
        Assert.Single(new CompressInput().Check());
        Assert.Single(new CompressInput("", []).Check());
        Assert.Empty(new CompressInput("").Check());
    }

    [Theory]
    [InlineData("gzip", 9, 0)]
    [InlineData("gzip", 10, 1)]
    [InlineData("zlib", 11, 1)]
    [InlineData("brotli", 11, 0)]
    public void Knows_the_levels_of_each_algorithm(string algorithm, int level, int errors)
    {
        Assert.Equal(errors, new CompressInput("", Algorithm: algorithm, Level: level).Check().Count());
    }

    [Fact]
    public void Stops_when_cancelled()
    {
        Assert.Throws<OperationCanceledException>(() =>
            new CompressOperation().Compute(new CompressInput("text"), new CancellationToken(canceled: true)));
    }

    private static CompressOutput Compress(CompressInput input) => new CompressOperation().Compute(input, default);

    private static byte[] Decompress(byte[] compressed, string algorithm)
    {
        using var input = new MemoryStream(compressed);
        using Stream decompressor = algorithm switch
        {
            "gzip" => new GZipStream(input, CompressionMode.Decompress),
            "zlib" => new ZLibStream(input, CompressionMode.Decompress),
            _ => new BrotliStream(input, CompressionMode.Decompress),
        };
        using var output = new MemoryStream();
        decompressor.CopyTo(output);
        return output.ToArray();
    }

    /// <summary>Bytes that repeat themselves, but not simply.</summary>
    private static byte[] Sample(int length)
    {
        var random = new Random(9);
        var words = Enumerable.Range(0, 500).Select(_ => Encoding.ASCII.GetBytes($"{random.Next(100_000)} ")).ToArray();
        return [.. Enumerable.Range(0, length).SelectMany(_ => words[random.Next(random.Next(1, words.Length))]).Take(length)];
    }
}
