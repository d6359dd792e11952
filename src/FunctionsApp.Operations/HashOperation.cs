using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Security.Cryptography;
using FunctionsApp.Core.Json;
using FunctionsApp.Core.Operations;

namespace FunctionsApp.Operations;

/// <summary>Input of <c>hash</c>: either text or base64.</summary>
public sealed record HashInput(
    [property: Description("Text, hashed as UTF-8.")] string? Text = null,
    [property: Description("Bytes, in base64.")] byte[]? Base64 = null,
    [property: Description("The hash function."), AllowedValues("md5", "sha1", "sha256", "sha384", "sha512")]
    string Algorithm = "sha256") : ICrossChecked
{
    /// <inheritdoc/>
    public IEnumerable<(string Property, string Message)> Check() => TextOrBase64.Check(Text, Base64);
}

/// <summary>Hashes text or bytes; the result is in lower-case hexadecimal digits.</summary>
[Operation("hash", "Hashes text or bytes.", Example = """{"text":"hello"}""")]
public sealed class HashOperation : ICpuOperation<HashInput, string>
{
    /// <inheritdoc/>
    public string Compute(HashInput input, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var algorithm = new HashAlgorithmName(input.Algorithm.ToUpperInvariant());
        return Convert.ToHexStringLower(CryptographicOperations.HashData(algorithm, TextOrBase64.ToBytes(input.Text, input.Base64)));
    }
}
