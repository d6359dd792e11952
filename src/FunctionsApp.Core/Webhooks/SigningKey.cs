using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace FunctionsApp.Core.Webhooks;

/// <summary>
/// A key that signs webhooks, in the format of Standard Webhooks: <c>whsec_</c> and the base64 of 24 to 64 bytes
/// (https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md).
/// </summary>
public sealed class SigningKey
{
    private const string Prefix = "whsec_";
    private const int MinBytes = 24;
    private const int MaxBytes = 64;
    private const int NewBytes = 32;

    private readonly byte[] _secret;

    private SigningKey(byte[] secret) => _secret = secret;

    /// <summary>Generates a key of 32 random bytes, in text form.</summary>
    public static string Generate() => Prefix + Convert.ToBase64String(RandomNumberGenerator.GetBytes(NewBytes));

    /// <summary>Returns the error of a key, such as "is not …", without any part of the key; null for a valid key.</summary>
    /// <param name="text">The key in text form.</param>
    public static string? FindError(string? text)
    {
        if (text?.StartsWith(Prefix, StringComparison.Ordinal) != true)
        {
            return $"does not start with {Prefix}";
        }

        // The framework skips white space; a receiver's verifier may not.
        var secret = new byte[text.Length];
        if (text.Any(char.IsWhiteSpace) || !Convert.TryFromBase64Chars(text.AsSpan(Prefix.Length), secret, out var length))
        {
            return $"is not base64 after {Prefix}";
        }

        return length is >= MinBytes and <= MaxBytes
            ? null
            : string.Create(CultureInfo.InvariantCulture, $"has {length} bytes, not {MinBytes} to {MaxBytes}");
    }

    /// <summary>Parses a key for which <see cref="FindError"/> returns null.</summary>
    internal static SigningKey Parse(string text) => new(Convert.FromBase64String(text[Prefix.Length..]));

    /// <summary>Signs one attempt: <c>v1,</c> and the base64 of the HMAC-SHA256 of <c>id.timestamp.body</c>.</summary>
    /// <param name="id">The message's id.</param>
    /// <param name="timestamp">The time of the attempt, in Unix seconds, exactly as sent.</param>
    /// <param name="body">The body, exactly as sent.</param>
    internal string Sign(string id, string timestamp, ReadOnlySpan<byte> body)
    {
        using var hmac = IncrementalHash.CreateHMAC(HashAlgorithmName.SHA256, _secret);
        hmac.AppendData(Encoding.UTF8.GetBytes($"{id}.{timestamp}."));
        hmac.AppendData(body);
        return "v1," + Convert.ToBase64String(hmac.GetHashAndReset());
    }
}
