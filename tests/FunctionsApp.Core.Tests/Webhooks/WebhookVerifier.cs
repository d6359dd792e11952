using System.Security.Cryptography;
using System.Text;

namespace FunctionsApp.Core.Tests.Webhooks;

/// <summary>The receiver's side, as the specification of Standard Webhooks describes it, step by step and with nothing of the sender's.</summary>
public static class WebhookVerifier
{
    /// <summary>Whether one of the signatures in the header is that of the key.</summary>
    public static bool Verify(string key, string id, string timestamp, string signatures, ReadOnlySpan<byte> body)
    {
        // 1. The secret is what base64 stands for after the prefix.
        var secret = Convert.FromBase64String(key.Split('_', 2)[1]);

        // 2. What is signed is the id, the time and the body, with full stops between.
        byte[] signed = [.. Encoding.ASCII.GetBytes(id), (byte)'.', .. Encoding.ASCII.GetBytes(timestamp), (byte)'.', .. body];

        // 3. The signature is the HMAC-SHA256 of that.
        var expected = HMACSHA256.HashData(secret, signed);

        // 4. One of the signatures of version 1 in the header must be it.
        foreach (var signature in signatures.Split(' '))
        {
            var parts = signature.Split(',', 2);
            if (string.Equals(parts[0], "v1", StringComparison.Ordinal) && CryptographicOperations.FixedTimeEquals(expected, Convert.FromBase64String(parts[1])))
            {
                return true;
            }
        }

        return false;
    }
}
