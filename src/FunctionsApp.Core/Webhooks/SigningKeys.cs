using Microsoft.Extensions.Options;

namespace FunctionsApp.Core.Webhooks;

/// <summary>
/// The keys that sign webhooks: the configured keys or, if there are none, a generated one, which the task engine stores.
/// </summary>
public sealed class SigningKeys(IOptions<WebhookOptions> options)
{
    private volatile IReadOnlyList<SigningKey> _current = [.. options.Value.SigningKeys.Select(SigningKey.Parse)];

    /// <summary>Whether to generate a key: none is configured and <see cref="WebhookOptions.GenerateSigningKey"/> is true.</summary>
    public bool NeedsGenerated { get; } = options.Value is { SigningKeys.Count: 0, GenerateSigningKey: true };

    /// <summary>The keys; each of them signs.</summary>
    internal IReadOnlyList<SigningKey> Current => _current;

    /// <summary>
    /// Provides the generated key, if one is needed. An engine awaits it before its first webhook, for each storage that it opens.
    /// </summary>
    /// <param name="share">Stores a new key, unless one is stored already, and returns the stored one, in text form.</param>
    /// <returns>Why the stored text is no key, such as "is not …"; null if it is one.</returns>
    public async ValueTask<string?> EnsureAsync(Func<string, Task<string>> share)
    {
        if (!NeedsGenerated)
        {
            return null;
        }

        var key = await share(SigningKey.Generate());
        var error = SigningKey.FindError(key);
        if (error is null)
        {
            _current = [SigningKey.Parse(key)];
        }

        return error;
    }
}
