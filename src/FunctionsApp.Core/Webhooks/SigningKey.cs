using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace FunctionsApp.Core.Webhooks;

/// <summary>
/// A key that webhooks are signed with, as Standard Webhooks writes it: <c>whsec_</c> and the base64 of 24 to 64 bytes
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

    /// <summary>Makes a key of 32 random bytes, as it is written.</summary>
    public static string Generate() => Prefix + Convert.ToBase64String(RandomNumberGenerator.GetBytes(NewBytes));

    /// <summary>What is wrong with a key, as "is not …", and nothing of the key itself; null when it is one.</summary>
    /// <param name="text">The key as it is written.</param>
    public static string? FindError(string? text)
    {
        if (text?.StartsWith(Prefix, StringComparison.Ordinal) != true)
        {
            return $"does not start with {Prefix}";
        }

        // The framework would skip white space, and whoever verifies may not.
        var secret = new byte[text.Length];
        if (text.Any(char.IsWhiteSpace) || !Convert.TryFromBase64Chars(text.AsSpan(Prefix.Length), secret, out var length))
        {
            return $"is not base64 after {Prefix}";
        }

        return length is >= MinBytes and <= MaxBytes
            ? null
            : string.Create(CultureInfo.InvariantCulture, $"has {length} bytes, not {MinBytes} to {MaxBytes}");
    }

    /// <summary>Reads a key without <see cref="FindError"/>.</summary>
    internal static SigningKey Parse(string text) => new(Convert.FromBase64String(text[Prefix.Length..]));

    /// <summary>The signature of one attempt: <c>v1,</c> and the base64 of the HMAC-SHA256 of <c>id.timestamp.body</c>.</summary>
    /// <param name="id">The message's id.</param>
    /// <param name="timestamp">When the attempt is made, in Unix seconds as they are sent.</param>
    /// <param name="body">The body as it is sent.</param>
    internal string Sign(string id, string timestamp, ReadOnlySpan<byte> body)
    {
        using var hmac = IncrementalHash.CreateHMAC(HashAlgorithmName.SHA256, _secret);
        hmac.AppendData(Encoding.UTF8.GetBytes($"{id}.{timestamp}."));
        hmac.AppendData(body);
        return "v1," + Convert.ToBase64String(hmac.GetHashAndReset());
    }
}
