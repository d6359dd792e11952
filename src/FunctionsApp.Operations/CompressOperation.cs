using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.IO.Compression;
using FunctionsApp.Core.Json;
using FunctionsApp.Core.Operations;

namespace FunctionsApp.Operations;

/// <summary>Input of <c>compress</c>: either text or base64.</summary>
public sealed record CompressInput(
    [property: Description("Text, compressed as UTF-8.")] string? Text = null,
    [property: Description("Bytes, in base64.")] byte[]? Base64 = null,
    [property: Description("The format: gzip (RFC 1952), brotli (RFC 7932) or zlib (RFC 1950)."), AllowedValues("gzip", "brotli", "zlib")]
    string Algorithm = "gzip",
    [property: Description("From 0 (fastest) to 9 (gzip, zlib) or 11 (brotli) for the smallest result. The default is 6 (brotli: 5).")]
    [property: Range(0, 11)]
    int? Level = null) : ICrossChecked
{
    /// <inheritdoc/>
    public IEnumerable<(string Property, string Message)> Check()
    {
        var errors = TextOrBase64.Check(Text, Base64);
        return Level > 9 && Algorithm is not "brotli" ? errors.Append(("level", $"must be from 0 to 9 for {Algorithm}")) : errors;
    }
}

/// <summary>Output of <c>compress</c>.</summary>
/// <param name="Base64">The compressed bytes.</param>
/// <param name="OriginalBytes">The length of the input, in bytes.</param>
/// <param name="CompressedBytes">The compressed length, in bytes.</param>
public sealed record CompressOutput(byte[] Base64, int OriginalBytes, int CompressedBytes);

/// <summary>Compresses in memory, with the formats of the framework.</summary>
[Operation("compress", "Compresses text or bytes.", Example = """{"text":"hello hello hello hello","algorithm":"brotli"}""")]
public sealed class CompressOperation : ICpuOperation<CompressInput, CompressOutput>
{
    /// <summary>A size that even the slowest level compresses within some tens of milliseconds.</summary>
    private const int BlockBytes = 16 * 1024;

    /// <inheritdoc/>
    public CompressOutput Compute(CompressInput input, CancellationToken cancellationToken)
    {
        var data = TextOrBase64.ToBytes(input.Text, input.Base64);

        // Without a flush, Brotli's best levels first buffer megabytes, and then take seconds for them.
        var flush = input is { Algorithm: "brotli", Level: > 8 };
        using var output = new MemoryStream();
        using (var compressor = Open(input.Algorithm, input.Level, output))
        {
            for (var offset = 0; offset < data.Length; offset += BlockBytes)
            {
                cancellationToken.ThrowIfCancellationRequested();
                compressor.Write(data, offset, Math.Min(BlockBytes, data.Length - offset));
                if (flush)
                {
                    compressor.Flush();
                }
            }
        }

        var compressed = output.Length > 0 ? output.ToArray() : Empty(input.Algorithm);
        return new CompressOutput(compressed, data.Length, compressed.Length);
    }

    /// <summary>The stream of no bytes, for which the framework writes none: an empty block of deflate, and checksums.</summary>
    private static byte[] Empty(string algorithm) => algorithm is "zlib"
        ? [0x78, 0x9c, 0x03, 0, 0, 0, 0, 1]
        : [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff, 0x03, 0, 0, 0, 0, 0, 0, 0, 0, 0];

    private static Stream Open(string algorithm, int? level, Stream output) => algorithm switch
    {
        "brotli" => new BrotliStream(output, new BrotliCompressionOptions { Quality = level ?? 5 }, leaveOpen: true),
        "zlib" => new ZLibStream(output, new ZLibCompressionOptions { CompressionLevel = level ?? 6 }, leaveOpen: true),
        _ => new GZipStream(output, new ZLibCompressionOptions { CompressionLevel = level ?? 6 }, leaveOpen: true),
    };
}
