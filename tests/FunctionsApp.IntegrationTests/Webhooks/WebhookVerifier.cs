using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace FunctionsApp.IntegrationTests.Webhooks;

/// <summary>
/// Verifies a webhook step by step, as the specification has it and with nothing of the app's own
/// (https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md).
/// </summary>
public static class WebhookVerifier
{
    /// <summary>How far the sender's clock may be from the receiver's.</summary>
    private static readonly TimeSpan Tolerance = TimeSpan.FromMinutes(5);

    /// <summary>What is wrong with a webhook; null when nothing is.</summary>
    /// <param name="secret">The key, as <c>whsec_</c> and base64.</param>
    /// <param name="webhook">The webhook, as it has arrived.</param>
    public static string? Fault(string secret, Webhook webhook)
    {
        // 1. The id must be there, and the timestamp be about now: else somebody may send again what he has overheard.
        if (webhook.Id.Length == 0)
        {
            return "There is no webhook-id.";
        }

        if (!long.TryParse(webhook.Timestamp, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds)
            || (webhook.At - DateTimeOffset.FromUnixTimeSeconds(seconds)).Duration() > Tolerance)
        {
            return $"The webhook-timestamp is '{webhook.Timestamp}' at {webhook.At:O}.";
        }

        // 2. What is signed: the id, the timestamp and the body, with a full stop between them.
        byte[] signed = [.. Encoding.UTF8.GetBytes(webhook.Id + "." + webhook.Timestamp + "."), .. webhook.Body];

        // 3. The key is what stands after its prefix, decoded; the signature is the HMAC-SHA256, in base64.
        var key = Convert.FromBase64String(secret["whsec_".Length..]);
        var expected = "v1," + Convert.ToBase64String(HMACSHA256.HashData(key, signed));

        // 4. The header lists signatures with a space between them; one by this key is enough.
        return webhook.Signatures.Split(' ').Contains(expected, StringComparer.Ordinal)
            ? null
            : $"None of '{webhook.Signatures}' is '{expected}'.";
    }
}
