using System.Buffers.Binary;
using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Security.Cryptography;
using FunctionsApp.Core.Json;
using FunctionsApp.Core.Operations;

namespace FunctionsApp.Operations;

/// <summary>Input of <c>pbkdf2</c>: the password and the salt each either as text or as base64.</summary>
public sealed record Pbkdf2Input(
    [property: Description("The password, as UTF-8.")] string? Password = null,
    [property: Description("The salt, as UTF-8.")] string? Salt = null,
    [property: Description("The number of HMAC iterations."), Range(1, 10_000_000)]
    int Iterations = 600_000,
    [property: Description("The length of the key, in bytes."), Range(1, 1_024)] int Length = 32,
    [property: Description("The hash function of the HMAC."), AllowedValues("sha1", "sha256", "sha384", "sha512")]
    string Algorithm = "sha256",
    [property: Description("The bytes of the password, in base64, in place of password.")] byte[]? PasswordBase64 = null,
    [property: Description("The bytes of the salt, in base64, in place of salt.")] byte[]? SaltBase64 = null) : ICrossChecked
{
    /// <inheritdoc/>
    public IEnumerable<(string Property, string Message)> Check() =>
        TextOrBase64.Check("password", Password, PasswordBase64).Concat(TextOrBase64.Check("salt", Salt, SaltBase64));
}

/// <summary>Derives a key from a password: PBKDF2 of RFC 8018. The result is in lower-case hexadecimal digits.</summary>
[Operation("pbkdf2", "Derives a key from a password.",
    Example = """{"password":"correct horse","salt":"battery staple","iterations":20000}""")]
public sealed class Pbkdf2Operation : ICpuOperation<Pbkdf2Input, string>
{
    /// <summary>
    /// The maximum HMACs of one SHA-256 block that the framework may compute: some tens of milliseconds. The framework
    /// cannot be interrupted, so <see cref="Derive"/> does longer work, at about half the speed.
    /// </summary>
    internal const int MaxUninterrupted = 65_536;

    private const int IterationsOfReport = 16_384;

    /// <inheritdoc/>
    public string Compute(Pbkdf2Input input, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var algorithm = new HashAlgorithmName(input.Algorithm.ToUpperInvariant());
        var password = TextOrBase64.ToBytes(input.Password, input.PasswordBase64);
        var salt = TextOrBase64.ToBytes(input.Salt, input.SaltBase64);
        using var hmac = IncrementalHash.CreateHMAC(algorithm, password);
        var blocks = (input.Length + hmac.HashLengthInBytes - 1) / hmac.HashLengthInBytes;

        // An HMAC with SHA-384 or SHA-512 takes about twice as long.
        var work = (input.Iterations + (salt.Length / 64L)) * blocks * (hmac.HashLengthInBytes > 32 ? 2 : 1);
        return Convert.ToHexStringLower(work <= MaxUninterrupted
            ? Rfc2898DeriveBytes.Pbkdf2(password, salt, input.Iterations, algorithm, input.Length)
            : Derive(hmac, salt, input.Iterations, input.Length, cancellationToken));
    }

    /// <summary>Derives a key (RFC 8018, section 5.2).</summary>
    internal static byte[] Derive(IncrementalHash hmac, byte[] salt, int iterations, int length, CancellationToken cancellationToken)
    {
        var key = new byte[length];
        var hash = new byte[hmac.HashLengthInBytes];
        var progress = ProgressReporter.Current;
        var blocks = (length + hash.Length - 1) / hash.Length;
        for (var offset = 0; offset < length; offset += hash.Length)
        {
            var sum = new byte[hash.Length];
            hmac.AppendData(salt);
            BinaryPrimitives.WriteInt32BigEndian(hash, (offset / hash.Length) + 1);
            hmac.AppendData(hash, 0, sizeof(int));
            for (var i = 0; i < iterations; i++)
            {
                cancellationToken.ThrowIfCancellationRequested();
                hmac.AppendData(i == 0 ? [] : hash);
                hmac.GetHashAndReset(hash);
                for (var j = 0; j < sum.Length; j++)
                {
                    sum[j] ^= hash[j];
                }

                if (i % IterationsOfReport == 0)
                {
                    progress?.Report(((long)(offset / hash.Length) * iterations) + i, (long)blocks * iterations);
                }
            }

            sum.AsSpan(0, Math.Min(sum.Length, length - offset)).CopyTo(key.AsSpan(offset));
        }

        return key;
    }
}
