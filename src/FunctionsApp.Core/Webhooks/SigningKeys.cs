using Microsoft.Extensions.Options;

namespace FunctionsApp.Core.Webhooks;

/// <summary>The keys that webhooks are signed with: those that are configured or, without any, a generated one.</summary>
public sealed class SigningKeys(IOptions<CallbacksOptions> options)
{
    private volatile IReadOnlyList<SigningKey> _current = [.. options.Value.SigningKeys.Select(SigningKey.Parse)];

    /// <summary>Whether a key is to be generated, as none is configured and <see cref="CallbacksOptions.GenerateSigningKey"/> is set.</summary>
    public bool NeedsGenerated { get; } = options.Value is { SigningKeys.Count: 0, GenerateSigningKey: true };

    /// <summary>The keys; all of them sign.</summary>
    internal IReadOnlyList<SigningKey> Current => _current;

    /// <summary>Provides the key that was generated, by whoever keeps it, before the first webhook is sent.</summary>
    /// <param name="generated">The key as it is written, without a <see cref="SigningKey.FindError"/>.</param>
    internal void Provide(string generated) => _current = [SigningKey.Parse(generated)];
}
