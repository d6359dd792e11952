using System.Text;
using Microsoft.AspNetCore.Http;
using StandardWebhooks;
using StandardWebhooks.Diagnostics;

namespace FunctionsApp.IntegrationTests.Webhooks;

/// <summary>Verifies a webhook as a receiver in .NET may: by the library of Standard Webhooks, with nothing of the app's own.</summary>
public static class WebhookVerifier
{
    /// <summary>What is wrong with a webhook that has just arrived; null when nothing is.</summary>
    /// <param name="secret">The key, as <c>whsec_</c> and base64.</param>
    /// <param name="webhook">The webhook, as it has arrived.</param>
    public static string? FindError(string secret, Webhook webhook)
    {
        var error = "There is no signature.";

        // The library looks at the first signature alone, while the specification lets a sender list several.
        foreach (var signature in webhook.Signatures.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            try
            {
                new StandardWebhook(secret).Verify(Encoding.UTF8.GetString(webhook.Body), new HeaderDictionary
                {
                    ["webhook-id"] = webhook.Id,
                    ["webhook-timestamp"] = webhook.Timestamp,
                    ["webhook-signature"] = signature,
                });
                return null;
            }
            catch (WebhookVerificationException exception)
            {
                error = exception.Message;
            }
        }

        return error;
    }
}
