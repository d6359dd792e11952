using System.Globalization;
using System.Text;
using StandardWebhooks;

namespace FunctionsApp.Core.Tests.Webhooks;

/// <summary>
/// The receiver's side, by the .NET library of Standard Webhooks. Its own verification goes by the system's clock and by the first signature
/// alone, so only the signature is compared here.
/// </summary>
public static class WebhookVerifier
{
    /// <summary>Whether one of the signatures in the header is that of the key.</summary>
    public static bool Verify(string key, string id, string timestamp, string signatures, ReadOnlySpan<byte> body)
    {
        var at = DateTimeOffset.FromUnixTimeSeconds(long.Parse(timestamp, CultureInfo.InvariantCulture));
        return signatures.Split(' ').Contains(new StandardWebhook(key).Sign(id, at, Encoding.UTF8.GetString(body)), StringComparer.Ordinal);
    }
}
